/**
 * What several operators share: reading attributes, checking inputs, rules of shapes.
 *
 * Messages here start with "expected"; the graph builder puts `Cannot build <op> in <scope>: ` before them.
 */
import type { Attributes, TensorType } from "../operator.ts";
import { broadcastShapes, float32, formatShape, type Shape } from "../shapes.ts";

/** A whole-number attribute. @throws RangeError when it is missing or not whole. */
export function integerOf(attributes: Attributes, name: string, otherwise?: number): number {
  const value = attributes[name] ?? otherwise;
  if (!Number.isInteger(value)) {
    throw new RangeError(`expected a whole number as attribute ${name}, found ${value}`);
  }
  return value as number;
}

/** A list of whole numbers. @throws RangeError when it is missing or holds anything else. */
export function integersOf(attributes: Attributes, name: string): readonly number[] {
  const value = attributes[name];
  if (!Array.isArray(value) || !value.every(Number.isInteger)) {
    throw new RangeError(`expected whole numbers as attribute ${name}, found ${value}`);
  }
  return value;
}

/** A number, or the default of an attribute that is not there. */
export function numberOf(attributes: Attributes, name: string, otherwise: number): number {
  const value = attributes[name] ?? otherwise;
  if (typeof value !== "number" || !Number.isFinite(value)) {
    throw new RangeError(`expected a number as attribute ${name}, found ${value}`);
  }
  return value;
}

/** A flag as ONNX writes it, 0 or 1, default 0. */
export function flagOf(attributes: Attributes, name: string): boolean {
  return integerOf(attributes, name, 0) !== 0;
}

/** An axis counted from the front, where `axis` may count from the end. @throws RangeError when there is none. */
export function axisOf(axis: number, rank: number): number {
  const counted = axis < 0 ? axis + rank : axis;
  if (counted < 0 || counted >= rank) {
    throw new RangeError(`expected an axis of a tensor of rank ${rank}, found ${axis}`);
  }
  return counted;
}

/** @throws RangeError unless there are between `least` and `most` inputs. */
export function expectInputs(inputs: readonly TensorType[], least: number, most = least): void {
  if (inputs.length < least || inputs.length > most) {
    const wanted = least === most ? `${least}` : `${least} to ${most}`;
    throw new RangeError(`expected ${wanted} inputs, found ${inputs.length}`);
  }
}

/** @throws RangeError unless the input is float32, of the given rank where one is given. */
export function expectFloat(input: TensorType, name: string, rank?: number): void {
  expectType(input, name, "float32", rank);
}

/** @throws RangeError unless the input holds ids, of the given rank where one is given. */
export function expectIds(input: TensorType, name: string, rank?: number): void {
  expectType(input, name, "int32", rank);
}

function expectType(input: TensorType, name: string, dtype: string, rank?: number): void {
  if (input.dtype !== dtype) {
    throw new RangeError(`expected ${name} of type ${dtype}, found ${input.dtype}`);
  }
  if (rank !== undefined && input.shape.length !== rank) {
    throw new RangeError(`expected ${name} of rank ${rank}, found ${formatShape(input.shape)}`);
  }
}

/** @throws RangeError unless the shape is the one expected. */
export function expectShape(input: TensorType, name: string, expected: Shape): void {
  if (formatShape(input.shape) !== formatShape(expected)) {
    throw new RangeError(
      `expected ${name} of shape ${formatShape(expected)}, found ${formatShape(input.shape)}`,
    );
  }
}

/** Bounds of a slice for every axis. @throws RangeError when they leave the tensor or are empty. */
export function boundsOf(shape: Shape, attributes: Attributes) {
  const starts: number[] = shape.map(() => 0);
  const ends = [...shape];
  const from = integersOf(attributes, "starts");
  const to = integersOf(attributes, "ends");
  integersOf(attributes, "axes").forEach((given, i) => {
    const axis = axisOf(given, shape.length);
    if (!(from[i] >= 0 && from[i] < to[i] && to[i] <= shape[axis])) {
      throw new RangeError(
        `expected a range in [0, ${shape[axis]}] on axis ${axis}, found ${from[i]} to ${to[i]}`,
      );
    }
    [starts[axis], ends[axis]] = [from[i], to[i]];
  });
  return { starts, ends };
}

/** Shape rule of one float tensor to one of the same shape. */
export function inferUnary(inputs: readonly TensorType[]): readonly TensorType[] {
  expectInputs(inputs, 1);
  expectFloat(inputs[0], "the input");
  return [inputs[0]];
}

/** Shape rule of two float tensors that broadcast. */
export function inferBinary(inputs: readonly TensorType[]): readonly TensorType[] {
  expectInputs(inputs, 2);
  expectFloat(inputs[0], "the first input");
  expectFloat(inputs[1], "the second input");
  return [float32(broadcastShapes(inputs[0].shape, inputs[1].shape))];
}
