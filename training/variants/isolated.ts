/**
 * `isolated-<source>`: one model on one source alone, with as many tokens as a DEPT model sees (|S_t| batches a step).
 *
 * Source: DEPT App. B.8.
 */
import type { Variant } from "../variant.ts";

export function variant(id: string): Variant {
  return {
    id,
    vocabulary: "global",
    mixture: { tau: 0, equalTokens: true, only: id.slice("isolated-".length) },
    cutsVocabulary: false,
    sharesEmbeddings: true,
  };
}
