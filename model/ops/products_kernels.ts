/**
 * Kernels of matrix products. Every output is a sum over the inner axis in rising order.
 */
import type { Attributes } from "../operator.ts";
import { type Kernel, offsetsOf, stretchedStrides, type Tensor } from "./tensor.ts";

/** Y = alpha·op(A)·op(B) + C. */
export const gemm: Kernel = ([a, b, c], [{ shape }], attributes) => {
  const left = matrix(a, attributes.transA === 1);
  const right = matrix(b, attributes.transB === 1);
  const y = new Float64Array(shape[0] * shape[1]);
  multiply(y, 0, left, 0, right, 0, alphaOf(attributes));
  if (c !== undefined) {
    const offsets = offsetsOf(shape, stretchedStrides(c.shape, shape));
    for (let i = 0; i < y.length; i++) y[i] += c.data[offsets[i]];
  }
  return [y];
};

/** Y[…] = alpha·op(A[…])·op(B[…]), a product for each index of the leading axes. */
export const matMul: Kernel = ([a, b], [{ shape }], attributes) => {
  const left = matrix(a, attributes.transA === 1);
  const right = matrix(b, attributes.transB === 1);
  const stack = shape.slice(0, -2);
  const leftStarts = startsOf(a, stack);
  const rightStarts = startsOf(b, stack);
  const size = left.rows * right.columns;
  const y = new Float64Array(size * leftStarts.length);
  for (let i = 0; i < leftStarts.length; i++) {
    multiply(y, i * size, left, leftStarts[i], right, rightStarts[i], alphaOf(attributes));
  }
  return [y];
};

interface Matrix {
  readonly data: Float64Array | Int32Array;
  readonly rows: number;
  readonly columns: number;
  readonly rowStride: number;
  readonly columnStride: number;
}

function matrix({ shape, data }: Tensor, isTransposed: boolean): Matrix {
  const [rows, columns] = shape.slice(-2);
  return isTransposed
    ? { data, rows: columns, columns: rows, rowStride: 1, columnStride: columns }
    : { data, rows, columns, rowStride: columns, columnStride: 1 };
}

/** Where each matrix of a stack begins. */
function startsOf({ shape }: Tensor, stack: readonly number[]): Int32Array {
  const own = shape.slice(0, -2);
  const [rows, columns] = shape.slice(-2);
  const strides = stretchedStrides(own, stack).map((stride) => stride * rows * columns);
  return offsetsOf(stack, strides);
}

function alphaOf({ alpha }: Attributes): number {
  return alpha === undefined ? 1 : alpha as number;
}

function multiply(
  y: Float64Array,
  yStart: number,
  a: Matrix,
  aStart: number,
  b: Matrix,
  bStart: number,
  alpha: number,
): void {
  const { rows, columns: inner } = a;
  const { columns } = b;
  for (let i = 0; i < rows; i++) {
    const row = yStart + i * columns;
    const left = aStart + i * a.rowStride;
    if (b.columnStride === 1) {
      // Rows of B in memory order: the sum of a whole row of Y grows at once.
      for (let k = 0; k < inner; k++) {
        const factor = a.data[left + k * a.columnStride];
        const right = bStart + k * b.rowStride;
        for (let j = 0; j < columns; j++) y[row + j] += factor * b.data[right + j];
      }
      if (alpha !== 1) { for (let j = 0; j < columns; j++) y[row + j] *= alpha; }
    } else {
      for (let j = 0; j < columns; j++) {
        const right = bStart + j * b.columnStride;
        let sum = 0;
        for (let k = 0; k < inner; k++) {
          sum += a.data[left + k * a.columnStride] * b.data[right + k * b.rowStride];
        }
        y[row + j] = alpha * sum;
      }
    }
  }
}
