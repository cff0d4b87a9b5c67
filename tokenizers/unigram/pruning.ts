/**
 * Which candidates a vocabulary can do without.
 */
import type { Lattice } from "./lattice.ts";
import { selectHighest } from "./selection.ts";

/**
 * Drops candidates until `size` are left: those whose loss lowers the likelihood of the text least. Characters stay.
 *
 * @param counts expected uses, by candidate
 * @param probabilities by candidate; 0 for those that are to go in any case, as do candidates without a use
 * @returns the candidates kept, ascending
 */
export function leastMissed(
  lattice: Lattice,
  counts: Float64Array,
  probabilities: Float64Array,
  size: number,
): Int32Array {
  const total = counts.reduce((sum, count) => sum + count, 0); // grid points: exact in any order
  const parts = new Int32Array(64);
  const losses = new Float64Array(lattice.size);
  for (let candidate = 0; candidate < losses.length; candidate++) {
    losses[candidate] = lattice.lengths[candidate] === 1
      ? Infinity
      : probabilities[candidate] === 0 || counts[candidate] === 0
      ? -Infinity
      : loss(candidate);
  }
  return selectHighest(losses, size, (a, b) => lattice.compare(a, b));

  /**
   * Nats that the text's log probability falls by, for each use of any piece, when a candidate's uses go to its best split.
   *
   * Source: SentencePiece, `Trainer::PruneSentencePieces`. Differs: uses are expected ones, not those of the best segmentation.
   */
  function loss(candidate: number): number {
    const n = lattice.bestSplit(candidate, probabilities, parts);
    if (n === 0) return Number.MAX_VALUE; // every split is less likely than a double can say
    const count = counts[candidate];
    const logTotalAfter = Math.log(total + count * (n - 1));
    let logProbAfter = 0;
    for (let i = 0; i < n; i++) logProbAfter += Math.log(counts[parts[i]] + count) - logTotalAfter;
    return count / total * (Math.log(count) - Math.log(total) - logProbAfter);
  }
}
