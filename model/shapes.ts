/**
 * Shape letters, one meaning each wherever a shape is written, and small helpers for static shapes.
 *
 * | letter | meaning                 | in `ModelConfig` | in the paper |
 * |--------|-------------------------|------------------|--------------|
 * | B      | sequences in a batch    | –                | |B|          |
 * | T      | positions of a sequence | `seqLen`         | L            |
 * | N      | positions of a batch, B·T | –              | –            |
 * | C      | width                   | `dModel`         | d            |
 * | H      | heads                   | `nHeads`         | –            |
 * | S      | size of a head, C / H   | `headSize`       | d_head       |
 * | F      | width inside the MLP    | `expansion`·C    | –            |
 * | V      | vocabulary              | `vocabSize`      | |V|, |V_k|   |
 * | L      | layers                  | `nLayers`        | blocks       |
 * | K      | sources                 | –                | K            |
 * | R      | rounds                  | –                | T            |
 */
import type { TensorType } from "./operator.ts";

export type Shape = readonly number[];

/** Elements of a tensor: 1 for a scalar. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const length of shape) size *= length;
  return size;
}

/** `[2, 3]`, as shapes are printed in errors. */
export function formatShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((length, axis) => length === b[axis]);
}

/**
 * The shape of an element-wise result, lengths aligned at the last axis and 1 stretched.
 * @throws RangeError when two lengths differ and neither is 1.
 *
 * Source: ONNX, "Broadcasting in ONNX", multidirectional.
 */
export function broadcastShapes(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const left = a[axis - rank + a.length] ?? 1;
    const right = b[axis - rank + b.length] ?? 1;
    if (left !== right && left !== 1 && right !== 1) {
      throw new RangeError(
        `expected shapes that broadcast, found ${formatShape(a)} and ${formatShape(b)}`,
      );
    }
    return left === 1 ? right : left;
  });
}

/** Lengths of steps in a row-major tensor, by axis. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = step;
    step *= shape[axis];
  }
  return strides;
}

export function float32(shape: Shape): TensorType {
  return { dtype: "float32", shape };
}

export function int32(shape: Shape): TensorType {
  return { dtype: "int32", shape };
}
