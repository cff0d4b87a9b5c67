/**
 * STD, τ = 0: one model on a mixture of all sources, uniform over sources.
 *
 * Source: DEPT §3.2. `std-t0-tokens` takes |S_t| batches a step, the equal-token baseline.
 */
import type { Variant } from "../variant.ts";

export function variant(id: string): Variant {
  return {
    id,
    vocabulary: "global",
    mixture: { tau: 0, equalTokens: id.endsWith("-tokens") },
    cutsVocabulary: false,
    sharesEmbeddings: true,
  };
}
