/**
 * All ways to cut the segments into candidate pieces: for each place, the candidates that begin there. Its character is one
 * of them everywhere and needs no room; edges are the longer ones.
 *
 * It is built once and only filtered afterwards, so an EM step walks no trie. Sums run over probabilities, not logarithms:
 * each piece counts c to the power of its length, which cancels in expectations and, with c near the inverse probability
 * of a character, keeps the sums near 1. A segment that still leaves the range of a double gets a c of its own.
 *
 * Several threads may work on a lattice in shared memory, each on segments or candidates of its own.
 */
import { maxSegmentLength } from "./config.ts";
import { gridRounder } from "./exact_sum.ts";
import type { SegmentText } from "./segments.ts";

/** A lattice as arrays; those by candidate have room for `size` of them. */
export interface LatticeArrays {
  /** Code points of the characters, which are the first candidates. */
  readonly alphabet: Int32Array;
  readonly text: SegmentText;
  /** Segment s is the places from `starts[s] + s` on, as many as `starts[s + 1] - starts[s]`; an empty one follows. */
  readonly starts: Int32Array;
  /** Occurrences of each segment. */
  readonly segmentCounts: Float64Array;
  /** Characters of the text that the segments stand for. */
  readonly totalLength: number;
  /** By place: how many edges begin there. */
  readonly edgeCounts: Uint8Array;
  /** By segment: its first edge; one more ends the last. */
  readonly firstEdges: Int32Array;
  /** Candidates with their lengths (`edgeOf`), place by place, shorter ones first. */
  readonly edges: Int32Array;
  readonly size: number;
  /** By candidate: characters, and where it can be found: a segment, and from which of its characters on. */
  readonly lengths: Uint8Array;
  readonly segments: Int32Array;
  readonly offsets: Uint8Array;
}

/** A range of segments, or of candidates. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** Cuts `0 … size` into ranges of about the same weight. @param before the weight of all items before one */
export function evenRanges(size: number, count: number, before: (item: number) => number): Range[] {
  const ranges: Range[] = [];
  for (let i = 1, from = 0; i <= count; i++) {
    let to = from;
    while (to < size && (i === count || before(to) < before(size) * i / count)) to++;
    ranges.push({ from, to });
    from = to;
  }
  return ranges;
}

/** Candidates that a lattice can hold: an edge has 26 bits for one and 6 for its length. */
export const mostCandidates = 2 ** 26;
const candidateBits = 26;
const candidateMask = mostCandidates - 1;

export function edgeOf(candidate: number, length: number): number {
  return candidate | (length - 1) << candidateBits;
}

export class Lattice {
  readonly arrays: LatticeArrays;
  #size: number;
  // Place of the next edge to filter, and its place afterwards.
  #next = 0;
  #left = 0;
  /** Where the edges of the current segment end. */
  #end = 0;
  // Room for one segment: by place, and by edge.
  readonly #alpha = new Float64Array(maxSegmentLength + 1);
  readonly #beta = new Float64Array(maxSegmentLength + 1);
  readonly #weights = new Float64Array(maxSegmentLength);
  readonly #edgeWeights = new Float64Array(maxSegmentLength ** 2);
  // Room for one candidate.
  readonly #splitBest = new Float64Array(maxSegmentLength + 1);
  readonly #splitLast = new Int32Array(maxSegmentLength + 1);

  constructor(arrays: LatticeArrays) {
    this.arrays = arrays;
    this.#size = arrays.size;
  }

  /** Candidates that are left. */
  get size(): number {
    return this.#size;
  }

  /** All segments, cut into so many ranges with about as many ways on each. */
  shares(count: number): Range[] {
    const { starts, firstEdges, segmentCounts } = this.arrays;
    return evenRanges(segmentCounts.length, count, (s) => starts[s] + firstEdges[s]);
  }

