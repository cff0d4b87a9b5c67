/**
 * ReduceSum and ReduceMean (ONNX 18), and Expand, which undoes their loss of shape.
 *
 * ReduceSum, ReduceMean   attributes axes (may count from the end), keepdims (0 or 1, default 1)
 * Expand                  attribute shape: the input broadcasts to exactly this shape
 *
 * Differs: `axes` and `shape` are attributes here; ONNX takes them as constant int64 inputs.
 */
import type { Attributes, Operator, TensorType } from "../operator.ts";
import { broadcastShapes, float32, formatShape, sameShape, sizeOf } from "../shapes.ts";
import {
  axisOf,
  expectFloat,
  expectInputs,
  flagOf,
  integersOf,
  nothing,
  scaled,
  sumTo,
} from "./rules.ts";
import { reshape } from "./layout.ts";
import * as layoutKernels from "./layout_kernels.ts";
import * as rowsKernels from "./rows_kernels.ts";

export const reduceSum: Operator = {
  name: "ReduceSum",
  domain: "",
  constantInputs: ["axes"],
  evaluate: rowsKernels.reduceSum,
  infer,
  flops: ([x]) => sizeOf(x.shape),
  gradient: ({ inputs: [x], attributes }, [dY], writer) => {
    const { shape } = writer.type(x);
    const { kept } = shapesOf(shape, attributes);
    return [writer.apply(expand, [reshaped(dY!, kept)], { shape })];

    function reshaped(value: string, to: readonly number[]): string {
      return sameShape(writer.type(value).shape, to)
        ? value
        : writer.apply(reshape, [value], { shape: to });
    }
  },
};

export const reduceMean: Operator = {
  name: "ReduceMean",
  domain: "",
  constantInputs: ["axes"],
  evaluate: rowsKernels.reduceMean,
  infer,
  flops: ([x]) => sizeOf(x.shape),
  gradient({ inputs: [x], outputs: [y], attributes }, [dY], writer) {
    const { shape } = writer.type(x);
    const { kept } = shapesOf(shape, attributes);
    const share = scaled(writer, dY!, sizeOf(writer.type(y).shape) / sizeOf(shape));
    return [writer.apply(expand, [writer.apply(reshape, [share], { shape: kept })], { shape })];
  },
};

export const expand: Operator = {
  name: "Expand",
  domain: "",
  constantInputs: ["shape"],
  evaluate: layoutKernels.expand,
  infer(inputs, attributes) {
    expectInputs(inputs, 1);
    expectFloat(inputs[0], "the input");
    const shape = integersOf(attributes, "shape");
    if (!sameShape(broadcastShapes(inputs[0].shape, shape), shape)) {
      throw new RangeError(
        `expected an input that broadcasts to ${formatShape(shape)}, found ${
          formatShape(inputs[0].shape)
        }`,
      );
    }
    return [float32(shape)];
  },
  flops: nothing,
  gradient: ({ inputs: [x] }, [dY], writer) => [sumTo(writer, dY!, writer.type(x).shape)],
};

function infer(inputs: readonly TensorType[], attributes: Attributes): readonly TensorType[] {
  expectInputs(inputs, 1);
  expectFloat(inputs[0], "the input");
  const { kept, dropped } = shapesOf(inputs[0].shape, attributes);
  return [float32(flagOf({ keepdims: 1, ...attributes }, "keepdims") ? kept : dropped)];
}

/** The reduced shape with the reduced axes as 1, and without them. */
function shapesOf(shape: readonly number[], attributes: Attributes) {
  const axes = new Set(integersOf(attributes, "axes").map((axis) => axisOf(axis, shape.length)));
  return {
    kept: shape.map((length, axis) => axes.has(axis) ? 1 : length),
    dropped: shape.filter((_, axis) => !axes.has(axis)),
  };
}
