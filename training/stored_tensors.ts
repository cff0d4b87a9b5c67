/**
 * Tensors that stay in their safetensors file and are read one at a time, or in parts.
 */
import { basename } from "node:path";
import { readFully, StageError } from "../base/mod.ts";
import type { NamedTensor, StoredTensors, Tensors } from "./checkpoint.ts";
import { headerLength, lengthBytes, readHeader, type TensorEntry } from "./safetensors.ts";

/**
 * The tensors of a file, of which only the header is read.
 * @param digest The SHA-256 that the caller has found it to have.
 * @throws StageError for what is no such file.
 */
export function openTensors(path: string, digest: string): StoredTensors {
  const place = { name: basename(path), bytes: Deno.statSync(path).size };
  const read = (from: number, length: number) => {
    const bytes = new Uint8Array(length);
    return bytes.subarray(0, readAt(path, from, bytes));
  };
  const length = headerLength(read(0, lengthBytes), place);
  return storedTensors(path, digest, read(lengthBytes, length), place.bytes);
}

/** The same of a file whose header is known. */
export function storedTensors(
  path: string,
  digest: string,
  header: Uint8Array,
  bytes: number,
): StoredTensors {
  const entries = readHeader(header, { name: basename(path), bytes }, { F32: 4 });
  return new TensorFile(path, digest, entries, lengthBytes + header.length, bytes);
}

/** A file of at most so many bytes is read once: opening it for each tensor takes longer than tiny networks train. */
const smallBytes = 1 << 16;

class TensorFile implements StoredTensors {
  readonly path: string;
  readonly digest: string;
  readonly #entries: ReadonlyMap<string, TensorEntry>;
  readonly #dataStart: number;
  readonly #bytes: number;
  /** Of a small file that was read. */
  #small: Uint8Array | undefined;

  constructor(
    path: string,
    digest: string,
    entries: ReadonlyMap<string, TensorEntry>,
    dataStart: number,
    bytes: number,
  ) {
    this.path = path;
    this.digest = digest;
    this.#entries = entries;
    this.#dataStart = dataStart;
    this.#bytes = bytes;
  }

  get shapes(): Record<string, readonly number[]> {
    return Object.fromEntries([...this.#entries].map(([name, { shape }]) => [name, shape]));
  }

  read(): Tensors {
    if (this.#bytes <= smallBytes) {
      return Object.fromEntries([...this.#entries.keys()].map((name) => [name, this.tensor(name)]));
    }
    using file = Deno.openSync(this.path);
    return Object.fromEntries([...this.#entries].map(([name, { shape, start, end }]) => {
      const data = new Float32Array((end - start) / 4);
      const bytes = new Uint8Array(data.buffer);
      file.seekSync(this.#dataStart + start, Deno.SeekMode.Start);
      this.#expect(name, bytes.length, readFully(file, bytes));
      return [name, { shape, data }];
    }));
  }

  tensor(name: string): NamedTensor {
    const { shape, start, end } = this.#entryOf(name);
    const data = new Float32Array((end - start) / 4);
    this.fill(name, 0, data);
    return { shape, data };
  }

  fill(name: string, from: number, values: Float32Array): void {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const offset = this.#dataStart + this.#entryOf(name).start + 4 * from;
    const found = this.#readAt(offset, bytes);
    this.#expect(name, bytes.length, found);
  }

  #expect(name: string, bytes: number, found: number): void {
    if (found === bytes) return;
    throw new StageError(
      `Cannot read tensor "${name}" of "${this.path}": expected ${bytes} bytes, found ${found}`,
    );
  }

  #readAt(offset: number, bytes: Uint8Array): number {
    if (this.#bytes > smallBytes) return readAt(this.path, offset, bytes);
    this.#small ??= Deno.readFileSync(this.path);
    const found = this.#small.subarray(offset, offset + bytes.length);
    bytes.set(found);
    return found.length;
  }

  #entryOf(name: string): TensorEntry {
    const entry = this.#entries.get(name);
    if (entry !== undefined) return entry;
    throw new StageError(`Cannot read tensor "${name}" of "${this.path}": expected it, found none`);
  }
}

/** Fills `bytes` from a place of a file on. Returns how many there were. */
function readAt(path: string, offset: number, bytes: Uint8Array): number {
  using file = Deno.openSync(path);
  file.seekSync(offset, Deno.SeekMode.Start);
  return readFully(file, bytes);
}
