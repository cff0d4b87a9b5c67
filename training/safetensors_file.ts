/**
 * Tensors of others in safetensors files: one file or several, in single or half precision, read one after another.
 *
 * A header is checked against the length of its file before anything else is read, so no tensor is larger than its file.
 */
import { basename } from "node:path";
import { messageOf, readFully, StageError } from "../base/mod.ts";
import type { NamedTensor } from "./checkpoint.ts";
import { headerLength, lengthBytes, readHeader, type TensorEntry } from "./safetensors.ts";

/** Bytes of an element. All types are known, since files hold masks and counts beside weights. */
const widths: Readonly<Record<string, number>> = {
  F32: 4,
  F16: 2,
  BF16: 2,
  F64: 8,
  ...{
    F8_E4M3: 1,
    F8_E5M2: 1,
    BOOL: 1,
    U8: 1,
    I8: 1,
    U16: 2,
    I16: 2,
    U32: 4,
    I32: 4,
    U64: 8,
    I64: 8,
  },
};

/** Elements that are read at once. */
const chunkElements = 2 ** 22;

/** A file of tensors. Disposing closes it. */
export class SafetensorsFile implements Disposable {
  readonly name: string;
  readonly entries: ReadonlyMap<string, TensorEntry>;
  readonly #file: Deno.FsFile;
  readonly #dataStart: number;

  /** @throws StageError for what is no plain file, or whose header does not fit it */
  constructor(path: string, name = basename(path)) {
    this.name = name;
    this.#file = openPlainFile(path, name);
    try {
      const place = { name, bytes: this.#file.statSync().size };
      const length = headerLength(this.#read(0, Math.min(lengthBytes, place.bytes)), place);
      this.#dataStart = lengthBytes + length;
      this.entries = readHeader(this.#read(lengthBytes, length), place, widths);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** A tensor in single precision. @throws StageError for another type than F32, F16 and BF16, or an infinite or missing number */
  read(name: string): NamedTensor {
    const { dtype, shape, start, end } = this.entries.get(name)!;
    const from = this.#dataStart + start;
    const widen = wideners[dtype];
    if (widen === undefined) this.#fail(name, "numbers of type F32, F16 or BF16", dtype);
    const width = widths[dtype];
    const data = new Float32Array((end - start) / width);
    for (let at = 0; at < data.length; at += chunkElements) {
      const count = Math.min(chunkElements, data.length - at);
      data.set(widen(this.#read(from + width * at, width * count)), at);
    }
    const bad = data.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0) this.#fail(name, "finite numbers", `${data[bad]} at ${bad}`);
    return { shape, data };
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }

  #read(from: number, length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length);
    this.#file.seekSync(from, Deno.SeekMode.Start);
    const found = readFully(this.#file, bytes);
    if (found === length) return bytes;
    throw new StageError(
      `Cannot read "${this.name}": expected ${length} bytes from ${from} on, found ${found}; it has become shorter`,
    );
  }

  #fail(tensor: string, expected: string, found: string): never {
    throw new StageError(
      `Cannot read tensor "${tensor}" of "${this.name}": expected ${expected}, found ${found}`,
    );
  }
}

const wideners: Readonly<Record<string, (bytes: Uint8Array<ArrayBuffer>) => Float32Array>> = {
  F32: ({ buffer }) => new Float32Array(buffer),
  F16: ({ buffer }) => Float32Array.from(new Float16Array(buffer)),
  // The upper half of a number in single precision.
  BF16: ({ buffer }) =>
    new Float32Array(Uint32Array.from(new Uint16Array(buffer), (half) => half << 16).buffer),
};

function openPlainFile(path: string, name: string): Deno.FsFile {
  let found: string;
  try {
    const info = Deno.statSync(path);
    if (info.isFile) return Deno.openSync(path);
    found = info.isDirectory ? "a folder" : "a pipe or device";
  } catch (cause) {
    found = cause instanceof Deno.errors.NotFound ? "nothing there" : messageOf(cause);
  }
  throw new StageError(`Cannot read "${name}": expected a safetensors file, found ${found}`);
}