  /**
   * The E-step over a range of segments: adds what each candidate is expected to `expected`, and returns the logarithm of the
   * segments' probability. Results of ranges add up to that of all, to the last bit, in any order.
   *
   * @param renumbered given at the first E-step after `keep`: the range's edges are filtered, and those that stay move to the
   *   beginning of the range's edges
   */
  expectRange(
    probabilities: Float64Array,
    characterLogProb: number,
    { from, to }: Range,
    expected: Float64Array,
    renumbered?: Int32Array,
  ): number {
    const { starts, segmentCounts, totalLength, firstEdges } = this.arrays;
    const rounder = gridRounder(totalLength);
    const logRounder = gridRounder(totalLength * 1024); // no character is less likely than e^-1024
    const shared = powers(Math.exp(-characterLogProb));
    this.#next = this.#left = firstEdges[from];
    let logLikelihood = 0;
    for (let s = from; s < to; s++) {
      const start = starts[s] + s;
      const length = starts[s + 1] - starts[s];
      let power = shared;
      let logScale = -characterLogProb;
      if (renumbered !== undefined) firstEdges[s] = this.#left;
      const first = firstEdges[s];
      let total = renumbered === undefined
        ? this.#forward(start, length, first, probabilities, power)
        : this.#filterForward(start, length, probabilities, power, renumbered);
      if (!(total > 1e-250 && total < 1e250)) {
        logScale = -this.#bestLogProb(start, length, first, probabilities) / length;
        power = powers(Math.exp(logScale));
        total = this.#forward(start, length, first, probabilities, power);
      }
      const count = segmentCounts[s];
      this.#backward(start, length, first, count / total, rounder, expected);
      const term = count * (Math.log(total) - length * logScale);
      logLikelihood += (term + logRounder) - logRounder;
    }
    return logLikelihood;
  }

