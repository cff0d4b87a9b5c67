/**
 * TRIM: as GLOB, but of ϕ a source is sent only the rows of its V_k, and a row is averaged over the sources that have it.
 *
 * Source: DEPT §2.2, Algorithm 1, lines 5, 6 and 10.
 */
import type { Variant } from "../variant.ts";

export function variant(id: string): Variant {
  return { id, vocabulary: "global", cutsVocabulary: true, sharesEmbeddings: true };
}
