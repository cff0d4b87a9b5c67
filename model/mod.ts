/**
 * The network as data: operators with shape rule and gradient, graphs, the transformer, its losses and initial values.
 *
 * ```ts
 * import { countParameters, differentiate, languageModelGraph } from "./mod.ts";
 * const config = {
 *   nLayers: 2, dModel: 32, nHeads: 4, expansion: 4, seqLen: 16, vocabSize: 100, positions: "alibi", bias: true,
 * } as const;
 * const graph = differentiate(languageModelGraph(config, 8));
 * console.log(graph.types[graph.gradients["embedding.token.weight"]].shape); // [ 100, 32 ]
 * console.log(countParameters(config).body); // 25472
 * ```
 */
export { activationMean, activationNorm, withActivationNorms } from "./activation_norms.ts";
export {
  countParameters,
  headTable,
  type ModelConfig,
  networkDefaults,
  parameterShapes,
  type Positions,
  validateConfig,
} from "./config.ts";
export { differentiate } from "./differentiate.ts";
export { dropoutFeeds, noDropoutFeeds } from "./dropout.ts";
export { fineTuneGraph, type FineTuneOptions, type HeadOptions, headShapes } from "./fine_tune.ts";
export { flopsPerToken } from "./flops.ts";
export { GraphBuilder } from "./graph_builder.ts";
export { type IdLimit, idLimits, idSources } from "./id_limits.ts";
export { cacheNames, incrementalBias, incrementalGraph } from "./incremental.ts";
export { initialiseBody, initialiseHead, initialiseTable } from "./initialise.ts";
export type * from "./operator.ts";
export { type OperatorName, operators } from "./ops/mod.ts";
// Single operators, for engines that write nodes themselves: a bundle then holds only these, not the whole table.
export { attention, attentionGradient } from "./ops/attention.ts";
export { add, exp, mul, neg, sub } from "./ops/elementwise.ts";
export { fastGeluCube, fastGeluScale } from "./ops/fast_gelu.ts";
export { embeddingGradient } from "./ops/gather.ts";
export { layerNormalizationGradient } from "./ops/layer_normalization.ts";
export { concat, pad, slice } from "./ops/layout.ts";
export { fusedMatMul, matMul } from "./ops/matmul.ts";
export { reduceLogSumExp, reduceSum } from "./ops/reduce.ts";
export { reshape } from "./ops/reshape.ts";
export { softmax } from "./ops/softmax.ts";
export { linearCrossEntropyGradient } from "./ops/linear_cross_entropy.ts";
export { withoutKeyBias } from "./key_bias.ts";
export { peakLiveBytes } from "./live_bytes.ts";
export { alibiBias, alibiSlopes, hiddenScore } from "./positions.ts";
export { rotaryAngles, rotaryPairs } from "./rotary.ts";
export { float32, formatShape, int32, type Shape, sizeOf } from "./shapes.ts";
export { languageModelGraph } from "./transformer.ts";
