/**
 * Numbers that attention adds to its scores: for ALiBi a penalty that grows with distance, and what hides a position.
 *
 * Source: Press et al. 2022, "Train short, test long", §3.
 */

/** Scores of positions that may not be seen. Finite, so that no rewriting of a softmax meets ∞ − ∞. */
export const hiddenScore = -1e9;
/** log2 of the steepest penalty; 8 in the paper and in llm-foundry. */
export const biasMax = 8;

/**
 * Slope of each head: 2^(−8h/n) for h = 1…n, where n is a power of two.
 *
 * Differs: slopes when nHeads is not a power of two follow llm-foundry: those of the next power of two, every second one
 * from the second on, then every second one from the first on, until there are enough.
 */
export function alibiSlopes(nHeads: number): number[] {
  const n = 2 ** Math.ceil(Math.log2(nHeads));
  const slopes = Array.from({ length: n }, (_, i) => 2 ** (-(i + 1) * biasMax / n));
  if (n === nHeads) return slopes;
  const odd = slopes.filter((_, i) => i % 2 === 1);
  const even = slopes.filter((_, i) => i % 2 === 0);
  return [...odd, ...even].slice(0, nHeads);
}

/** [H, T, T]: slope·(j − i) where position i sees position j ≤ i, else a score that softmax turns into zero. */
export function alibiBias(nHeads: number, length: number): Float32Array {
  const bias = new Float32Array(nHeads * length * length);
  let at = 0;
  for (const slope of alibiSlopes(nHeads)) {
    for (let i = 0; i < length; i++) {
      for (let j = 0; j < length; j++) bias[at++] = j > i ? hiddenScore : slope * (j - i);
    }
  }
  return bias;
}
