/**
 * Kernels that work element by element.
 */
import type { TensorType } from "../operator.ts";
import { sameShape } from "../shapes.ts";
import { erf as erfOf } from "./erf.ts";
import { type Kernel, offsetsOf, pick, stretchedStrides, type Tensor } from "./tensor.ts";

export const add: Kernel = (inputs, [y]) => binary(inputs, y, (a, b) => a + b);
export const sub: Kernel = (inputs, [y]) => binary(inputs, y, (a, b) => a - b);
export const mul: Kernel = (inputs, [y]) => binary(inputs, y, (a, b) => a * b);
export const div: Kernel = (inputs, [y]) => binary(inputs, y, (a, b) => a / b);
export const neg: Kernel = (inputs) => unary(inputs, (x) => -x);
export const exp: Kernel = (inputs) => unary(inputs, Math.exp);
export const log: Kernel = (inputs) => unary(inputs, Math.log);
export const sqrt: Kernel = (inputs) => unary(inputs, Math.sqrt);
export const erf: Kernel = (inputs) => unary(inputs, erfOf);
export const gelu: Kernel = (inputs) => unary(inputs, (x) => x * normalArea(x));

export const geluGradient: Kernel = (inputs, [dX]) =>
  binary(inputs, dX, (dY, x) => {
    const density = Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
    return dY * (normalArea(x) + x * density);
  });

/** Φ(x), the area under the standard normal density left of x. */
function normalArea(x: number): number {
  return (1 + erfOf(x * Math.SQRT1_2)) / 2;
}

function unary([x]: readonly Tensor[], compute: (x: number) => number): [Float64Array] {
  return [Float64Array.from(x.data, compute)];
}

function binary(
  [a, b]: readonly Tensor[],
  { shape }: TensorType,
  compute: (a: number, b: number) => number,
): [Float64Array] {
  const left = stretched(a, shape);
  const right = stretched(b, shape);
  const y = new Float64Array(left.length);
  for (let i = 0; i < y.length; i++) y[i] = compute(left[i], right[i]);
  return [y];
}

function stretched(tensor: Tensor, shape: readonly number[]): Tensor["data"] {
  if (sameShape(tensor.shape, shape)) return tensor.data;
  return pick(tensor.data, offsetsOf(shape, stretchedStrides(tensor.shape, shape)));
}