  /** Fills `alpha` (by place: all ways to get there), `weights` and `edgeWeights`, and returns alpha's last value. */
  #forward(
    start: number,
    length: number,
    first: number,
    probabilities: Float64Array,
    power: Float64Array,
  ): number {
    const { text, edgeCounts, edges } = this.arrays;
    const [alpha, weights, edgeWeights] = [this.#alpha, this.#weights, this.#edgeWeights];
    const one = power[1];
    for (let i = 1; i <= length; i++) alpha[i] = 0;
    alpha[0] = 1;
    let e = first;
    for (let i = 0, k = 0; i < length; i++) {
      const before = alpha[i];
      const own = probabilities[text[start + i]];
      alpha[i + 1] += before * own * one;
      weights[i] = own * one;
      for (const end = e + edgeCounts[start + i]; e < end; e++) {
        const edge = edges[e];
        const n = (edge >>> candidateBits) + 1;
        const probability = probabilities[edge & candidateMask];
        alpha[i + n] += before * probability * power[n];
        edgeWeights[k++] = probability * power[n];
      }
    }
    this.#end = e;
    return alpha[length];
  }

  /** As `forward`, over edges from `next` on; those that stay go to where `left` is. */
  #filterForward(
    start: number,
    length: number,
    probabilities: Float64Array,
    power: Float64Array,
    renumbered: Int32Array,
  ): number {
    const { text, edgeCounts, edges } = this.arrays;
    const [alpha, weights, edgeWeights] = [this.#alpha, this.#weights, this.#edgeWeights];
    const one = power[1];
    for (let i = 1; i <= length; i++) alpha[i] = 0;
    alpha[0] = 1;
    let [e, left] = [this.#next, this.#left];
    for (let i = 0, k = 0; i < length; i++) {
      const before = alpha[i];
      const own = probabilities[text[start + i]];
      alpha[i + 1] += before * own * one;
      weights[i] = own * one;
      const first = left;
      for (const end = e + edgeCounts[start + i]; e < end; e++) {
        const edge = edges[e];
        const candidate = renumbered[edge & candidateMask];
        if (candidate < 0) continue;
        edges[left++] = (edge & ~candidateMask) | candidate;
        const n = (edge >>> candidateBits) + 1;
        const probability = probabilities[candidate];
        alpha[i + n] += before * probability * power[n];
        edgeWeights[k++] = probability * power[n];
      }
      edgeCounts[start + i] = left - first;
    }
    this.#next = e;
    this.#end = this.#left = left;
    return alpha[length];
  }

  /** Fills `beta` (by place: all ways from there to the end) and adds what each candidate is expected. */
  #backward(
    start: number,
    length: number,
    first: number,
    weight: number,
    rounder: number,
    expected: Float64Array,
  ): void {
    const { text, edgeCounts, edges } = this.arrays;
    const [alpha, beta] = [this.#alpha, this.#beta];
    const [weights, edgeWeights] = [this.#weights, this.#edgeWeights];
    beta[length] = 1;
    for (let i = length - 1, end = this.#end; i >= 0; i--) {
      const before = alpha[i] * weight;
      const from = end - edgeCounts[start + i];
      let sum = weights[i] * beta[i + 1];
      expected[text[start + i]] += (before * sum + rounder) - rounder;
      for (let e = from; e < end; e++) {
        const edge = edges[e];
        const term = edgeWeights[e - first] * beta[i + (edge >>> candidateBits) + 1];
        sum += term;
        expected[edge & candidateMask] += (before * term + rounder) - rounder;
      }
      beta[i] = sum;
      end = from;
    }
  }

  #bestLogProb(
    start: number,
    length: number,
    first: number,
    probabilities: Float64Array,
  ): number {
    const { text, edgeCounts, edges } = this.arrays;
    const best = new Float64Array(length + 1).fill(-Infinity);
    best[0] = 0;
    for (let i = 0, e = first; i < length; i++) {
      best[i + 1] = Math.max(best[i + 1], best[i] + Math.log(probabilities[text[start + i]]));
      for (const end = e + edgeCounts[start + i]; e < end; e++) {
        const to = i + (edges[e] >>> candidateBits) + 1;
        const logProb = Math.log(probabilities[edges[e] & candidateMask]);
        best[to] = Math.max(best[to], best[i] + logProb);
      }
    }
    return best[length];
  }

  /**
   * The most probable way to write a candidate without itself: candidates from its end to its start, into `into`.
   * Of equally probable ways the one whose last piece is longest, then so on before it. Returns their number, 0 if there is none.
   */
  bestSplit(candidate: number, probabilities: Float64Array, into: Int32Array): number {
    const { text, starts, edgeCounts, firstEdges, edges, lengths, segments, offsets } = this.arrays;
    const [best, last] = [this.#splitBest, this.#splitLast];
    const length = lengths[candidate];
    const segment = segments[candidate];
    const segmentStart = starts[segment] + segment;
    const start = segmentStart + offsets[candidate];
    let first = firstEdges[segment];
    for (let place = segmentStart; place < start; place++) first += edgeCounts[place];
    for (let i = 1; i <= length; i++) best[i] = 0;
    best[0] = 1;
    for (let i = 0; i < length; i++) {
      const before = best[i];
      const character = text[start + i];
      const alone = before * probabilities[character];
      if (alone > best[i + 1]) {
        best[i + 1] = alone;
        last[i + 1] = edgeOf(character, 1);
      }
      const end = first + edgeCounts[start + i];
      for (let e = first; e < end; e++) {
        const edge = edges[e];
        const to = i + (edge >>> candidateBits) + 1;
        if (to > length) break;
        const other = edge & candidateMask;
        const probability = before * probabilities[other];
        if (probability > best[to] && other !== candidate) {
          best[to] = probability;
          last[to] = edge;
        }
      }
      first = end;
    }
    if (best[length] === 0) return 0;
    let parts = 0;
    for (let at = length; at > 0;) {
      const edge = last[at];
      into[parts++] = edge & candidateMask;
      at -= (edge >>> candidateBits) + 1;
    }
    return parts;
  }

  /**
   * Keeps these candidates, ascending, all characters among them: candidate `kept[i]` becomes i. Edges are filtered by the next E-step.
   *
   * @param renumbered is filled: by candidate the one that it becomes, -1 for none
   */
  keep(kept: Int32Array, renumbered: Int32Array): void {
    const { lengths, segments, offsets } = this.arrays;
    renumbered.fill(-1, 0, this.size);
    for (let i = 0; i < kept.length; i++) {
      renumbered[kept[i]] = i;
      lengths[i] = lengths[kept[i]];
      segments[i] = segments[kept[i]];
      offsets[i] = offsets[kept[i]];
    }
    this.#size = kept.length;
  }

  /** A candidate's text. */
  text(candidate: number): string {
    const { alphabet, text, starts, lengths, segments, offsets } = this.arrays;
    const segment = segments[candidate];
    const start = starts[segment] + segment + offsets[candidate];
    let result = "";
    for (let i = 0; i < lengths[candidate]; i++) {
      result += String.fromCodePoint(alphabet[text[start + i]]);
    }
    return result;
  }
}

/** base^0 … base^maxSegmentLength. */
function powers(base: number): Float64Array {
  const result = new Float64Array(maxSegmentLength + 1);
  result[0] = 1;
  for (let n = 1; n < result.length; n++) result[n] = result[n - 1] * base;
  return result;
}
