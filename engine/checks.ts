/**
 * What every engine checks of names and sizes that callers give.
 */
import { didYouMean } from "../base/mod.ts";
import type { Graph } from "../model/mod.ts";

/** @throws RangeError for a name that the table does not hold. */
export function expectName(name: string, known: readonly string[], what: string): void {
  if (known.includes(name)) return;
  throw new RangeError(
    `Cannot find ${what} "${name}": expected one of ${known.join(", ")}${didYouMean(name, known)}`,
  );
}

/** @throws RangeError for an array of another size. */
export function expectLength(name: string, found: number, expected: number): void {
  if (found === expected) return;
  throw new RangeError(`Cannot write "${name}": expected ${expected} values, found ${found}`);
}

/** @throws RangeError for a number of threads that is not 1 or more. */
export function expectThreads(threads: number): void {
  if (Number.isInteger(threads) && threads >= 1) return;
  throw new RangeError(`Cannot compile a graph: expected threads of 1 or more, found ${threads}`);
}

/** @throws RangeError for a graph that trains nothing. */
export function expectGradients({ gradients }: Graph): void {
  if (Object.keys(gradients).length > 0) return;
  throw new RangeError(
    "Cannot compile a training graph: expected gradients, found none (differentiate() writes them)",
  );
}

/**
 * @param lengths Of every moment, by name.
 * @throws RangeError for a moment that is missing, unknown or of another size.
 */
export function expectMoments(
  moments: Readonly<Record<string, Float32Array>>,
  lengths: Readonly<Record<string, number>>,
): void {
  for (const name of new Set([...Object.keys(lengths), ...Object.keys(moments)])) {
    const [expected, found] = [lengths[name] ?? 0, moments[name]?.length ?? 0];
    if (found === expected) continue;
    throw new RangeError(
      `Cannot write moment "${name}": expected ${expected} values, found ${found}`,
    );
  }
}
