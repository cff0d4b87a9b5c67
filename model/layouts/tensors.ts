/**
 * Parameters as a layout names and shapes them, and back.
 */
import { type ModelConfig, parameterShapes, validateConfig } from "../config.ts";
import { formatShape, sameShape, type Shape, sizeOf } from "../shapes.ts";
import type { Layout, LayoutTensor, LayoutTensors, TensorPlace } from "./layout.ts";

/** Our parameters as tensors of a file. What needs no rearranging is not copied. @throws RangeError for one that is missing */
export function toLayout(
  layout: Layout,
  config: ModelConfig,
  tensors: LayoutTensors,
): Record<string, LayoutTensor> {
  return Object.fromEntries(
    layout.places(config).map((place): [string, LayoutTensor] => {
      const { theirs, shape, form } = place;
      if (form === "zeros") return [theirs, { shape, data: new Float32Array(sizeOf(shape)) }];
      const { data } = tensorAt(tensors, place.ours, ourShape(place));
      return [theirs, { shape, data: toTheirs(data, place) }];
    }),
  );
}

/**
 * Tensors of a file as our parameters, in their order. All names and shapes are compared before the numbers of any tensor are
 * asked for.
 * @throws RangeError that names a tensor which is missing, has another shape, holds what our network has not, or is unknown
 */
export function fromLayout(
  layout: Layout,
  config: ModelConfig,
  found: LayoutTensors,
): Record<string, LayoutTensor> {
  const named = withPrefix(layout, found);
  const places = layout.places(config);
  const isTied = validateConfig(config).tiedEmbeddings;
  checkNames(layout, named, places, isTied);
  const made: Record<string, LayoutTensor> = {};
  for (const place of places) {
    const { theirs, form } = place;
    const { data } = named[theirs];
    if (form === "zeros") {
      const at = data.findIndex((value) => value !== 0);
      if (at >= 0) fail(theirs, "zeros, since the model has no biases", `${data[at]} at ${at}`);
    } else made[place.ours] = { shape: ourShape(place), data: toOurs(data, place) };
  }
  if (isTied) checkHead(layout, named, made);
  return Object.fromEntries(Object.keys(parameterShapes(config)).map((name) => [name, made[name]]));
}

/** Whether all tensors are there, each in its shape, and no others. */
function checkNames(
  layout: Layout,
  named: LayoutTensors,
  places: readonly TensorPlace[],
  isTied: boolean,
): void {
  const known = new Set<string>();
  for (const { theirs, shape } of places) {
    tensorAt(named, theirs, shape);
    known.add(theirs);
  }
  for (const name of Object.keys(named)) {
    if (known.has(name) || (isTied && name === layout.head)) continue;
    if (layout.ignored.some((pattern) => pattern.test(name))) continue;
    fail(name, `a tensor of ${layout.architecture}`, "one that its network has not");
  }
}

/** Files of a base class lack the prefix in every name. */
function withPrefix({ prefix, head }: Layout, found: LayoutTensors): LayoutTensors {
  const names = Object.keys(found).filter((name) => name !== head);
  if (prefix === "" || names.some((name) => name.startsWith(prefix))) return found;
  return Object.fromEntries(
    Object.entries(found).map(([name, tensor]) => [
      name === head ? name : `${prefix}${name}`,
      tensor,
    ]),
  );
}

/** A head that is no copy of the embedding would be lost. */
function checkHead({ head }: Layout, named: LayoutTensors, made: LayoutTensors): void {
  if (head === undefined || named[head] === undefined) return;
  const table = made["embedding.token.weight"];
  const { data } = tensorAt(named, head, table.shape);
  if (data.some((value, i) => value !== table.data[i])) {
    fail(head, "a copy of the token embedding, since the head is tied", "other numbers");
  }
}

function tensorAt(tensors: LayoutTensors, name: string, shape: Shape): LayoutTensor {
  const found = Object.hasOwn(tensors, name) ? tensors[name] : undefined;
  if (found === undefined) return fail(name, formatShape(shape), "none");
  if (!sameShape(found.shape, shape)) fail(name, formatShape(shape), formatShape(found.shape));
  return found;
}

function fail(name: string, expected: string, found: string): never {
  throw new RangeError(`Cannot use tensor "${name}": expected ${expected}, found ${found}`);
}

/** The shape of the parameter that a tensor holds. */
function ourShape({ shape, form }: TensorPlace): Shape {
  return form === "transposed" ? turned(shape) : shape;
}

type Held = Exclude<TensorPlace, { readonly form: "zeros" }>;

function toOurs(data: Float32Array, place: Held): Float32Array {
  switch (place.form) {
    case "same":
      return data;
    case "transposed":
      return transposed(data, place.shape);
    case "heads": // (H, 3, ...) to (3, H, ...)
      return swapped(data, place.heads, 3);
    default:
      return place satisfies never;
  }
}

function toTheirs(data: Float32Array, place: Held): Float32Array {
  switch (place.form) {
    case "same":
      return data;
    case "transposed":
      return transposed(data, turned(place.shape));
    case "heads":
      return swapped(data, 3, place.heads);
    default:
      return place satisfies never;
  }
}

/** [rows, columns, ...] to [columns, rows, ...]. */
function swapped(data: Float32Array, rows: number, columns: number): Float32Array {
  const size = data.length / (rows * columns);
  const out = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const from = (row * columns + column) * size;
      out.set(data.subarray(from, from + size), (column * rows + row) * size);
    }
  }
  return out;
}

function turned([rows, columns]: Shape): Shape {
  return [columns, rows];
}

/** [rows, columns] to [columns, rows]. */
function transposed(data: Float32Array, [rows, columns]: Shape): Float32Array {
  const out = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      out[column * rows + row] = data[row * columns + column];
    }
  }
  return out;
}
