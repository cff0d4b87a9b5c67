/**
 * The cost of a network in floating-point operations, a multiply-add as 2.
 */
import { type ModelConfig, validateConfig } from "./config.ts";

/**
 * Operations of training on one token of a sequence of `seqLen`: matrix products only, backward pass twice the forward.
 *
 * Source: Chowdhery et al. 2022 (PaLM), appendix B, with the tied head counted. Causal attention is not halved.
 */
export function flopsPerToken(config: ModelConfig): number {
  const { nLayers, dModel, expansion, seqLen, vocabSize } = validateConfig(config);
  const linear = (4 + 2 * expansion) * dModel * dModel; // qkv, out, up, down
  const attention = 2 * seqLen * dModel; // scores and their product with v
  return 3 * 2 * (nLayers * (linear + attention) + vocabSize * dModel);
}
