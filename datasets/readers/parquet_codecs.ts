/**
 * Decompression of parquet pages to the size that their header states, never to more.
 */
import type { Buffer } from "node:buffer";
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import { decompressLz4, decompressSnappy } from "hyparquet-compressors";
import { formatBytes, messageOf } from "../../base/mod.ts";
import { DataError } from "./data_error.ts";
import { lz4Block } from "./lz4.ts";

/** A page takes at most this much memory, compressed and not. Writers make pages of about 1 MB. */
const maxPageBytes = 256 * 1024 * 1024;

/** A byte of input makes at most this many bytes. */
const ratios: Readonly<Record<string, number>> = { UNCOMPRESSED: 1, SNAPPY: 64, GZIP: 1100 };

/** @throws DataError when the data is damaged, or of another size than stated. */
export function decompressPage(codec: string, bytes: Uint8Array, size: number): Uint8Array {
  if (size > maxPageBytes) {
    throw new DataError(
      `expected a page of at most ${formatBytes(maxPageBytes)}, found one of ${formatBytes(size)}`,
    );
  }
  if (size > bytes.length * (ratios[codec] ?? Infinity) + 1024) {
    throw new DataError(
      `expected ${codec} data for ${size} bytes, found only ${bytes.length} bytes`,
    );
  }
  const page = size === 0 ? new Uint8Array() : decompress(codec, bytes, size);
  if (page.length !== size) {
    throw new DataError(`expected a page of ${size} bytes, found ${page.length}`);
  }
  return page;
}

function decompress(codec: string, bytes: Uint8Array, size: number): Uint8Array {
  const maxOutputLength = Math.max(size, 1);
  try {
    switch (codec) {
      case "UNCOMPRESSED":
        return bytes.slice(); // a buffer of its own: decoders must not see what lies beside a page
      case "SNAPPY":
        return decompressSnappy(bytes, size);
      case "GZIP":
        return owned(gunzipSync(bytes, { maxOutputLength }));
      case "BROTLI":
        return owned(brotliDecompressSync(bytes, { maxOutputLength }));
      case "ZSTD":
        return owned(zstdDecompressSync(bytes, { maxOutputLength }));
      case "LZ4":
        return decompressLz4(bytes, size);
      case "LZ4_RAW":
        return lz4Block(bytes, size);
    }
  } catch (cause) {
    if (cause instanceof DataError) throw cause;
    throw new DataError(`expected ${codec} data, found damaged data (${messageOf(cause)})`, {
      cause,
    });
  }
  throw new DataError(`expected a known codec, found ${codec}`);
}

/** A `Buffer` may lie in a larger buffer that it shares. */
function owned(buffer: Buffer): Uint8Array {
  return buffer.byteLength === buffer.buffer.byteLength
    ? new Uint8Array(buffer.buffer)
    : Uint8Array.from(buffer);
}
