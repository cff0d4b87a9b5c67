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
  const entries = readHeader(read(lengthBytes, length), place, { F32: 4 });
  return new TensorFile(path, digest, entries, lengthBytes + length);
}

class TensorFile implements StoredTensors {
  readonly path: string;
  readonly digest: string;
  readonly #entries: ReadonlyMap<string, TensorEntry>;
  readonly #dataStart: number;

  constructor(
    path: string,
    digest: string,
    entries: ReadonlyMap<string, TensorEntry>,
    dataStart: number,
  ) {
    this.path = path;
    this.digest = digest;
    this.#entries = entries;
    this.#dataStart = dataStart;
  }

  read(): Tensors {
    return Object.fromEntries([...this.#entries.keys()].map((name) => [name, this.tensor(name)]));
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
    const found = readAt(this.path, offset, bytes);
    if (found === bytes.length) return;
    throw new StageError(
      `Cannot read tensor "${name}" of "${this.path}": expected ${bytes.length} bytes, found ${found}`,
    );
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
