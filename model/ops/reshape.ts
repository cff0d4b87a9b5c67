/**
 * Reshape, as in ONNX: attribute shape, all lengths given (no 0, no −1). Ids may be reshaped too.
 *
 * Differs: `shape` is an attribute here; ONNX takes it as a constant int64 input.
 */
import type { Operator } from "../operator.ts";
import { formatShape, sizeOf } from "../shapes.ts";
import { expectInputs, integersOf } from "./rules.ts";

export const reshape: Operator = {
  name: "Reshape",
  domain: "",
  constantInputs: ["shape"],
  evaluate: ([x]) => [x.data], // tensors are never written to after they are made
  infer(inputs, attributes) {
    expectInputs(inputs, 1);
    const shape = integersOf(attributes, "shape");
    if (sizeOf(shape) !== sizeOf(inputs[0].shape) || shape.some((length) => length < 1)) {
      throw new RangeError(
        `expected a shape of ${sizeOf(inputs[0].shape)} elements, as ${
          formatShape(inputs[0].shape)
        } has, found ${formatShape(shape)}`,
      );
    }
    return [{ dtype: inputs[0].dtype, shape }];
  },
  gradient: ({ inputs: [x] }, [dY], writer) => [
    writer.apply(reshape, [dY!], { shape: writer.type(x).shape }),
  ],
};
