/**
 * SPEC: only θ travels; each source keeps ϕ and ψ of its own, over the pieces of the global tokenizer that occur in it.
 *
 * Source: DEPT §2.3, Algorithm 1, line 7.
 */
import type { Variant } from "../variant.ts";

export function variant(id: string): Variant {
  return { id, vocabulary: "global", cutsVocabulary: true, sharesEmbeddings: false };
}
