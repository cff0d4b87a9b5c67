/**
 * Operators that move data and compute nothing: Transpose, Split, Concat, Slice, Pad.
 *
 * Transpose   attribute perm
 * Split       attributes axis and split (the lengths, one output each)
 * Concat      attribute axis
 * Slice       attributes axes, starts, ends (0 ≤ start < end ≤ length, step 1)
 * Pad         attribute pads: zeros before each axis, then zeros after each axis, none negative
 *
 * Differs: `split`, `axes`, `starts`, `ends` and `pads` are attributes here; ONNX takes them as constant int64
 * inputs.
 */
import type { Operator } from "../operator.ts";
import { float32, formatShape, type Shape, sizeOf, stridesOf } from "../shapes.ts";
import { axisOf, boundsOf, expectFloat, expectInputs, integerOf, integersOf } from "./rules.ts";
import { zeros } from "./reduce.ts";
import { offsetsOf, pick } from "./tensor.ts";

export const transpose: Operator = {
  name: "Transpose",
  domain: "",
  evaluate: ([x], [{ shape }], attributes) => {
    const strides = stridesOf(x.shape);
    const perm = attributes.perm as readonly number[];
    return [pick(x.data, offsetsOf(shape, perm.map((axis) => strides[axis])))];
  },
  infer(inputs, attributes) {
    expectInputs(inputs, 1);
    expectFloat(inputs[0], "the input");
    const perm = integersOf(attributes, "perm");
    const { shape } = inputs[0];
    if (perm.length !== shape.length || !shape.every((_, axis) => perm.includes(axis))) {
      throw new RangeError(
        `expected perm to order the axes of ${formatShape(shape)}, found ${formatShape(perm)}`,
      );
    }
    return [float32(perm.map((axis) => shape[axis]))];
  },
  gradient({ attributes }, [dY], writer) {
    const perm = integersOf(attributes, "perm");
    return [writer.apply(transpose, [dY!], { perm: perm.map((_, axis) => perm.indexOf(axis)) })];
  },
};

export const split: Operator = {
  name: "Split",
  domain: "",
  constantInputs: ["split"],
  evaluate: ([x], outputs, attributes) => {
    const strides = stridesOf(x.shape);
    const axis = countedAxis(attributes.axis, x.shape);
    let start = 0;
    return outputs.map(({ shape }) => {
      const part = pick(x.data, offsetsOf(shape, strides, start * strides[axis]));
      start += shape[axis];
      return part;
    });
  },
  infer(inputs, attributes) {
    expectInputs(inputs, 1);
    expectFloat(inputs[0], "the input");
    const { shape } = inputs[0];
    const axis = axisOf(integerOf(attributes, "axis", 0), shape.length);
    const lengths = integersOf(attributes, "split");
    const total = lengths.reduce((sum, length) => sum + length, 0);
    if (total !== shape[axis] || lengths.some((length) => length < 1)) {
      throw new RangeError(
        `expected lengths that add up to ${shape[axis]}, found ${formatShape(lengths)}`,
      );
    }
    return lengths.map((length) => float32(shape.with(axis, length)));
  },
  gradient({ outputs, attributes }, outputGradients, writer) {
    const axis = integerOf(attributes, "axis", 0);
    const parts = outputs.map((output, i) =>
      outputGradients[i] ?? zeros(writer, writer.type(output).shape)
    );
    return [writer.apply(concat, parts, { axis })];
  },
};

export const concat: Operator = {
  name: "Concat",
  domain: "",
  evaluate: (inputs, [{ shape }], attributes) => {
    const strides = stridesOf(shape);
    const axis = countedAxis(attributes.axis, shape);
    const y = new Float64Array(sizeOf(shape));
    let start = 0;
    for (const x of inputs) {
      const offsets = offsetsOf(x.shape, strides, start * strides[axis]);
      for (let i = 0; i < offsets.length; i++) y[offsets[i]] = x.data[i];
      start += x.shape[axis];
    }
    return [y];
  },
  infer(inputs, attributes) {
    expectInputs(inputs, 1, Infinity);
    const { shape } = inputs[0];
    const axis = axisOf(integerOf(attributes, "axis"), shape.length);
    let length = 0;
    inputs.forEach((input, i) => {
      expectFloat(input, `input ${i}`, shape.length);
      if (input.shape.some((size, at) => at !== axis && size !== shape[at])) {
        throw new RangeError(
          `expected inputs alike except on axis ${axis}, found ${formatShape(shape)} and ${
            formatShape(input.shape)
          }`,
        );
      }
      length += input.shape[axis];
    });
    return [float32(shape.with(axis, length))];
  },
  gradient({ inputs, attributes }, [dY], writer) {
    const axis = axisOf(integerOf(attributes, "axis"), writer.type(inputs[0]).shape.length);
    const lengths = inputs.map((input) => writer.type(input).shape[axis]);
    return writer.applyAll(split, [dY!], { axis, split: lengths });
  },
};

export const slice: Operator = {
  name: "Slice",
  domain: "",
  constantInputs: ["starts", "ends", "axes"],
  evaluate: ([x], [{ shape }], attributes) => {
    const { starts } = boundsOf(x.shape, attributes);
    return [pick(x.data, offsetsOf(shape, stridesOf(x.shape), startAt(x.shape, starts)))];
  },
  infer(inputs, attributes) {
    expectInputs(inputs, 1);
    expectFloat(inputs[0], "the input");
    const { shape } = inputs[0];
    const { starts, ends } = boundsOf(shape, attributes);
    return [float32(shape.map((_, axis) => ends[axis] - starts[axis]))];
  },
  gradient({ inputs: [x], attributes }, [dY], writer) {
    const { shape } = writer.type(x);
    const { starts, ends } = boundsOf(shape, attributes);
    const pads = [...starts, ...shape.map((length, axis) => length - ends[axis])];
    return [writer.apply(pad, [dY!], { pads })];
  },
};

export const pad: Operator = {
  name: "Pad",
  domain: "",
  constantInputs: ["pads"],
  evaluate: ([x], [{ shape }], attributes) => {
    const before = (attributes.pads as readonly number[]).slice(0, shape.length);
    const y = new Float64Array(sizeOf(shape));
    const offsets = offsetsOf(x.shape, stridesOf(shape), startAt(shape, before));
    for (let i = 0; i < offsets.length; i++) y[offsets[i]] = x.data[i];
    return [y];
  },
  infer(inputs, attributes) {
    expectInputs(inputs, 1);
    expectFloat(inputs[0], "the input");
    const { shape } = inputs[0];
    const pads = integersOf(attributes, "pads");
    if (pads.length !== 2 * shape.length || pads.some((count) => count < 0)) {
      throw new RangeError(
        `expected ${2 * shape.length} pads of 0 or more, found ${formatShape(pads)}`,
      );
    }
    return [float32(shape.map((length, axis) => pads[axis] + length + pads[axis + shape.length]))];
  },
  gradient({ inputs: [x], attributes }, [dY], writer) {
    const { shape } = writer.type(x);
    const starts = integersOf(attributes, "pads").slice(0, shape.length);
    const ends = shape.map((length, axis) => starts[axis] + length);
    return [writer.apply(slice, [dY!], { axes: shape.map((_, axis) => axis), starts, ends })];
  },
};

function countedAxis(axis: unknown, shape: Shape): number {
  const given = (axis ?? 0) as number;
  return given < 0 ? given + shape.length : given;
}

/** Offset of the element at these indices. */
function startAt(shape: Shape, indices: readonly number[]): number {
  const strides = stridesOf(shape);
  return indices.reduce((offset, index, axis) => offset + index * strides[axis], 0);
}
