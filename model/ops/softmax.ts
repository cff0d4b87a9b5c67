/**
 * Softmax and LogSoftmax (ONNX 13) over the last axis.
 */
import type { Attributes, Operator, TensorType } from "../operator.ts";
import { sizeOf } from "../shapes.ts";
import { axisOf, inferUnary, integerOf } from "./_rules.ts";

export const softmax: Operator = {
  name: "Softmax",
  domain: "",
  infer,
  gradient({ outputs: [y] }, [dY], writer) {
    const weighted = writer.apply("Mul", [dY!, y]);
    const mean = writer.apply("ReduceSum", [weighted], { axes: [-1], keepdims: 1 }); // (..., 1)
    return [writer.apply("Mul", [writer.apply("Sub", [dY!, mean]), y])];
  },
  flops: ([x]) => 5 * sizeOf(x.shape),
};

export const logSoftmax: Operator = {
  name: "LogSoftmax",
  domain: "",
  infer,
  gradient({ outputs: [y] }, [dY], writer) {
    const total = writer.apply("ReduceSum", [dY!], { axes: [-1], keepdims: 1 }); // (..., 1)
    const shared = writer.apply("Mul", [writer.apply("Exp", [y]), total]);
    return [writer.apply("Sub", [dY!, shared])];
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
