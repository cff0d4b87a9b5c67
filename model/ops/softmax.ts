/**
 * Softmax (ONNX 13) over the last axis.
 */
import type { Attributes, Operator, TensorType } from "../operator.ts";
import { axisOf, inferUnary, integerOf } from "./rules.ts";
import { mul, sub } from "./elementwise.ts";
import { reduceSum } from "./reduce.ts";
import { logSumExp, matrixOf } from "./tensor.ts";

export const softmax: Operator = {
  name: "Softmax",
  domain: "",
  evaluate: ([x]) => {
    const { rows, width } = matrixOf(x);
    const logs = logSumExp(x);
    const y = new Float64Array(x.data.length);
    for (let row = 0, at = 0; row < rows; row++) {
      for (let c = 0; c < width; c++, at++) y[at] = Math.exp(x.data[at] - logs[row]);
    }
    return [y];
  },
  infer,
  gradient({ outputs: [y] }, [dY], writer) {
    const weighted = writer.apply(mul, [dY!, y]);
    const mean = writer.apply(reduceSum, [weighted], { axes: [-1], keepdims: 1 }); // (..., 1)
    return [writer.apply(mul, [writer.apply(sub, [dY!, mean]), y])];
  },
};

function infer(inputs: readonly TensorType[], attributes: Attributes): readonly TensorType[] {
  const outputs = inferUnary(inputs);
  const rank = outputs[0].shape.length;
  if (axisOf(integerOf(attributes, "axis", -1), rank) !== rank - 1) {
    throw new RangeError(`expected the last axis, found ${attributes.axis}`);
  }
  return outputs;
}
