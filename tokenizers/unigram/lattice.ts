/**
 * All ways to cut the segments into candidate pieces: for each place, the candidates that begin there.
 *
 * It is built once and only filtered afterwards, so an EM step walks no trie. Sums run over probabilities, not logarithms:
 * each piece counts c to the power of its length, which cancels in expectations and, with c near the inverse probability
 * of a character, keeps the sums near 1. A segment that leaves the range of a double all the same gets a c of its own.
 */
import { maxSegmentLength } from "./config.ts";
import { gridRounder } from "./exact_sum.ts";
import type { Segments } from "./segments.ts";

export interface Expectation {
  /** By candidate: how often it is expected to be used. */
  readonly counts: Float64Array;
  /** Logarithm of the probability of all segments, in nats. */
  readonly logLikelihood: number;
}

/** What an E-step reads, on shared memory when threads take part. */
export interface LatticeArrays {
  /** Segment s is the places `starts[s] … starts[s + 1]`. */
  readonly starts: Int32Array;
  /** Occurrences of each segment. */
  readonly segmentCounts: Float64Array;
  /** By place: its edges are `edges[firstEdge[p] … firstEdge[p + 1]]`. */
  readonly firstEdge: Int32Array;
  /** Candidates, shorter ones first. */
  readonly edges: Int32Array;
  /** By candidate: characters. */
  readonly lengths: Uint8Array;
  /** Characters of the text that the segments stand for. */
  readonly totalLength: number;
}

export interface SegmentRange {
  readonly from: number;
  readonly to: number;
}

/**
 * The E-step over a range of segments. Results of ranges add up to that of all, to the last bit, in any order.
 *
 * @param probabilities by candidate
 * @param characterLogProb the rough log probability of a character
 */
export function expectSegments(
  lattice: LatticeArrays,
  probabilities: Float64Array,
  characterLogProb: number,
  { from, to }: SegmentRange,
): Expectation {
  const { starts, segmentCounts, firstEdge, edges, lengths, totalLength } = lattice;
  const expected = new Float64Array(lengths.length);
  const rounder = gridRounder(totalLength);
  const logRounder = gridRounder(totalLength * 1024); // no character is less likely than e^-1024
  const alpha = new Float64Array(maxSegmentLength + 1);
  const beta = new Float64Array(maxSegmentLength + 1);
  const shared = powers(Math.exp(-characterLogProb));
  let logLikelihood = 0;
  for (let s = from; s < to; s++) {
    const start = starts[s];
    const length = starts[s + 1] - start;
    let power = shared;
    let logScale = -characterLogProb;
    let total = forward(start, length, power);
    if (!(total > 1e-250 && total < 1e250)) {
      logScale = -bestLogProb(start, length) / length;
      power = powers(Math.exp(logScale));
      total = forward(start, length, power);
    }
    const count = segmentCounts[s];
    backward(start, length, power, count / total);
    const term = count * (Math.log(total) - length * logScale);
    logLikelihood += (term + logRounder) - logRounder;
  }
  return { counts: expected, logLikelihood };

  /** Fills `alpha` (by place: all ways to get there) and returns its last value. */
  function forward(start: number, length: number, power: Float64Array): number {
    alpha.fill(0, 0, length + 1);
    alpha[0] = 1;
    for (let i = 0; i < length; i++) {
      const before = alpha[i];
      const end = firstEdge[start + i + 1];
      for (let e = firstEdge[start + i]; e < end; e++) {
        const candidate = edges[e];
        const n = lengths[candidate];
        alpha[i + n] += before * probabilities[candidate] * power[n];
      }
    }
    return alpha[length];
  }

  /** Fills `beta` (by place: all ways from there to the end) and adds what each candidate is expected. */
  function backward(start: number, length: number, power: Float64Array, weight: number): void {
    beta[length] = 1;
    for (let i = length - 1; i >= 0; i--) {
      const before = alpha[i] * weight;
      const end = firstEdge[start + i + 1];
      let sum = 0;
      for (let e = firstEdge[start + i]; e < end; e++) {
        const candidate = edges[e];
        const n = lengths[candidate];
        const term = probabilities[candidate] * power[n] * beta[i + n];
        sum += term;
        expected[candidate] += (before * term + rounder) - rounder;
      }
      beta[i] = sum;
    }
  }

  function bestLogProb(start: number, length: number): number {
    const best = new Float64Array(length + 1).fill(-Infinity);
    best[0] = 0;
    for (let i = 0; i < length; i++) {
      for (let e = firstEdge[start + i]; e < firstEdge[start + i + 1]; e++) {
        const end = i + lengths[edges[e]];
        best[end] = Math.max(best[end], best[i] + Math.log(probabilities[edges[e]]));
      }
    }
    return best[length];
  }
}

export class Lattice {
  /** By candidate: characters, and a place where it begins. */
  lengths: Uint8Array;
  places: Int32Array;
  readonly #segments: Segments;
  readonly #firstEdge: Int32Array; // by place: its edges are #edges[#firstEdge[p] … #firstEdge[p + 1]]
  #edges: Int32Array; // candidates, shorter ones first
  readonly #splitBest = new Float64Array(maxSegmentLength + 1); // room for one candidate
  readonly #splitLast = new Int32Array(maxSegmentLength + 1);
  /** Characters of the text that the segments stand for. */
  readonly totalLength: number;

  constructor(
    segments: Segments,
    candidates: { lengths: Uint8Array; places: Int32Array },
    edges: { first: Int32Array; candidates: Int32Array },
  ) {
    this.lengths = candidates.lengths;
    this.places = candidates.places;
    this.#segments = segments;
    this.#firstEdge = edges.first;
    this.#edges = edges.candidates;
    const { starts, counts } = segments;
    this.totalLength = counts.reduce((sum, n, s) => sum + n * (starts[s + 1] - starts[s]), 0);
  }

