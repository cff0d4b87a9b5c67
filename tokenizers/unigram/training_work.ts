/**
 * The work of a training thread: counts words, finds seeds, takes its share of the search.
 *
 * Every thread runs this, the one that asks included, so a stage that trains has it in its code's digest.
 */
import type { CounterTable } from "./byte_string_counter.ts";
import { Lattice, type LatticeArrays, type Range } from "./lattice.ts";
import { type EdgeRoom, layEdges } from "./lattice_edges.ts";
import { findLosses } from "./pruning.ts";
import { SpillingCounter, type TextBlock, type WordRules } from "./spilling_counter.ts";
import { findSubstrings, type GroupedPlaces, type Substrings } from "./substrings.ts";

export type WorkRequest =
  | { kind: "count"; rules: WordRules; budgetBytes: number; folder: string; name: string }
  | { kind: "block"; block: TextBlock }
  | { kind: "spill" }
  | { kind: "finish" }
  | { kind: "substrings"; places: GroupedPlaces; maxLength: number; range: Range }
  | { kind: "countEdges"; candidates: Int32Array; edgeCounts: Uint8Array }
  | { kind: "layEdges"; room: EdgeRoom }
  | { kind: "search"; arrays: SearchArrays; share: Range }
  | { kind: "expect"; size: number; characterLogProb: number; filters: boolean }
  | { kind: "losses"; range: Range; total: number };

/** The result of a counting thread. */
export interface CountedShare {
  readonly table: CounterTable;
  readonly runs: readonly string[];
}

/** A lattice, and results for its candidates: each thread reads all of it, and writes its share. */
export interface SearchArrays {
  readonly lattice: LatticeArrays;
  readonly probabilities: Float64Array;
  /** Expected uses in all segments, and in this thread's share of them: the same array for the thread that sums them up. */
  readonly counts: Float64Array;
  readonly ownCounts: Float64Array;
  readonly losses: Float64Array;
  /** A candidate's next number, -1 for none. */
  readonly renumbered: Int32Array;
}

/** Answers requests of a training, one after the other. */
export class TrainingWork {
  /** Memory of the last answer that may be given away with it. */
  transfer: ArrayBuffer[] = [];
  #counting: { readonly counter: SpillingCounter; readonly rules: WordRules } | undefined;
  #seeds:
    | {
      readonly places: GroupedPlaces;
      readonly range: Range;
      readonly substrings: Omit<Substrings, "frequency">;
    }
    | undefined;
  #edges: { readonly candidates: Int32Array; readonly edgeCounts: Uint8Array } | undefined;
  #search:
    | { readonly lattice: Lattice; readonly arrays: SearchArrays; readonly share: Range }
    | undefined;

  answer(request: WorkRequest): unknown {
    this.transfer = [];
    switch (request.kind) {
      case "count": {
        const { rules, budgetBytes, folder, name } = request;
        this.#counting = { rules, counter: new SpillingCounter({ budgetBytes, folder, name }) };
        return undefined;
      }
      case "block": {
        const { counter, rules } = this.#counting!;
        counter.addWords(request.block, rules);
        this.transfer = [request.block.bytes.buffer];
        return request.block.bytes;
      }
      case "spill": {
        this.#counting!.counter.spill();
        return this.#counting!.counter.runs;
      }
      case "finish": {
        const { counter, runs } = this.#counting!.counter;
        const { table } = counter;
        this.#counting = undefined;
        this.transfer = Object.values(table).map(({ buffer }) => buffer);
        return { table, runs } satisfies CountedShare;
      }
      case "substrings": {
        const { places, maxLength, range } = request;
        const substrings = findSubstrings(places, maxLength, range);
        const { size, from, to, length } = substrings;
        this.#seeds = { places, range, substrings: { size, from, to, length } };
        return substrings;
      }
      case "countEdges": {
        const { candidates, edgeCounts } = this.#edges = request;
        const { places, range, substrings } = this.#seeds!;
        layEdges(places, range, substrings, candidates, edgeCounts);
        return undefined;
      }
      case "layEdges": {
        const { places, range, substrings } = this.#seeds!;
        const { candidates, edgeCounts } = this.#edges!;
        layEdges(places, range, substrings, candidates, edgeCounts, request.room);
        this.#seeds = this.#edges = undefined;
        return undefined;
      }
      case "search": {
        const { arrays, share } = request;
        this.#search = { arrays, share, lattice: new Lattice(arrays.lattice) };
        return undefined;
      }
      case "expect": {
        const { lattice, arrays: { probabilities, ownCounts, renumbered }, share } = this.#search!;
        const { size, characterLogProb, filters } = request;
        const filter = filters ? renumbered : undefined;
        ownCounts.fill(0, 0, size);
        return lattice.expectRange(probabilities, characterLogProb, share, ownCounts, filter);
      }
      case "losses": {
        const { lattice, arrays: { probabilities, counts, losses } } = this.#search!;
        findLosses(lattice, counts, request.total, probabilities, request.range, losses);
        return undefined;
      }
    }
  }
}
