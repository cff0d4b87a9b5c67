/**
 * The meaning of every operator, in float64: a kernel each.
 */
import type { OperatorName } from "../../model/mod.ts";
import * as elementwise from "./_elementwise.ts";
import * as head from "./_head.ts";
import * as layout from "./_layout.ts";
import * as products from "./_products.ts";
import * as rows from "./_rows.ts";
import type { Kernel } from "./_tensor.ts";

export const kernels = {
  Add: elementwise.add,
  AlibiBias: layout.alibi,
  Concat: layout.concat,
  CrossEntropy: rows.crossEntropy,
  CrossEntropyGradient: rows.crossEntropyGradient,
  Div: elementwise.div,
  EmbeddingGradient: layout.embeddingGradient,
  Erf: elementwise.erf,
  Exp: elementwise.exp,
  Expand: layout.expand,
  FusedMatMul: products.matMul,
  Gather: layout.gather,
  Gelu: elementwise.gelu,
  GeluGradient: elementwise.geluGradient,
  Gemm: products.gemm,
  LayerNormalization: rows.layerNormalization,
  LinearCrossEntropy: head.linearCrossEntropy,
  LinearCrossEntropyGradient: head.linearCrossEntropyGradient,
  Log: elementwise.log,
  LogSoftmax: rows.logSoftmax,
  MatMul: products.matMul,
  Mul: elementwise.mul,
  Neg: elementwise.neg,
  Pad: layout.pad,
  ReduceMean: rows.reduceMean,
  ReduceSum: rows.reduceSum,
  Reshape: layout.reshape,
  Slice: layout.slice,
  Softmax: rows.softmax,
  Split: layout.split,
  Sqrt: elementwise.sqrt,
  Sub: elementwise.sub,
  Transpose: layout.transpose,
} as const satisfies Record<OperatorName, Kernel>;
