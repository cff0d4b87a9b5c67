/**
 * Training windows of a shard set in a seeded order, epoch after epoch.
 */
import { type Seed, StageError } from "../base/mod.ts";
import { derivedSeed } from "./derived_seed.ts";
import { seededPermutation } from "./permutation.ts";
import type { StreamPosition, TokenShards, TokenStream } from "./token_shards.ts";

interface TokenStreamOptions {
  /** Tokens a window. */
  readonly seqLen: number;
  readonly seed: Seed;
}

/**
 * The stream of a shard set. Windows do not overlap; what is left after the last whole one is not seen.
 *
 * @throws StageError when there are fewer tokens than one window.
 */
export function openTokenStream(shards: TokenShards, options: TokenStreamOptions): TokenStream {
  const { seqLen } = options;
  if (shards.tokens < seqLen) {
    throw new StageError(
      `Cannot cut windows: expected at least ${seqLen} tokens (one window), found ${shards.tokens}; ` +
        `add text to the source or set a shorter model.seqLen`,
    );
  }
  return new ShardStream(shards, options);
}

class ShardStream implements TokenStream {
  readonly #shards: TokenShards;
  readonly #seqLen: number;
  readonly #seed: Seed;
  readonly #windows: number;
  #epoch = 0;
  #taken = 0;
  #order: (position: number) => number;

  constructor(shards: TokenShards, { seqLen, seed }: TokenStreamOptions) {
    this.#shards = shards;
    this.#seqLen = seqLen;
    this.#seed = seed;
    this.#windows = Math.floor(shards.tokens / seqLen);
    this.#order = this.#orderOf(0);
  }

  get position(): StreamPosition {
    return { epoch: this.#epoch, taken: this.#taken };
  }

  next(): Int32Array {
    if (this.#taken === this.#windows) this.seek({ epoch: this.#epoch + 1, taken: 0 });
    const window = this.#order(this.#taken++);
    return this.#shards.slice(window * this.#seqLen, this.#seqLen);
  }

  seek({ epoch, taken }: StreamPosition): void {
    const isCount = (value: number) => Number.isSafeInteger(value) && value >= 0;
    if (!isCount(epoch) || !isCount(taken) || taken > this.#windows) {
      throw new RangeError(
        `Cannot seek: expected an epoch from 0 and at most ${this.#windows} windows taken, ` +
          `found epoch ${epoch} and ${taken} taken`,
      );
    }
    if (epoch !== this.#epoch) this.#order = this.#orderOf(epoch);
    this.#epoch = epoch;
    this.#taken = taken;
  }

  #orderOf(epoch: number): (position: number) => number {
    return seededPermutation(this.#windows, derivedSeed(this.#seed, epoch));
  }
}
