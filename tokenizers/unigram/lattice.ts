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

  /** The E-step: `probabilities` by candidate, `characterLogProb` the rough log probability of a character. */
  expect(probabilities: Float64Array, characterLogProb: number): Expectation {
    const { starts, counts: segmentCounts } = this.#segments;
    const expected = new Float64Array(this.size);
    const rounder = gridRounder(this.totalLength);
    const logRounder = gridRounder(this.totalLength * 1024); // no character is less likely than e^-1024
    const alpha = new Float64Array(maxSegmentLength + 1);
    const beta = new Float64Array(maxSegmentLength + 1);
    const shared = powers(Math.exp(-characterLogProb));
    let logLikelihood = 0;
    for (let s = 0; s < segmentCounts.length; s++) {
      const length = starts[s + 1] - starts[s];
      let power = shared;
      let logScale = -characterLogProb;
      let total = this.#forward(s, probabilities, power, alpha);
      if (!(total > 1e-250 && total < 1e250)) {
        logScale = -this.#bestLogProb(s, probabilities) / length;
        power = powers(Math.exp(logScale));
        total = this.#forward(s, probabilities, power, alpha);
      }
      const count = segmentCounts[s];
      this.#backward(s, probabilities, power, alpha, beta, count / total, expected, rounder);
      const term = count * (Math.log(total) - length * logScale);
      logLikelihood += (term + logRounder) - logRounder;
    }
    return { counts: expected, logLikelihood };
  }

  /** Fills `alpha` (by place: all ways to get there) and returns its last value. */
  #forward(
    segment: number,
    probabilities: Float64Array,
    power: Float64Array,
    alpha: Float64Array,
  ): number {
    const [edges, firstEdge, lengths] = [this.#edges, this.#firstEdge, this.lengths];
    const start = this.#segments.starts[segment];
    const length = this.#segments.starts[segment + 1] - start;
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
  #backward(
    segment: number,
    probabilities: Float64Array,
    power: Float64Array,
    alpha: Float64Array,
    beta: Float64Array,
    weight: number,
    expected: Float64Array,
    rounder: number,
  ): void {
    const [edges, firstEdge, lengths] = [this.#edges, this.#firstEdge, this.lengths];
    const start = this.#segments.starts[segment];
    const length = this.#segments.starts[segment + 1] - start;
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

  #bestLogProb(segment: number, probabilities: Float64Array): number {
    const start = this.#segments.starts[segment];
    const length = this.#segments.starts[segment + 1] - start;
    const best = new Float64Array(length + 1).fill(-Infinity);
    best[0] = 0;
    for (let i = 0; i < length; i++) {
      for (let e = this.#firstEdge[start + i]; e < this.#firstEdge[start + i + 1]; e++) {
        const to = i + this.lengths[this.#edges[e]];
        best[to] = Math.max(best[to], best[i] + Math.log(probabilities[this.#edges[e]]));
      }
    }
    return best[length];
  }

  /**
   * The most probable way to write a candidate without itself: candidates from its end to its start, into `into`.
   * Of equally probable ways the one whose last piece is longest, then so on before it. Returns their number, 0 if there is none.
   */
  bestSplit(candidate: number, probabilities: Float64Array, into: Int32Array): number {
    const length = this.lengths[candidate];
    const start = this.places[candidate];
    const best = this.#splitBest.fill(0, 0, length + 1);
    const last = this.#splitLast;
    best[0] = 1;
    for (let i = 0; i < length; i++) {
      for (let e = this.#firstEdge[start + i]; e < this.#firstEdge[start + i + 1]; e++) {
        const other = this.#edges[e];
        const to = i + this.lengths[other];
        if (to > length) break;
        const probability = best[i] * probabilities[other];
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
    kept.forEach((candidate, i) => renumbered[candidate] = i);
    let to = 0;
    let from = 0;
    for (let place = 0; place + 1 < this.#firstEdge.length; place++) {
      const end = this.#firstEdge[place + 1];
      for (; from < end; from++) {
        const candidate = renumbered[this.#edges[from]];
        if (candidate >= 0) this.#edges[to++] = candidate;
      }
      this.#firstEdge[place + 1] = to;
    }
    this.#edges = this.#edges.slice(0, to);
    this.lengths = Uint8Array.from(kept, (candidate) => this.lengths[candidate]);
    this.places = Int32Array.from(kept, (candidate) => this.places[candidate]);
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
