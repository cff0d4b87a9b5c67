/**
 * E-steps over a lattice by several threads: each keeps its share of the segments, this one takes a share itself.
 *
 * Terms are rounded to a grid (`exact_sum.ts`), so the shares add up to the same numbers however many there are.
 */
import { type Expectation, expectSegments, type Lattice, type SegmentRange } from "./lattice.ts";
import type { Threads, TrainingThread } from "./threads.ts";

/** With fewer edges a thread costs more than it brings. */
const threadedEdges = 4_000_000;

export class Expecter {
  readonly #lattice: Lattice;
  readonly #threads: readonly TrainingThread[];
  #own: SegmentRange = { from: 0, to: 0 };
  #others: readonly SegmentRange[] = [];

  constructor(lattice: Lattice, threads: Threads) {
    this.#lattice = lattice;
    const isWorthIt = threads.isEager || lattice.edgeCount >= threadedEdges;
    this.#threads = isWorthIt ? threads.all() : [];
  }

  /** To be called whenever candidates have been dropped: gives every thread its share of the lattice. */
  async refresh(): Promise<void> {
    const [own, ...others] = this.#lattice.shares(this.#threads.length + 1);
    this.#own = own;
    this.#others = others;
    await Promise.all(this.#threads.map((thread, i) => {
      const part = this.#lattice.part(this.#others[i]);
      const { starts, segmentCounts, firstEdge, edges } = part;
      const moved = [starts, segmentCounts, firstEdge, edges].map((array) => array.buffer);
      return thread.request({ kind: "lattice", lattice: part }, moved as ArrayBuffer[]);
    }));
  }

  async expect(probabilities: Float64Array, characterLogProb: number): Promise<Expectation> {
    const answers = this.#threads.map((thread) =>
      thread.request<Expectation>({ kind: "expect", probabilities, characterLogProb })
    );
    const { arrays } = this.#lattice;
    const own = expectSegments(arrays, probabilities, characterLogProb, this.#own);
    let { logLikelihood } = own;
    const { counts } = own;
    for (const share of await Promise.all(answers)) {
      for (let i = 0; i < counts.length; i++) counts[i] += share.counts[i];
      logLikelihood += share.logLikelihood;
    }
    return { counts, logLikelihood };
  }
}
