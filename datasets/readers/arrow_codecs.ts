/**
 * Decompression of Arrow's buffers to the size that stands before each, never to more.
 */
import { zstdDecompressSync } from "node:zlib";
import { compressionRegistry, CompressionType } from "apache-arrow";
import { formatBytes, messageOf } from "../../base/mod.ts";
import { DataError } from "./data_error.ts";
import { lz4Frame } from "./lz4.ts";

/** A buffer unpacked, and the text of a column of views, which may show the same bytes again and again. */
export const maxBufferBytes = 256 * 1024 * 1024;

/** Makes `apache-arrow`, which has no codecs, able to read compressed batches. */
export function registerCodecs(): void {
  compressionRegistry.set(CompressionType.LZ4_FRAME, {
    decode: (bytes) => unpacked(bytes, lz4Frame),
  });
  compressionRegistry.set(CompressionType.ZSTD, { decode: (bytes) => unpacked(bytes, zstd) });
}

/** @param bytes the data of a buffer; in their memory, its size stands in the 8 bytes before them */
function unpacked(bytes: Uint8Array, decode: typeof lz4Frame): Uint8Array {
  const size = Number(
    new DataView(bytes.buffer, bytes.byteOffset - 8, 8).getBigInt64(0, true),
  );
  if (!(size >= 0 && size <= maxBufferBytes)) {
    throw new DataError(
      `expected a buffer of at most ${formatBytes(maxBufferBytes)}, found ${size} bytes`,
    );
  }
  const found = decode(bytes, size);
  if (found.length !== size) throw new DataError(`expected ${size} bytes, found ${found.length}`);
  return found;
}

function zstd(packed: Uint8Array, size: number): Uint8Array {
  try {
    return Uint8Array.from(zstdDecompressSync(packed, { maxOutputLength: Math.max(size, 1) }));
  } catch (cause) {
    throw new DataError(`expected zstd data, found damaged data (${messageOf(cause)})`, { cause });
  }
}
