/**
 * A worker thread of training: counts words, or takes its share of an E-step. What it runs is what one thread runs.
 */
/// <reference lib="deno.worker" />
import { messageOf } from "../../pipeline/base/mod.ts";
import type { CounterTable } from "./byte_string_counter.ts";
import { countBlock, type TextBlock, type WordRules } from "./count_words.ts";
import { expectSegments, type LatticeArrays } from "./lattice.ts";
import { SpillingCounter } from "./spilling_counter.ts";

export type ThreadRequest =
  | { kind: "count"; rules: WordRules; budgetBytes: number; folder: string; name: string }
  | { kind: "block"; block: TextBlock }
  | { kind: "spill" }
  | { kind: "finish" }
  | { kind: "lattice"; lattice: LatticeArrays }
  | { kind: "expect"; probabilities: Float64Array; characterLogProb: number };

export type ThreadAnswer = { answer: unknown } | { error: string };

/** What a counting thread has found. */
export interface CountedShare {
  readonly table: CounterTable;
  readonly runs: readonly string[];
}

let counting: { counter: SpillingCounter; rules: WordRules } | undefined;
let lattice: LatticeArrays | undefined;

self.onmessage = ({ data }: MessageEvent<ThreadRequest>) => {
  try {
    const transfer: Transferable[] = [];
    const answer = answerTo(data, transfer);
    self.postMessage({ answer } satisfies ThreadAnswer, transfer);
  } catch (error) {
    self.postMessage({ error: messageOf(error) } satisfies ThreadAnswer);
  }
};

function answerTo(request: ThreadRequest, transfer: Transferable[]): unknown {
  switch (request.kind) {
    case "count": {
      const { rules, budgetBytes, folder, name } = request;
      counting = { rules, counter: new SpillingCounter({ budgetBytes, folder, name }) };
      return undefined;
    }
    case "block": {
      countBlock(counting!.counter, request.block, counting!.rules);
      transfer.push(request.block.bytes.buffer);
      return request.block.bytes;
    }
    case "spill": {
      counting!.counter.spill();
      return counting!.counter.runs;
    }
    case "finish": {
      const { counter, runs } = counting!.counter;
      const table = counter.table();
      counting = undefined;
      transfer.push(table.pool.buffer, table.starts.buffer, table.counts.buffer);
      return { table, runs } satisfies CountedShare;
    }
    case "lattice": {
      lattice = request.lattice;
      return undefined;
    }
    case "expect": {
      const all = { from: 0, to: lattice!.segmentCounts.length };
      const { probabilities, characterLogProb } = request;
      const expectation = expectSegments(lattice!, probabilities, characterLogProb, all);
      transfer.push(expectation.counts.buffer as ArrayBuffer);
      return expectation;
    }
  }
}
