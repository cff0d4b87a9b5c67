/**
 * Local SGD, the control that the paper lacks: GLOB's rounds and averaging, but each of its |S_t| workers draws batches from
 * the uniform mixture. What it shares with DEPT comes of averaging; what it lacks, of keeping the sources apart.
 *
 * Source: Stich 2019. A step's windows of all workers together are those of `std-t0-tokens`.
 */
import type { Variant } from "../variant.ts";

export function variant(id: string): Variant {
  return {
    id,
    vocabulary: "global",
    workers: { tau: 0 },
    cutsVocabulary: false,
    sharesEmbeddings: true,
  };
}
