/**
 * Documents to counted words, in bounded memory, over any number of threads.
 *
 * Text is handed on in blocks of UTF-8 cut between words. Which thread counts which block does not show: counts are whole
 * numbers, and their sums are exact.
 */
import type { ByteStringCounts } from "./byte_string_counter.ts";
import { mergeCounts, SpillingCounter, type WordRules } from "./spilling_counter.ts";
import type { Threads, TrainingThread } from "./threads.ts";
import type { CountedShare } from "./training_work.ts";

interface WordCountOptions extends WordRules {
  readonly threads: Threads;
  /** Memory for tables, all threads together. */
  readonly budgetBytes: number;
  /** Where tables go that outgrow it. */
  readonly folder: string;
  /** Runs that an earlier attempt has left, and how they are called from here on. */
  readonly runs: readonly string[];
  readonly name: string;
}

const blockBytes = 1 << 20;
/** Characters of text that are encoded at once; at most 3 bytes each. */
const sliceLength = 1 << 18;
/** Blocks that a thread may have before it. */
const mostWaiting = 3;
/** Threads cost more than they bring where a text is shorter than this. */
const threadedBytes = 8 << 20;

/** Counts words as text comes in. */
export class WordCounting {
  /** UTF-8 bytes counted or on their way. */
  bytes = 0;
  readonly #options: WordCountOptions;
  readonly #own: SpillingCounter;
  readonly #encoder = new TextEncoder();
  readonly #spare: Uint8Array<ArrayBuffer>[] = [];
  #threads: readonly TrainingThread[] = [];
  #failure: { readonly error: unknown } | undefined;
  #block: Uint8Array<ArrayBuffer> = new Uint8Array(blockBytes);
  #length = 0;
  #ends: number[] = [];

  constructor(options: WordCountOptions) {
    this.#options = options;
    const budgetBytes = options.budgetBytes / (options.threads.count + 1);
    this.#own = new SpillingCounter({
      budgetBytes,
      folder: options.folder,
      name: `${options.name}-main`,
    });
  }

  /** Adds a text: words do not go on from one to the next. */
  async add(text: string): Promise<void> {
    for (const slice of slices(text, this.#options)) {
      const room = slice.length * 3;
      if (this.#length + room > this.#block.length) {
        await this.#flush();
        if (room > this.#block.length) this.#block = new Uint8Array(room);
      }
      const { written } = this.#encoder.encodeInto(slice, this.#block.subarray(this.#length));
      this.#length += written;
      this.#ends.push(this.#length);
      this.bytes += written;
    }
  }

  /** Writes all that was counted to disk. Returns the runs: they hold everything up to now. */
  async spill(): Promise<readonly string[]> {
    await this.#flush();
    this.#own.spill();
    const runs = await Promise.all(
      this.#threads.map((thread) => thread.request<readonly string[]>({ kind: "spill" })),
    );
    return [...this.#options.runs, ...this.#own.runs, ...runs.flat()];
  }

  async result(): Promise<ByteStringCounts> {
    await this.#flush();
    const shares = await Promise.all(
      this.#threads.map((thread) => thread.request<CountedShare>({ kind: "finish" })),
    );
    this.#throwFailure();
    const { counter, runs } = this.#own;
    for (const { table } of shares) counter.addTable(table);
    const others = shares.flatMap((share) => share.runs);
    return mergeCounts(counter, [...this.#options.runs, ...runs, ...others]);
  }

  /** Hands the block to a thread, or counts it here. */
  async #flush(): Promise<void> {
    this.#throwFailure();
    if (this.#length === 0) return;
    const block = { bytes: this.#block, ends: Int32Array.from(this.#ends) };
    [this.#ends, this.#length] = [[], 0];
    if (this.#threads.length === 0) {
      this.#own.addWords(block, this.#options);
      const { threads } = this.#options;
      if (threads.isEager || this.bytes > threadedBytes) this.#startThreads();
      return;
    }
    const thread = this.#threads.reduce((a, b) => b.waiting < a.waiting ? b : a);
    if (thread.waiting >= mostWaiting) {
      this.#own.addWords(block, this.#options); // all are busy: this thread takes a share
    } else {
      thread.request<Uint8Array<ArrayBuffer>>({ kind: "block", block }, [block.bytes.buffer]).then(
        (bytes) => void this.#spare.push(bytes),
        (error) => void (this.#failure ??= { error }),
      );
      this.#block = this.#spare.pop() ?? new Uint8Array(blockBytes);
    }
    await new Promise((resolve) => setTimeout(resolve)); // lets answers in
  }

  /** Starts the threads; requests wait until the threads are ready. */
  #startThreads(): void {
    const { threads, budgetBytes, folder, name, splitByWhitespace } = this.#options;
    this.#threads = threads.all();
    this.#threads.forEach((thread, i) => {
      thread.request({
        kind: "count",
        rules: { splitByWhitespace },
        budgetBytes: budgetBytes / (threads.count + 1),
        folder,
        name: `${name}-${i}`,
      }).catch((error) => void (this.#failure ??= { error }));
    });
  }

  #throwFailure(): void {
    if (this.#failure) throw this.#failure.error;
  }
}

/** A text in parts short enough for a block, cut where a word begins. */
function* slices(text: string, { splitByWhitespace }: WordRules): Iterable<string> {
  const cut = splitByWhitespace ? /(?<=[^ \t\n\r]) (?=[^ \t\n\r])/g : /(?<=[^\t\n\r])(?=[\t\n\r])/g;
  let from = 0;
  while (text.length - from > sliceLength) {
    cut.lastIndex = from + sliceLength;
    const found = cut.exec(text);
    if (found === null) break;
    yield text.slice(from, found.index);
    from = found.index;
  }
  if (from < text.length) yield text.slice(from);
}
