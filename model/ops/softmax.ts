/**
 * Softmax and LogSoftmax (ONNX 13) over the last axis.
 */
import type { Attributes, Operator, TensorType } from "../operator.ts";
import { sizeOf } from "../shapes.ts";
import { axisOf, inferUnary, integerOf } from "./rules.ts";
import { exp, mul, sub } from "./elementwise.ts";
import { reduceSum } from "./reduce.ts";
import * as rowsKernels from "./rows_kernels.ts";

export const softmax: Operator = {
  name: "Softmax",
  domain: "",
  evaluate: rowsKernels.softmax,
  infer,
  gradient({ outputs: [y] }, [dY], writer) {
    const weighted = writer.apply(mul, [dY!, y]);
    const mean = writer.apply(reduceSum, [weighted], { axes: [-1], keepdims: 1 }); // (..., 1)
    return [writer.apply(mul, [writer.apply(sub, [dY!, mean]), y])];
  },
  flops: ([x]) => 5 * sizeOf(x.shape),
};

export const logSoftmax: Operator = {
  name: "LogSoftmax",
  domain: "",
  evaluate: rowsKernels.logSoftmax,
  infer,
  gradient({ outputs: [y] }, [dY], writer) {
    const total = writer.apply(reduceSum, [dY!], { axes: [-1], keepdims: 1 }); // (..., 1)
    const shared = writer.apply(mul, [writer.apply(exp, [y]), total]);
    return [writer.apply(sub, [dY!, shared])];
  },
  flops: ([x]) => 5 * sizeOf(x.shape),
};

function infer(inputs: readonly TensorType[], attributes: Attributes): readonly TensorType[] {
  const outputs = inferUnary(inputs);
  const rank = outputs[0].shape.length;
  if (axisOf(integerOf(attributes, "axis", -1), rank) !== rank - 1) {
    throw new RangeError(`expected the last axis, found ${attributes.axis}`);
  }
  return outputs;
}
