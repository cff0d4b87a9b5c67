/**
 * Tokens that lie in memory, as a shard set: documents one after the other, each with the end symbol after it.
 */
import type { TokenShards } from "./token_shards.ts";

/** @param bytes UTF-8 bytes of all texts. */
export function tokenList(
  documents: readonly Int32Array[],
  { endId, vocabSize, bytes }: {
    readonly endId: number;
    readonly vocabSize: number;
    readonly bytes: number;
  },
): TokenShards {
  const ends = new Float64Array(documents.length);
  documents.reduce((end, ids, i) => ends[i] = end + ids.length + 1, 0);
  const tokens = new Int32Array(ends.at(-1) ?? 0).fill(endId);
  documents.forEach((ids, i) => tokens.set(ids, i === 0 ? 0 : ends[i - 1]));
  return {
    vocabSize,
    tokens: tokens.length,
    documents: documents.length,
    bytes,
    ends,
    slice(start, length) {
      if (start < 0 || length < 0 || start + length > tokens.length) {
        throw new RangeError(
          `Cannot read tokens: expected a range within [0, ${tokens.length}), found [${start}, ${
            start + length
          })`,
        );
      }
      return tokens.slice(start, start + length);
    },
    close() {},
  };
}
