/**
 * Parameters as a layout names and shapes them, and back.
 */
import { type ModelConfig, parameterShapes, validateConfig } from "../config.ts";
import { formatShape, sameShape, type Shape, sizeOf } from "../shapes.ts";
import type { Layout, LayoutTensor, LayoutTensors } from "./layout.ts";

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
      const { data } = tensorAt(tensors, place.ours, form === "same" ? shape : turned(shape));
      return [theirs, { shape, data: form === "same" ? data : transposed(data, turned(shape)) }];
    }),
  );
}

/**
 * Tensors of a file as our parameters, in their order.
 * @throws RangeError that names a tensor which is missing, has another shape, holds what our network has not, or is unknown
 */
export function fromLayout(
  layout: Layout,
  config: ModelConfig,
  found: LayoutTensors,
): Record<string, LayoutTensor> {
  const named = withPrefix(layout, found);
  const made: Record<string, LayoutTensor> = {};
  const known = new Set<string>();
  for (const place of layout.places(config)) {
    const { theirs, shape, form } = place;
    known.add(theirs);
    const { data } = tensorAt(named, theirs, shape);
    if (form === "zeros") {
      const at = data.findIndex((value) => value !== 0);
      if (at >= 0) fail(theirs, "zeros, since the model has no biases", `${data[at]} at ${at}`);
    } else if (form === "same") made[place.ours] = { shape, data };
    else made[place.ours] = { shape: turned(shape), data: transposed(data, shape) };
  }
  const isTied = validateConfig(config).tiedEmbeddings;
  if (isTied) checkHead(layout, named, made);
  for (const name of Object.keys(named)) {
    if (known.has(name) || (isTied && name === layout.head)) continue;
    if (layout.ignored.some((pattern) => pattern.test(name))) continue;
    fail(name, `a tensor of ${layout.architecture}`, "one that its network has not");
  }
  return Object.fromEntries(Object.keys(parameterShapes(config)).map((name) => [name, made[name]]));
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
