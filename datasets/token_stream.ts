/**
 * Training windows of a shard set in a seeded order, epoch after epoch.
 */
import { type Seed, StageError } from "../base/mod.ts";
import { derivedSeed } from "./derived_seed.ts";
import { seededPermutation } from "./permutation.ts";
import type { StreamPosition, TokenShards, TokenStream } from "./token_shards.ts";

/**
 * A part of a source's windows. Which part a window is in depends on the seed of the order alone, not on the epoch: what is held
 * back is the end of the first epoch's order, and no stream of the rest ever reads it.
 */
export interface StreamPart {
  readonly of: "rest" | "heldBack";
  /** Share of the windows that is held back, in (0, 1); at least one window, and not all. */
  readonly share: number;
}

interface TokenStreamOptions {
  /** Tokens a window. */
  readonly seqLen: number;
  readonly seed: Seed;
  /** The windows that are read; all when absent. */
  readonly part?: StreamPart;
  /** Default `shuffled`; `written`: in each epoch in the order of the text. */
  readonly order?: WindowOrder;
}

export type WindowOrder = "shuffled" | "written";

/** How many of so many windows a share holds back. */
export function heldBackWindows(windows: number, share: number): number {
  return Math.max(1, Math.floor(windows * share));
}

/**
 * The stream of a shard set. Windows do not overlap; what is left after the last whole one is not seen.
 *
 * @throws StageError when there are fewer tokens than one window, or than two where a part is held back.
 */
export function openTokenStream(shards: TokenShards, options: TokenStreamOptions): TokenStream {
  const { seqLen, part } = options;
  const [least, what] = part === undefined ? [seqLen, "one window"] : [2 * seqLen, "two windows"];
  if (shards.tokens < least) {
    throw new StageError(
      `Cannot cut windows: expected at least ${least} tokens (${what}), found ${shards.tokens}; ` +
        `add text to the source or set a shorter model.seqLen`,
    );
  }
  return new ShardStream(shards, options);
}

class ShardStream implements TokenStream {
  readonly #shards: TokenShards;
  readonly #seqLen: number;
  readonly #seed: Seed;
  /** Of the part that is read. */
  readonly windows: number;
  /** Windows of the source, and where the part begins in the order of the first epoch. */
  readonly #all: number;
  readonly #first: number = 0;
  readonly #division: (position: number) => number;
  #epoch = 0;
  #taken = 0;
  #order: (position: number) => number;

  /** The windows of the part as they are written; undefined where they are shuffled. */
  readonly #written: Int32Array | undefined;

  constructor(shards: TokenShards, { seqLen, seed, part, order }: TokenStreamOptions) {
    this.#shards = shards;
    this.#seqLen = seqLen;
    this.#seed = seed;
    this.#all = Math.floor(shards.tokens / seqLen);
    const heldBack = part === undefined ? 0 : heldBackWindows(this.#all, part.share);
    if (part?.of === "heldBack") this.#first = this.#all - heldBack;
    this.windows = part?.of === "heldBack" ? heldBack : this.#all - heldBack;
    this.#division = seededPermutation(this.#all, derivedSeed(seed, 0));
    if (order === "written") {
      const numbers = Int32Array.from({ length: this.windows }, (_, i) => i);
      this.#written = numbers.map((i) => this.#division(this.#first + i)).sort();
    }
    this.#order = this.#orderOf(0);
  }

  get position(): StreamPosition {
    return { epoch: this.#epoch, taken: this.#taken };
  }

  next(): Int32Array {
    if (this.#taken === this.windows) this.seek({ epoch: this.#epoch + 1, taken: 0 });
    const place = this.#taken++;
    const window = this.#written?.[place] ?? this.#division(this.#first + this.#order(place));
    return this.#shards.slice(window * this.#seqLen, this.#seqLen);
  }

  seek({ epoch, taken }: StreamPosition): void {
    const isCount = (value: number) => Number.isSafeInteger(value) && value >= 0;
    if (!isCount(epoch) || !isCount(taken) || taken > this.windows) {
      throw new RangeError(
        `Cannot seek: expected an epoch from 0 and at most ${this.windows} windows taken, ` +
          `found epoch ${epoch} and ${taken} taken`,
      );
    }
    if (epoch !== this.#epoch) this.#order = this.#orderOf(epoch);
    this.#epoch = epoch;
    this.#taken = taken;
  }

  /** The order of an epoch within the part: the first is that of the division itself. */
  #orderOf(epoch: number): (position: number) => number {
    if (epoch === 0) return (position) => position;
    return seededPermutation(this.windows, derivedSeed(this.#seed, epoch));
  }
}
