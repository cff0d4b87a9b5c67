/**
 * Writes GGUF files, part by part, so that no more than a piece of a tensor stands in memory twice.
 */
import { type Shape, sizeOf } from "../shapes.ts";
import {
  aligned,
  elementBytes,
  type ElementType,
  elementTypes,
  type GgufKeys,
  type GgufValue,
  magic,
  valueTypes,
  version,
} from "./gguf.ts";

export interface GgufTensor {
  readonly name: string;
  /** Outermost first, as everywhere here; the file has it the other way round, over the same bytes. */
  readonly shape: Shape;
  readonly data: Float32Array;
  readonly type: ElementType;
}

/** Elements that are brought to half precision at once. */
const pieceLength = 2 ** 20;

/**
 * The bytes of a file.
 * @throws RangeError for a tensor whose data does not fit its shape, before the first part.
 */
export function* ggufParts(
  keys: GgufKeys,
  tensors: readonly GgufTensor[],
): Generator<Uint8Array> {
  for (const { name, shape, data } of tensors) {
    if (data.length === sizeOf(shape)) continue;
    throw new RangeError(
      `Cannot write tensor "${name}": expected ${sizeOf(shape)} values for shape ` +
        `[${shape.join(", ")}], found ${data.length}`,
    );
  }
  const head = headOf(keys, tensors);
  yield head;
  yield padding(head.length);
  for (const { data, type } of tensors) {
    yield* type === "F32" ? [bytesOf(data)] : halves(data);
    yield padding(data.length * elementBytes[type]);
  }
}

/** Everything before the tensors' elements. */
function headOf(keys: GgufKeys, tensors: readonly GgufTensor[]): Uint8Array {
  const writer = new ByteWriter();
  writer.bytes(new TextEncoder().encode(magic)).uint32(version);
  writer.uint64(tensors.length).uint64(Object.keys(keys).length);
  for (const [key, value] of Object.entries(keys)) {
    writer.string(key).uint32(valueTypes[value.type]);
    writeValue(writer, value);
  }
  let offset = 0;
  for (const { name, shape, data, type } of tensors) {
    writer.string(name).uint32(shape.length);
    for (const length of shape.toReversed()) writer.uint64(length);
    writer.uint32(elementTypes[type]).uint64(offset);
    offset = aligned(offset + data.length * elementBytes[type]);
  }
  return writer.finish();
}

function writeValue(writer: ByteWriter, value: GgufValue): void {
  switch (value.type) {
    case "uint32":
    case "int32":
    case "float32":
      return void writer[value.type](value.value);
    case "bool":
      return void writer.bytes(Uint8Array.of(Number(value.value)));
    case "string":
      return void writer.string(value.value);
    case "array":
      writer.uint32(valueTypes[value.of]).uint64(value.value.length);
      if (value.of === "string") value.value.forEach((text) => writer.string(text));
      else writer.bytes(bytesOf(value.value));
      return;
    default:
      return value satisfies never;
  }
}

function* halves(data: Float32Array): Generator<Uint8Array> {
  for (let from = 0; from < data.length; from += pieceLength) {
    yield bytesOf(new Float16Array(data.subarray(from, from + pieceLength)));
  }
}

function padding(length: number): Uint8Array {
  return new Uint8Array(aligned(length) - length);
}

function bytesOf(data: Float32Array | Float16Array | Int32Array | Uint8Array): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** A growing array of little-endian numbers and texts. */
class ByteWriter {
  #bytes = new Uint8Array(2 ** 16);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  uint32(value: number): this {
    this.#view.setUint32(this.#reserve(4), value, true);
    return this;
  }

  int32(value: number): this {
    this.#view.setInt32(this.#reserve(4), value, true);
    return this;
  }

  float32(value: number): this {
    this.#view.setFloat32(this.#reserve(4), value, true);
    return this;
  }

  uint64(value: number): this {
    this.#view.setBigUint64(this.#reserve(8), BigInt(value), true);
    return this;
  }

  string(value: string): this {
    const bytes = new TextEncoder().encode(value);
    return this.uint64(bytes.length).bytes(bytes);
  }

  bytes(bytes: Uint8Array): this {
    const at = this.#reserve(bytes.length);
    this.#bytes.set(bytes, at);
    return this;
  }

  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Where the next `count` bytes go. */
  #reserve(count: number): number {
    const at = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length));
      grown.set(this.#bytes.subarray(0, at));
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    return at;
  }
}
