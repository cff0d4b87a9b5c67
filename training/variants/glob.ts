/**
 * GLOB: θ, ϕ and ψ all travel; every source trains the whole table.
 *
 * Source: DEPT §2.1, Algorithm 1, lines 4, 8, 9 and 11 to 15.
 */
import type { Variant } from "../variant.ts";

export function variant(id: string): Variant {
  return { id, vocabulary: "global", cutsVocabulary: false, sharesEmbeddings: true };
}
