/**
 * ACT, active forgetting for decoders: one model on the uniform mixture, whose embeddings begin anew every N_local steps
 * under a cosine of their own that restarts with them. The body's weights and schedule go on.
 *
 * Source: DEPT App. A.1.3, after Chen et al. 2023. The paper does not say which mixture ACT is trained on: τ = 0 here, the
 * sampling that is closest to DEPT's own.
 */
import type { Variant } from "../variant.ts";

export function variant(id: string): Variant {
  return {
    id,
    vocabulary: "global",
    mixture: { tau: 0, equalTokens: false },
    cutsVocabulary: false,
    sharesEmbeddings: true,
    forgetsEmbeddings: true,
  };
}
