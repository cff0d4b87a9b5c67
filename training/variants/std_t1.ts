/**
 * STD, τ = 1: one model on a mixture of all sources, in proportion to size.
 *
 * Source: DEPT §3.2. `std-t1-tokens` takes |S_t| batches a step, the equal-token baseline.
 */
import type { Variant } from "../variant.ts";

export function variant(id: string): Variant {
  return {
    id,
    vocabulary: "global",
    mixture: { tau: 1, equalTokens: id.endsWith("-tokens") },
    cutsVocabulary: false,
    sharesEmbeddings: true,
  };
}
