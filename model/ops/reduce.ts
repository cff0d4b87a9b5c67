/**
 * ReduceSum and Expand (ONNX 18), each of which is the gradient of the other, ReduceMean, ReduceLogSumExp, and helpers for
 * broadcasting.
 *
 * ReduceSum, ReduceMean,
 * ReduceLogSumExp           attributes axes (may count from the end), keepdims (0 or 1, default 1)
 * Expand                    attribute shape: the input broadcasts to exactly this shape
 *
 * Differs: `axes` and `shape` are attributes here; ONNX takes them as constant int64 inputs.
 */
import type { Attributes, NodeWriter, Operator, TensorType } from "../operator.ts";
import { broadcastShapes, float32, formatShape, sameShape, type Shape, sizeOf } from "../shapes.ts";
import { axisOf, expectFloat, expectInputs, flagOf, integersOf } from "./rules.ts";
import { reshape } from "./reshape.ts";
import { offsetsOf, pick, stretchedStrides } from "./tensor.ts";

export const reduceSum: Operator = {
  name: "ReduceSum",
  domain: "",
  constantInputs: ["axes"],
  evaluate: ([x], [y], attributes) => {
    const sums = new Float64Array(sizeOf(y.shape));
    const { kept } = reducedShapes(x.shape, attributes);
    const places = offsetsOf(x.shape, stretchedStrides(kept, x.shape));
    for (let i = 0; i < places.length; i++) sums[places[i]] += x.data[i];
    return [sums];
  },
  infer: inferReduced,
  gradient: ({ inputs: [x], attributes }, [dY], writer) => {
    const { shape } = writer.type(x);
    const { kept } = reducedShapes(shape, attributes);
    const isKept = sameShape(writer.type(dY!).shape, kept);
    const column = isKept ? dY! : writer.apply(reshape, [dY!], { shape: kept });
    return [writer.apply(expand, [column], { shape })];
  },
};

/** Monitors alone take means: it has no gradient. */
export const reduceMean: Operator = {
  name: "ReduceMean",
  domain: "",
  constantInputs: ["axes"],
  evaluate: (inputs, outputs, attributes) => {
    const [sums] = reduceSum.evaluate(inputs, outputs, attributes);
    const count = inputs[0].data.length / sums.length;
    return [Float64Array.from(sums, (sum) => sum / count)];
  },
  infer: inferReduced,
};

/** log Σ exp. Engines that take attention apart make its second output so: it has no gradient. */
export const reduceLogSumExp: Operator = {
  name: "ReduceLogSumExp",
  domain: "",
  constantInputs: ["axes"],
  evaluate: ([x], [y], attributes) => {
    const { kept } = reducedShapes(x.shape, attributes);
    const places = offsetsOf(x.shape, stretchedStrides(kept, x.shape));
    const largest = new Float64Array(sizeOf(y.shape)).fill(-Infinity);
    places.forEach((place, i) => largest[place] = Math.max(largest[place], x.data[i]));
    const sums = new Float64Array(largest.length);
    places.forEach((place, i) => sums[place] += Math.exp(x.data[i] - largest[place]));
    return [sums.map((sum, place) => largest[place] + Math.log(sum))];
  },
  infer: inferReduced,
};

export const expand: Operator = {
  name: "Expand",
  domain: "",
  constantInputs: ["shape"],
  evaluate: ([x], [{ shape }]) => [
    pick(x.data, offsetsOf(shape, stretchedStrides(x.shape, shape))),
  ],
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
  gradient: ({ inputs: [x] }, [dY], writer) => [sumTo(writer, dY!, writer.type(x).shape)],
};

/** Shape rule of a reduction. */
function inferReduced(
  inputs: readonly TensorType[],
  attributes: Attributes,
): readonly TensorType[] {
  expectInputs(inputs, 1);
  expectFloat(inputs[0], "the input");
  const { kept, dropped } = reducedShapes(inputs[0].shape, attributes);
  return [float32(flagOf({ keepdims: 1, ...attributes }, "keepdims") ? kept : dropped)];
}

/** The reduced shape with the reduced axes as 1, and without them. */
function reducedShapes(shape: readonly number[], attributes: Attributes) {
  const axes = new Set(integersOf(attributes, "axes").map((axis) => axisOf(axis, shape.length)));
  return {
    kept: shape.map((length, axis) => axes.has(axis) ? 1 : length),
    dropped: shape.filter((_, axis) => !axes.has(axis)),
  };
}

/** Sums a gradient over the axes along which a tensor of shape `shape` was stretched. */
export function sumTo(writer: NodeWriter, gradient: string, shape: Shape): string {
  const from = writer.type(gradient).shape;
  const added = from.length - shape.length;
  const axes: number[] = [];
  for (let axis = 0; axis < from.length; axis++) {
    if (axis < added || (shape[axis - added] === 1 && from[axis] !== 1)) axes.push(axis);
  }
  if (axes.length === 0) return gradient;
  if (axes.length === added) return writer.apply(reduceSum, [gradient], { axes, keepdims: 0 });
  const summed = writer.apply(reduceSum, [gradient], { axes, keepdims: 1 });
  return added === 0 ? summed : writer.apply(reshape, [summed], { shape });
}

export function scalar(writer: NodeWriter, value: number): string {
  return writer.constant([value], float32([]));
}

/** A tensor of zeros, stored as one number. */
export function zeros(writer: NodeWriter, shape: Shape): string {
  return writer.apply(expand, [scalar(writer, 0)], { shape });
}
