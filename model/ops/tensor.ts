/**
 * How kernels go through axes.
 */
import type { Kernel, Tensor } from "../operator.ts";
import { type Shape, sizeOf, stridesOf } from "../shapes.ts";
export type { Kernel, Tensor };

/**
 * Where each element of a tensor of this shape, in row-major order, stands in an array with these strides.
 * A stride of 0 stretches an axis, another order of strides transposes.
 */
export function offsetsOf(shape: Shape, strides: readonly number[], start = 0): Int32Array {
  let offsets = Int32Array.of(start);
  for (let axis = 0; axis < shape.length; axis++) {
    const next = new Int32Array(offsets.length * shape[axis]);
    let at = 0;
    for (const offset of offsets) {
      for (let i = 0; i < shape[axis]; i++) next[at++] = offset + i * strides[axis];
    }
    offsets = next;
  }
  return offsets;
}

/** Strides that read a tensor of shape `from` as one of shape `to` to which it broadcasts. */
export function stretchedStrides(from: Shape, to: Shape): number[] {
  const strides = stridesOf(from);
  return to.map((_, axis) => {
    const own = axis - to.length + from.length;
    return own < 0 || from[own] === 1 ? 0 : strides[own];
  });
}

/** The elements at these offsets, in order. */
export function pick(data: Float64Array | Int32Array, offsets: Int32Array): Float64Array {
  const picked = new Float64Array(offsets.length);
  for (let i = 0; i < offsets.length; i++) picked[i] = data[offsets[i]];
  return picked;
}

/** Rows and width of a tensor seen as a matrix whose columns are its last axis. */
export function matrixOf({ shape }: Tensor): { rows: number; width: number } {
  const width = shape[shape.length - 1];
  return { rows: sizeOf(shape) / width, width };
}

/** log Σ exp of each row [N], relative to the row's largest element. */
export function logSumExp(x: Tensor): Float64Array {
  const { rows, width } = matrixOf(x);
  const logs = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    const start = row * width;
    let largest = -Infinity;
    for (let c = 0; c < width; c++) largest = Math.max(largest, x.data[start + c]);
    let sum = 0;
    for (let c = 0; c < width; c++) sum += Math.exp(x.data[start + c] - largest);
    logs[row] = largest + Math.log(sum);
  }
  return logs;
}