  get size(): number {
    return this.lengths.length;
  }

  /** What an E-step reads. Valid until the next `keep`. */
  get arrays(): LatticeArrays {
    const { starts, counts } = this.#segments;
    return {
      starts,
      segmentCounts: counts,
      firstEdge: this.#firstEdge,
      edges: this.#edges,
      lengths: this.lengths,
      totalLength: this.totalLength,
    };
  }

  get edgeCount(): number {
    return this.#edges.length;
  }

  /** All segments, cut into so many ranges with about as many edges each. */
  shares(count: number): SegmentRange[] {
    const { starts, counts } = this.#segments;
    const ranges: SegmentRange[] = [];
    for (let i = 1, from = 0; i <= count; i++) {
      const edges = this.edgeCount * i / count;
      let to = from;
      while (to < counts.length && (i === count || this.#firstEdge[starts[to]] < edges)) to++;
      ranges.push({ from, to });
      from = to;
    }
    return ranges;
  }

  /** A copy of what an E-step over a range of segments reads; in it the range is all there is. */
  part({ from, to }: SegmentRange): LatticeArrays {
    const { starts, counts } = this.#segments;
    const [firstPlace, lastPlace] = [starts[from], starts[to]];
    const [firstEdge, lastEdge] = [this.#firstEdge[firstPlace], this.#firstEdge[lastPlace]];
    return {
      starts: starts.slice(from, to + 1).map((place) => place - firstPlace),
      segmentCounts: counts.slice(from, to),
      firstEdge: this.#firstEdge.slice(firstPlace, lastPlace + 1).map((edge) => edge - firstEdge),
      edges: this.#edges.slice(firstEdge, lastEdge),
      lengths: this.lengths,
      totalLength: this.totalLength,
    };
  }

  /** The E-step: `probabilities` by candidate, `characterLogProb` the rough log probability of a character. */
  expect(probabilities: Float64Array, characterLogProb: number): Expectation {
    const all = { from: 0, to: this.#segments.counts.length };
    return expectSegments(this.arrays, probabilities, characterLogProb, all);
  }

  /**
   * The most probable way to write a candidate without itself: candidates from its end to its start, into `into`.
   * Of equally probable ways the one whose last piece is longest, then so on before it. Returns their number, 0 if there is none.
   */
  bestSplit(candidate: number, probabilities: Float64Array, into: Int32Array): number {
    const [edges, firstEdge, lengths] = [this.#edges, this.#firstEdge, this.lengths];
    const length = lengths[candidate];
    const start = this.places[candidate];
    const best = this.#splitBest;
    const last = this.#splitLast;
    best.fill(0, 0, length + 1);
    best[0] = 1;
    for (let i = 0; i < length; i++) {
      const before = best[i];
      const end = firstEdge[start + i + 1];
      for (let e = firstEdge[start + i]; e < end; e++) {
        const other = edges[e];
        const to = i + lengths[other];
        if (to > length) break;
        const probability = before * probabilities[other];
        if (probability > best[to] && other !== candidate) {
          best[to] = probability;
          last[to] = other;
        }
      }
    }
    if (best[length] === 0) return 0;
    let parts = 0;
    for (let at = length; at > 0; at -= this.lengths[last[at]]) into[parts++] = last[at];
    return parts;
  }

  /** Keeps these candidates, in this order: candidate `kept[i]` becomes i. */
  keep(kept: Int32Array): void {
    const renumbered = new Int32Array(this.size).fill(-1);
    for (let i = 0; i < kept.length; i++) renumbered[kept[i]] = i;
    const [edges, firstEdge] = [this.#edges, this.#firstEdge];
    const lastPlace = firstEdge.length - 1;
    let to = 0;
    let from = 0;
    for (let place = 0; place < lastPlace; place++) {
      const end = firstEdge[place + 1];
      for (; from < end; from++) {
        const candidate = renumbered[edges[from]];
        if (candidate >= 0) edges[to++] = candidate;
      }
      firstEdge[place + 1] = to;
    }
    this.#edges = edges.slice(0, to);
    const lengths = new Uint8Array(kept.length);
    const places = new Int32Array(kept.length);
    for (let i = 0; i < kept.length; i++) {
      lengths[i] = this.lengths[kept[i]];
      places[i] = this.places[kept[i]];
    }
    this.lengths = lengths;
    this.places = places;
  }

  /** Order of two candidates by content: negative when `a` comes first, as their UTF-8 bytes would have it. */
  compare(a: number, b: number): number {
    const { characters } = this.#segments;
    const shared = Math.min(this.lengths[a], this.lengths[b]);
    for (let i = 0; i < shared; i++) {
      const difference = characters[this.places[a] + i] - characters[this.places[b] + i];
      if (difference !== 0) return difference;
    }
    return this.lengths[a] - this.lengths[b];
  }

  /** A candidate's text. */
  text(candidate: number): string {
    const start = this.places[candidate];
    const characters = this.#segments.characters.subarray(start, start + this.lengths[candidate]);
    return String.fromCodePoint(...Array.from(characters, (c) => this.#segments.alphabet[c]));
  }
}

/** base^0 … base^maxSegmentLength. */
function powers(base: number): Float64Array {
  const result = new Float64Array(maxSegmentLength + 1);
  result[0] = 1;
  for (let n = 1; n < result.length; n++) result[n] = result[n - 1] * base;
  return result;
}
