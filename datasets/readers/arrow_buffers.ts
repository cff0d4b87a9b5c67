/**
 * Nodes and buffers of an Arrow record batch, handed out in the order of its columns, unpacked and checked.
 */
import { zstdDecompressSync } from "node:zlib";
import { formatBytes, messageOf } from "../../base/mod.ts";
import type { BatchHeader } from "./arrow_messages.ts";
import { DataError } from "./data_error.ts";
import { count } from "./flatbuffer.ts";
import { lz4Frame } from "./lz4.ts";

/** Values of a column in a batch; columns without buffers can claim any number. */
export const maxColumnValues = 2 ** 23;
/** A buffer unpacked, and the text of a column of views, which may show the same bytes again and again. */
export const maxBufferBytes = 256 * 1024 * 1024;

export class BatchBuffers {
  readonly #batch: BatchHeader;
  readonly #body: Uint8Array<ArrayBuffer>;
  #node = 0;
  #buffer = 0;
  #variadic = 0;

  constructor(batch: BatchHeader, body: Uint8Array<ArrayBuffer>) {
    this.#batch = batch;
    this.#body = body;
  }

  /** Whether a row has a value; an empty buffer says that all have. */
  validity(length: number): (i: number) => boolean {
    const bits = this.next();
    if (bits.length === 0) return () => true;
    atLeast(bits.length, Math.ceil(length / 8), "bytes of validity");
    return (i) => bitAt(bits, i);
  }

  data(bytes: number): Uint8Array<ArrayBuffer> {
    const buffer = this.next();
    atLeast(buffer.length, bytes, "bytes of data");
    return buffer;
  }

  node() {
    const node = this.#batch.nodes[this.#node++];
    if (node === undefined) throw new DataError("expected a node for each column, found fewer");
    if (!(node.length >= 0 && node.length <= maxColumnValues)) {
      throw new DataError(
        `expected a column of at most ${maxColumnValues} values, found ${node.length}`,
      );
    }
    return node;
  }

  variadicBuffers(): number {
    const buffers = this.#batch.variadicCounts[this.#variadic++];
    if (!(buffers >= 0 && buffers <= this.#batch.buffers.length)) {
      throw new DataError("expected the number of buffers of a column of views, found none");
    }
    return buffers;
  }

  /** The next buffer, unpacked. */
  next(): Uint8Array<ArrayBuffer> {
    const place = this.#batch.buffers[this.#buffer++];
    if (place === undefined) throw new DataError("expected a buffer for each column, found fewer");
    const stored = this.#body.subarray(place.offset, place.offset + place.length);
    if (this.#batch.codec === "none" || stored.length === 0) return stored;
    atLeast(stored.length, 8, "bytes of a compressed buffer");
    const size = count(viewOf(stored).getBigInt64(0, true));
    const packed = stored.subarray(8);
    if (size === -1) return packed;
    if (!(size >= 0 && size <= maxBufferBytes)) {
      throw new DataError(
        `expected a buffer of at most ${formatBytes(maxBufferBytes)}, found ${size} bytes`,
      );
    }
    const bytes = this.#batch.codec === "lz4" ? lz4Frame(packed, size) : unzstd(packed, size);
    if (bytes.length !== size) throw new DataError(`expected ${size} bytes, found ${bytes.length}`);
    return bytes;
  }
}

/** @throws DataError when less was found than there must be */
export function atLeast(found: number, expected: number, what: string): void {
  if (!(found >= expected)) throw new DataError(`expected ${expected} ${what}, found ${found}`);
}

function unzstd(packed: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.from(zstdDecompressSync(packed, { maxOutputLength: Math.max(size, 1) }));
  } catch (cause) {
    throw new DataError(`expected zstd data, found damaged data (${messageOf(cause)})`, { cause });
  }
}

export function bitAt(bits: Uint8Array, i: number): boolean {
  return (bits[i >> 3] >> (i & 7) & 1) === 1;
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
