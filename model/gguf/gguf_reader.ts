/**
 * Reads GGUF files of the types that `gguf_writer.ts` writes, with the memory of a header and a piece of a tensor.
 */
import { StageError } from "../../base/mod.ts";
import { type Shape, sizeOf } from "../shapes.ts";
import {
  aligned,
  alignment,
  elementBytes,
  type ElementType,
  elementTypes,
  type GgufValue,
  magic,
  valueTypes,
  version,
} from "./gguf.ts";

interface StoredTensor {
  /** Outermost first. */
  readonly shape: Shape;
  readonly type: ElementType;
  /** Of the first element, in bytes from the file's start. */
  readonly start: number;
}

/** Bytes that are read at once. */
const pieceBytes = 2 ** 20;

export class GgufFile implements Disposable {
  readonly #file: Deno.FsFile;
  readonly #path: string;

  private constructor(
    path: string,
    file: Deno.FsFile,
    readonly keys: ReadonlyMap<string, GgufValue>,
    readonly tensors: ReadonlyMap<string, StoredTensor>,
  ) {
    this.#path = path;
    this.#file = file;
  }

  /** Reads all but the tensors' elements. @throws StageError with the byte of anything that is not as expected */
  static open(path: string): GgufFile {
    const file = Deno.openSync(path);
    try {
      const { size } = file.statSync();
      const reader = new HeaderReader(path, file, size);
      const { keys, tensors } = readHeader(reader);
      return new GgufFile(path, file, keys, tensors);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** Elements of a tensor, a piece at a time; each piece is valid until the next is asked for. */
  *elements(name: string): Generator<Float32Array | Float16Array> {
    const tensor = this.tensors.get(name);
    if (tensor === undefined) {
      throw new StageError(`Cannot read tensor "${name}" of "${this.#path}": it has none`);
    }
    const { shape, type, start } = tensor;
    const bytes = new Uint8Array(pieceBytes);
    const length = sizeOf(shape) * elementBytes[type];
    for (let from = 0; from < length; from += pieceBytes) {
      const piece = bytes.subarray(0, Math.min(pieceBytes, length - from));
      readAt(this.#file, start + from, piece);
      yield type === "F32"
        ? new Float32Array(bytes.buffer, 0, piece.length / 4)
        : new Float16Array(bytes.buffer, 0, piece.length / 2);
    }
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}

function readHeader(reader: HeaderReader) {
  const found = reader.bytes(4);
  if (new TextDecoder().decode(found) !== magic) reader.fail(`"${magic}"`, `${found.join(" ")}`);
  const foundVersion = reader.uint32();
  if (foundVersion !== version) reader.fail(`version ${version}`, `${foundVersion}`);
  const [tensorCount, keyCount] = [reader.count(), reader.count()];
  const keys = new Map<string, GgufValue>();
  for (let i = 0; i < keyCount; i++) {
    const key = reader.string();
    if (keys.has(key)) reader.fail("keys that differ", `"${key}" again`);
    keys.set(key, readValue(reader));
  }
  const places: { name: string; shape: number[]; type: ElementType; offset: number }[] = [];
  for (let i = 0; i < tensorCount; i++) {
    const name = reader.string();
    const shape = Array.from({ length: reader.uint32() }, () => reader.count()).reverse();
    const type = nameOf(elementTypes, reader.uint32(), reader, "an element type");
    places.push({ name, shape, type, offset: reader.count() });
  }
  const start = aligned(reader.at);
  const tensors = new Map<string, StoredTensor>();
  for (const { name, shape, type, offset } of places) {
    const end = start + offset + sizeOf(shape) * elementBytes[type];
    if (tensors.has(name)) reader.fail("tensors that differ", `"${name}" again`);
    if (offset % alignment !== 0) reader.fail(`a multiple of ${alignment}`, `${offset}`);
    if (end > reader.size) reader.fail(`${end} bytes for tensor "${name}"`, `${reader.size}`);
    tensors.set(name, { shape, type, start: start + offset });
  }
  return { keys, tensors };
}

function readValue(reader: HeaderReader): GgufValue {
  const type = nameOf(valueTypes, reader.uint32(), reader, "a type of value");
  switch (type) {
    case "uint32":
    case "int32":
    case "float32":
      return { type, value: reader[type]() };
    case "bool":
      return { type, value: reader.bytes(1)[0] !== 0 };
    case "string":
      return { type, value: reader.string() };
    case "array":
      return readArray(reader);
    default:
      return reader.fail("a type of value that this project writes", type);
  }
}

function readArray(reader: HeaderReader): GgufValue {
  const of = nameOf(valueTypes, reader.uint32(), reader, "a type of elements");
  const length = reader.count();
  switch (of) {
    case "string":
      return { type: "array", of, value: Array.from({ length }, () => reader.string()) };
    case "float32":
      return { type: "array", of, value: new Float32Array(reader.bytes(4 * length).buffer) };
    case "int32":
      return { type: "array", of, value: new Int32Array(reader.bytes(4 * length).buffer) };
    case "uint8":
      return { type: "array", of, value: reader.bytes(length) };
    default:
      return reader.fail("an array of a type that this project writes", of);
  }
}

function nameOf<Name extends string>(
  numbers: Readonly<Record<Name, number>>,
  number: number,
  reader: HeaderReader,
  expected: string,
): Name {
  const found = Object.entries(numbers).find(([, value]) => value === number);
  return found === undefined ? reader.fail(expected, `${number}`) : found[0] as Name;
}

/** Numbers and texts one after the other, from a window of the file. */
class HeaderReader {
  at = 0;
  #from = 0;
  #window: Uint8Array = new Uint8Array(0);

  constructor(
    readonly path: string,
    readonly file: Deno.FsFile,
    readonly size: number,
  ) {}

  /** A copy of the next bytes. */
  bytes(length: number): Uint8Array<ArrayBuffer> {
    if (length > this.size - this.at) {
      this.fail(`${length} bytes`, `${this.size - this.at} bytes to the end`);
    }
    if (this.at + length > this.#from + this.#window.length) {
      this.#window = new Uint8Array(Math.min(Math.max(length, pieceBytes), this.size - this.at));
      this.#from = this.at;
      readAt(this.file, this.at, this.#window);
    }
    const begin = this.at - this.#from;
    this.at += length;
    return this.#window.slice(begin, begin + length);
  }

  uint32(): number {
    return new DataView(this.bytes(4).buffer).getUint32(0, true);
  }

  int32(): number {
    return new DataView(this.bytes(4).buffer).getInt32(0, true);
  }

  float32(): number {
    return new DataView(this.bytes(4).buffer).getFloat32(0, true);
  }

  /** A 64-bit number of things of which each takes a byte or more. */
  count(): number {
    const value = Number(new DataView(this.bytes(8).buffer).getBigUint64(0, true));
    if (value > this.size) this.fail(`at most ${this.size}, the file's bytes`, `${value}`);
    return value;
  }

  string(): string {
    const bytes = this.bytes(this.count());
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      return this.fail("UTF-8", "other bytes");
    }
  }

  fail(expected: string, found: string): never {
    throw new StageError(
      `Cannot read "${this.path}" as GGUF, before byte ${this.at}: expected ${expected}, found ${found}`,
    );
  }
}

function readAt(file: Deno.FsFile, start: number, into: Uint8Array): void {
  file.seekSync(start, Deno.SeekMode.Start);
  for (let read = 0; read < into.length;) {
    const count = file.readSync(into.subarray(read));
    if (count === null) throw new StageError("Cannot read a GGUF file: it became shorter");
    read += count;
  }
}
