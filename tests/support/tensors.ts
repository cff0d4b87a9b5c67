/**
 * Comparison of tensors that says where they differ.
 */

export interface Tolerance {
  /** Largest difference allowed. */
  readonly absolute?: number;
  /** Largest difference allowed as a share of the expected tensor's largest magnitude. */
  readonly relative?: number;
}

/** @throws Error with name, shape, worst index and both values when tensors differ by more than the tolerance. */
export function assertTensorsClose(
  name: string,
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  shape: readonly number[],
  { absolute = 0, relative = 0 }: Tolerance,
): void {
  const size = shape.reduce((product, length) => product * length, 1);
  if (actual.length !== size || expected.length !== size) {
    throw new Error(
      `${name} [${shape}]: expected ${size} values, found ${actual.length} and ${expected.length}`,
    );
  }
  let largest = 0;
  let worst = 0;
  let worstDifference = 0;
  for (let i = 0; i < size; i++) {
    if (Number.isFinite(expected[i])) largest = Math.max(largest, Math.abs(expected[i]));
    const difference = Object.is(actual[i], expected[i]) ? 0 : Math.abs(actual[i] - expected[i]);
    if (!(difference <= worstDifference)) [worst, worstDifference] = [i, difference];
    if (Number.isNaN(difference)) break;
  }
  const allowed = absolute + relative * largest;
  if (worstDifference <= allowed) return;
  throw new Error(
    `${name} [${shape}] differs by ${worstDifference} at [${
      indexOf(worst, shape)
    }], allowed ${allowed}: ` +
      `found ${actual[worst]}, expected ${expected[worst]}`,
  );
}

function indexOf(at: number, shape: readonly number[]): number[] {
  return shape.toReversed().map((length) => {
    const index = at % length;
    at = (at - index) / length;
    return index;
  }).reverse();
}
