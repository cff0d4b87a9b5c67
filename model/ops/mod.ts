/**
 * The table of operators: an entry each, by name. Networks hold the operators that they use, so that code which uses a
 * network depends on these and no others. The table is for code that needs all operators.
 *
 * What ONNX passes as constant int64 inputs (`shape`, `axes`, `split`, `starts`, `ends`, `pads`) are attributes here, so that
 * a graph holds no 64-bit tensors; optional inputs stand last and are left out when absent.
 *
 * ```ts
 * import { operators } from "./mod.ts";
 * const [y] = operators.Softmax.infer([{ dtype: "float32", shape: [2, 3] }], {});
 * console.log(y.shape); // [ 2, 3 ]
 * ```
 */
import type { Operator } from "../operator.ts";
import { alibiBias } from "./alibi_bias.ts";
import { attention, attentionGradient } from "./attention.ts";
import { crossEntropy, crossEntropyGradient } from "./cross_entropy.ts";
import { dropoutMask } from "./dropout_mask.ts";
import { add, erf, exp, mul, neg, sqrt, sub } from "./elementwise.ts";
import { fastGelu, fastGeluGradient } from "./fast_gelu.ts";
import { embeddingGradient, gather } from "./gather.ts";
import { gelu, geluGradient } from "./gelu.ts";
import { gemm } from "./gemm.ts";
import { layerNormalization, layerNormalizationGradient } from "./layer_normalization.ts";
import { linearCrossEntropy, linearCrossEntropyGradient } from "./linear_cross_entropy.ts";
import { concat, pad, slice, split, transpose } from "./layout.ts";
import { fusedMatMul, matMul } from "./matmul.ts";
import { expand, reduceLogSumExp, reduceMean, reduceSum } from "./reduce.ts";
import { reshape } from "./reshape.ts";
import { softmax } from "./softmax.ts";

export const operators = {
  Add: add,
  AlibiBias: alibiBias,
  Attention: attention,
  AttentionGradient: attentionGradient,
  Concat: concat,
  CrossEntropy: crossEntropy,
  CrossEntropyGradient: crossEntropyGradient,
  DropoutMask: dropoutMask,
  EmbeddingGradient: embeddingGradient,
  Erf: erf,
  Exp: exp,
  Expand: expand,
  FastGelu: fastGelu,
  FastGeluGradient: fastGeluGradient,
  FusedMatMul: fusedMatMul,
  Gather: gather,
  Gelu: gelu,
  GeluGradient: geluGradient,
  Gemm: gemm,
  LayerNormalization: layerNormalization,
  LayerNormalizationGradient: layerNormalizationGradient,
  LinearCrossEntropy: linearCrossEntropy,
  LinearCrossEntropyGradient: linearCrossEntropyGradient,
  MatMul: matMul,
  Mul: mul,
  Neg: neg,
  Pad: pad,
  ReduceLogSumExp: reduceLogSumExp,
  ReduceMean: reduceMean,
  ReduceSum: reduceSum,
  Reshape: reshape,
  Slice: slice,
  Softmax: softmax,
  Split: split,
  Sqrt: sqrt,
  Sub: sub,
  Transpose: transpose,
} as const satisfies Record<string, Operator>;

export type OperatorName = keyof typeof operators;
