/**
 * Windows of tokens as feeds of a language-model graph: every token but a window's first is predicted from those before.
 */
import type { Feeds } from "../engine/mod.ts";
import type { Json } from "../base/mod.ts";

/** Where windows come from: a token stream, or a mixture of them. */
export interface WindowSource {
  /** The next window: T tokens. */
  next(): Int32Array;
  /** Where it stands: plain data for checkpoints. */
  readonly position: Json;
  /** @param position One that this source gave. */
  seek(position: Json): void;
}

/** Windows that are counted by source. */
export interface CountedWindows extends WindowSource {
  /** What has been read since the beginning, by source; exact where a batch begins. */
  readonly exposure: readonly Exposure[];
}

/** How much of a source was read. */
export type Exposure = {
  readonly source: string;
  /** Windows that were read; one counts each time. */
  readonly windows: number;
  /** Windows of an epoch: all that may be read. */
  readonly epochWindows: number;
};

/**
 * Feeds for up to B windows of at most T tokens: `tokens` and `targets` [B, T], `weights` [B, T] with `weight` at each
 * predicted position and 0 elsewhere. Position t predicts token t + 1 of its window. What is missing is filled with id 0
 * at weight 0: attention looks only back, so it changes nothing.
 */
export function windowFeeds(
  windows: readonly Int32Array[],
  { batchSize, seqLen, weight }: {
    readonly batchSize: number;
    readonly seqLen: number;
    readonly weight: number;
  },
): Feeds {
  const tokens = new Int32Array(batchSize * seqLen);
  const targets = new Int32Array(batchSize * seqLen);
  const weights = new Float32Array(batchSize * seqLen);
  windows.forEach((window, b) => {
    tokens.set(window, b * seqLen);
    targets.set(window.subarray(1), b * seqLen);
    weights.fill(weight, b * seqLen, b * seqLen + window.length - 1);
  });
  return { tokens, targets, weights };
}
