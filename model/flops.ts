/**
 * The cost of a network in floating-point operations, a multiply-add as 2.
 */
import { type ModelConfig, validateConfig } from "./config.ts";
import type { Graph } from "./operator.ts";

/** Operations of one run of a graph, all nodes together. */
export function graphFlops(graph: Graph): number {
  let total = 0;
  for (const node of graph.nodes) {
    total += node.operator.flops(
      node.inputs.map((input) => graph.types[input]),
      node.outputs.map((output) => graph.types[output]),
      node.attributes,
    );
  }
  return total;
}

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
