/**
 * Token shards: the tokens of a split, flat, in the order of its documents, with the end symbol after each.
 *
 * A folder with
 *   tokens.arrow    Arrow IPC file, column `token` (uint16, uint32 from 65,536 pieces), 65,536 tokens a record batch
 *   documents.arrow Arrow IPC file, a row per document: `end` (float64: tokens up to and including its end symbol),
 *                   `bytes` (float64: UTF-8 bytes of its text)
 *   shards.json     {format: 1, vocabSize, tokens, documents, bytes}
 * Windows are cut when read, so the context length is not part of a shard.
 */

/** Tokens a record batch: arrow-js reads one huge batch back wrong (its issue 139). */
export const batchTokens = 65_536;

/** `shards.json`. */
export interface ShardsFile {
  readonly format: 1;
  readonly vocabSize: number;
  readonly tokens: number;
  readonly documents: number;
  /** UTF-8 bytes of all texts. */
  readonly bytes: number;
}

/** Whether ids take 32 bits. */
export function isWide(vocabSize: number): boolean {
  return vocabSize >= 65_536;
}

export interface TokenShards extends Omit<ShardsFile, "format"> {
  /** Tokens [start, start + length), reading only the batches they lie in. */
  slice(start: number, length: number): Int32Array;
  /** For each document the position after its end symbol; ascending. */
  readonly ends: Float64Array;
  close(): void;
}

/** Where a stream of windows stands; plain data for checkpoints. */
export type StreamPosition = {
  readonly epoch: number;
  /** Windows already taken in this epoch. */
  readonly taken: number;
};

/**
 * An endless stream of windows of a shard set: each epoch visits every whole window once, in a seeded order.
 * The same seed gives the same windows whatever the vocabulary of the model.
 */
export interface TokenStream {
  /** Windows of an epoch. */
  readonly windows: number;
  /** The next window: `seqLen` tokens. */
  next(): Int32Array;
  readonly position: StreamPosition;
  seek(position: StreamPosition): void;
}
