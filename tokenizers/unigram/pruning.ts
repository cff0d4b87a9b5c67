/**
 * The loss of each candidate, which says what a vocabulary can do without.
 */
import { maxSegmentLength } from "./config.ts";
import type { Lattice, Range } from "./lattice.ts";

/**
 * Writes the loss of each candidate of a range into `losses`: infinity for characters, which stay; minus infinity for
 * candidates that go in any case.
 *
 * @param counts expected uses, by candidate
 * @param total their sum
 * @param probabilities by candidate; 0 for those that go in any case, as do candidates without a use
 */
export function findLosses(
  lattice: Lattice,
  counts: Float64Array,
  total: number,
  probabilities: Float64Array,
  { from, to }: Range,
  losses: Float64Array,
): void {
  const { lengths } = lattice.arrays;
  const parts = new Int32Array(maxSegmentLength);
  const logTotal = Math.log(total);
  for (let candidate = from; candidate < to; candidate++) {
    losses[candidate] = lengths[candidate] === 1
      ? Infinity
      : probabilities[candidate] === 0 || counts[candidate] === 0
      ? -Infinity
      : loss(candidate);
  }

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
    return count / total * (Math.log(count) - logTotal - logProbAfter);
  }
}
