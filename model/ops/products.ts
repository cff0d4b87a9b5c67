/**
 * What products of matrices share: extents, gradients of the factors, and the product itself.
 */
import type { Attributes, NodeWriter, Operator, TensorType } from "../operator.ts";
import { expectFloat, flagOf, numberOf } from "./rules.ts";
import { type Kernel, offsetsOf, stretchedStrides, type Tensor } from "./tensor.ts";

/** Rows and columns of op(A)·op(B), of the last two axes. @throws RangeError for factors that do not fit each other. */
export function extentsOf(a: TensorType, b: TensorType, attributes: Attributes): [number, number] {
  expectFloat(a, "A");
  expectFloat(b, "B");
  const [m, k] = turned(a.shape.slice(-2), flagOf(attributes, "transA"));
  const [inner, n] = turned(b.shape.slice(-2), flagOf(attributes, "transB"));
  if (k !== inner) {
    throw new RangeError(
      `expected op(A) with as many columns as op(B) has rows, found ${k} and ${inner}`,
    );
  }
  return [m, n];
}

function turned(shape: readonly number[], isTransposed: boolean): readonly number[] {
  return isTransposed ? shape.toReversed() : shape;
}

/** Writers of the gradients of A and B in Y = alpha·op(A)·op(B), as products by the same operator. */
export function factorGradients(
  writer: NodeWriter,
  operator: Operator,
  [a, b]: readonly [string, string],
  dY: string,
  attributes: Attributes,
): { a(): string; b(): string } {
  const transA = flagOf(attributes, "transA");
  const transB = flagOf(attributes, "transB");
  const alpha = numberOf(attributes, "alpha", 1);
  const times = (
    left: string,
    leftTransposed: boolean,
    right: string,
    rightTransposed: boolean,
  ) =>
    writer.apply(operator, [left, right], {
      transA: Number(leftTransposed),
      transB: Number(rightTransposed),
      ...(alpha === 1 ? {} : { alpha }),
    });
  return {
    a: () => transA ? times(b, transB, dY, true) : times(dY, false, b, !transB),
    b: () => transB ? times(dY, true, a, transA) : times(a, !transA, dY, false),
  };
}

/** Y[…] = alpha·op(A[…])·op(B[…]), a product for each index of the leading axes. Sums go in rising order of the inner axis. */
export const product: Kernel = ([a, b], [{ shape }], attributes) => {
  const left = matrix(a, attributes.transA === 1);
  const right = matrix(b, attributes.transB === 1);
  const stack = shape.slice(0, -2);
  const leftStarts = startsOf(a, stack);
  const rightStarts = startsOf(b, stack);
  const size = left.rows * right.columns;
  const y = new Float64Array(size * leftStarts.length);
  const alpha = numberOf(attributes, "alpha", 1);
  for (let i = 0; i < leftStarts.length; i++) {
    multiply(y, i * size, left, leftStarts[i], right, rightStarts[i], alpha);
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
