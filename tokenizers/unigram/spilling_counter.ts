/**
 * A counter of bounded memory: a table that outgrows its budget goes to disk as a sorted run.
 */
import { join } from "node:path";
import { ByteStringCounter, type ByteStringCounts } from "./byte_string_counter.ts";
import { mergedCounts, writeRun } from "./sorted_runs.ts";
import { stretchEnd, wordEnd } from "./words.ts";

/** How text is cut into words. */
export interface WordRules {
  /** No piece crosses white space other than a word's leading space; otherwise none crosses a line or a tab. */
  readonly splitByWhitespace: boolean;
}

/** UTF-8 to count: texts joined, each ending at one of `ends`. */
export interface TextBlock {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly ends: Int32Array<ArrayBuffer>;
}

export interface SpillOptions {
  /** Memory that a table may take. A growing table doubles its arrays, so it spills at half of this. */
  readonly budgetBytes: number;
  /** Folder of the runs; it is made for the first one. */
  readonly folder: string;
  /** Begins the runs' names, so that several counters share a folder. */
  readonly name: string;
}

export class SpillingCounter {
  counter = new ByteStringCounter();
  readonly #options: SpillOptions;
  readonly #runs: string[] = [];

  constructor(options: SpillOptions) {
    this.#options = options;
  }

  /** Adds `count` occurrences of `bytes[from … to]`. */
  add(bytes: Uint8Array, from: number, to: number, count: number): void {
    this.counter.add(bytes, from, to, count);
  }

  /** Counts the words of a block. */
  addWords({ bytes, ends }: TextBlock, { splitByWhitespace }: WordRules): void {
    const endOf = splitByWhitespace ? wordEnd : stretchEnd;
    let at = 0;
    for (const end of ends) {
      for (let to = at; at < end; at = to) {
        to = endOf(bytes, at, end);
        this.counter.add(bytes, at, to, 1);
      }
    }
    this.relieve();
  }

  /** To be called now and then: writes the table to disk if it has outgrown the budget. */
  relieve(): void {
    if (this.counter.memoryBytes > this.#options.budgetBytes / 2) this.spill();
  }

  /** Writes the table to disk, whatever its size. */
  spill(): void {
    if (this.counter.size === 0) return;
    const { folder, name } = this.#options;
    if (this.#runs.length === 0) Deno.mkdirSync(folder, { recursive: true });
    const path = join(folder, `${name}-${this.#runs.length}.run`);
    writeRun(path, this.counter);
    this.#runs.push(path);
    this.counter = new ByteStringCounter(); // the memory of the old one goes back
  }

  /** Paths of the runs so far. */
  get runs(): readonly string[] {
    return this.#runs;
  }

  /** All that was counted. */
  result(): ByteStringCounts {
    return mergeCounts(this.counter, this.#runs);
  }
}

/** Several counts as one: in memory if nothing lies on disk. */
export function mergeCounts(counter: ByteStringCounter, runs: readonly string[]): ByteStringCounts {
  return runs.length === 0 ? counter : mergedCounts(runs, counter);
}
