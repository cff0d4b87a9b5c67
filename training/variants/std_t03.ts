/**
 * STD, τ = 0.3: one model on a mixture of all sources, p ∝ n^0.3, as BERT, XLM-R and mT5 were trained.
 *
 * Source: DEPT §3.2. `std-t03-tokens` takes |S_t| batches a step, the equal-token baseline.
 */
import type { Variant } from "../variant.ts";

export function variant(id: string): Variant {
  return {
    id,
    vocabulary: "global",
    mixture: { tau: 0.3, equalTokens: id.endsWith("-tokens") },
    cutsVocabulary: false,
    sharesEmbeddings: true,
  };
}
