/**
 * A vector as a combination of few others: orthogonal matching pursuit.
 *
 * Source: Pati, Rezaiifar, Krishnaprasad 1993; for embeddings of pieces that another vocabulary lacks, arXiv 2506.06607.
 */

/** Rows of equal width, one after the other. */
export interface Rows {
  readonly width: number;
  readonly data: Float32Array | Float64Array;
}

/** A weight for each anchor that was taken, in the order of taking. */
export interface Combination {
  readonly anchors: readonly number[];
  readonly weights: readonly number[];
}

/** What is left of a vector, as a share of its length, below which it counts as reached: rounding of single precision. */
const reached = 1e-6;

/**
 * The anchor that correlates best with what is left is taken, all weights are fitted again by least squares, and so on until
 * `most` are taken or nothing is left. Sums are in float64; of equals the first is taken.
 *
 * @param target [width]
 * @param most Anchors taken at most.
 */
export function sparseCombination(
  target: Float32Array | Float64Array,
  anchors: Rows,
  most: number,
): Combination {
  const { width, data } = anchors;
  const count = data.length / width;
  const norms = Float64Array.from({ length: count }, (_, row) => lengthOf(rowOf(anchors, row)));
  const left = Float64Array.from(target);
  const whole = lengthOf(left);
  const taken: number[] = [];
  // Gram-Schmidt: anchor taken[i] is the sum of triangle[i][j] · basis[j] for j up to i, and the target of shares[j] · basis[j].
  const basis: Float64Array[] = [];
  const triangle: number[][] = [];
  const shares: number[] = [];
  while (taken.length < Math.min(most, width) && lengthOf(left) > reached * whole) {
    const next = bestAnchor(left, anchors, norms, taken);
    if (next === undefined) break;
    const direction = Float64Array.from(rowOf(anchors, next));
    const parts = new Array<number>(basis.length).fill(0);
    for (let pass = 0; pass < 2; pass++) { // the second takes away what rounding left of the first
      basis.forEach((unit, i) => {
        const part = dot(direction, unit);
        parts[i] += part;
        addTo(direction, unit, -part);
      });
    }
    const length = lengthOf(direction);
    if (length <= reached * norms[next]) break; // it lies among those that are taken
    const unit = direction.map((value) => value / length);
    taken.push(next);
    basis.push(unit);
    triangle.push([...parts, length]);
    const share = dot(left, unit);
    shares.push(share);
    addTo(left, unit, -share);
  }
  return { anchors: taken, weights: solve(triangle, shares) };
}

/** Weights w with Σ_i w_i · triangle[i][j] = shares[j] for every j: from the last to the first. */
function solve(triangle: readonly (readonly number[])[], shares: readonly number[]): number[] {
  const weights = new Array<number>(shares.length).fill(0);
  for (let i = shares.length - 1; i >= 0; i--) {
    let rest = shares[i];
    for (let later = i + 1; later < shares.length; later++) {
      rest -= weights[later] * triangle[later][i];
    }
    weights[i] = rest / triangle[i][i];
  }
  return weights;
}

function bestAnchor(
  left: Float64Array,
  anchors: Rows,
  norms: Float64Array,
  taken: readonly number[],
): number | undefined {
  let [best, found] = [0, undefined as number | undefined];
  for (let row = 0; row < norms.length; row++) {
    if (norms[row] === 0 || taken.includes(row)) continue;
    const value = Math.abs(dot(left, rowOf(anchors, row))) / norms[row];
    if (value > best) [best, found] = [value, row];
  }
  return found;
}

export function rowOf({ width, data }: Rows, row: number): Float32Array | Float64Array {
  return data.subarray(row * width, (row + 1) * width);
}

function dot(a: Float32Array | Float64Array, b: Float32Array | Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** a ← a + factor · b */
function addTo(a: Float64Array, b: Float64Array, factor: number): void {
  for (let i = 0; i < a.length; i++) a[i] += factor * b[i];
}

function lengthOf(vector: Float32Array | Float64Array): number {
  return Math.sqrt(dot(vector, vector));
}
