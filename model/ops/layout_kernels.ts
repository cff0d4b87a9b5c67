/**
 * Kernels that move data: views, pieces, rows by id.
 */
import { alibiBias } from "../positions.ts";
import { type Shape, sizeOf, stridesOf } from "../shapes.ts";
import { boundsOf } from "./rules.ts";
import { type Kernel, offsetsOf, pick, stretchedStrides } from "./tensor.ts";

/** Tensors are never written to after they are made, so a view may share its data. */
export const reshape: Kernel = ([x]) => [x.data];

export const expand: Kernel = ([x], [{ shape }]) => [
  pick(x.data, offsetsOf(shape, stretchedStrides(x.shape, shape))),
];

export const transpose: Kernel = ([x], [{ shape }], attributes) => {
  const strides = stridesOf(x.shape);
  const perm = attributes.perm as readonly number[];
  return [pick(x.data, offsetsOf(shape, perm.map((axis) => strides[axis])))];
};

export const slice: Kernel = ([x], [{ shape }], attributes) => {
  const { starts } = boundsOf(x.shape, attributes);
  return [pick(x.data, offsetsOf(shape, stridesOf(x.shape), startAt(x.shape, starts)))];
};

export const pad: Kernel = ([x], [{ shape }], attributes) => {
  const before = (attributes.pads as readonly number[]).slice(0, shape.length);
  const y = new Float64Array(sizeOf(shape));
  const offsets = offsetsOf(x.shape, stridesOf(shape), startAt(shape, before));
  for (let i = 0; i < offsets.length; i++) y[offsets[i]] = x.data[i];
  return [y];
};

export const split: Kernel = ([x], outputs, attributes) => {
  const strides = stridesOf(x.shape);
  const axis = countedAxis(attributes.axis, x.shape);
  let start = 0;
  return outputs.map(({ shape }) => {
    const part = pick(x.data, offsetsOf(shape, strides, start * strides[axis]));
    start += shape[axis];
    return part;
  });
};

export const concat: Kernel = (inputs, [{ shape }], attributes) => {
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
};

export const gather: Kernel = ([table, ids]) => {
  const width = sizeOf(table.shape.slice(1));
  const rows = new Float64Array(ids.data.length * width);
  for (let n = 0; n < ids.data.length; n++) {
    const from = ids.data[n] * width;
    rows.set(table.data.subarray(from, from + width), n * width);
  }
  return [rows];
};

/** Sums rows in token order. */
export const embeddingGradient: Kernel = ([ids, dY], [{ shape: [rows, width] }]) => {
  const sums = new Float64Array(rows * width);
  for (let n = 0; n < ids.data.length; n++) {
    const to = ids.data[n] * width;
    for (let c = 0; c < width; c++) sums[to + c] += dY.data[n * width + c];
  }
  return [sums];
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

export const alibi: Kernel = (_inputs, _outputs, { heads, length }) => [
  Float64Array.from(alibiBias(heads as number, length as number)),
];
