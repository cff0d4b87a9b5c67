/**
 * The bytes of a file after decompression, as the end of its name asks for: `.gz`, `.zst`, or plain; of one or several
 * members. Memory holds a chunk, and of zstd the window.
 */
import { Readable, type Transform } from "node:stream";
import { constants, createGunzip, createZstdDecompress } from "node:zlib";
import { formatBytes, messageOf, StageError } from "../../base/mod.ts";
import type { Input } from "../input.ts";
import { DataError } from "./data_error.ts";
import { checkPacking, checkText, type Packing } from "./first_bytes.ts";
import { bytesAfterEnd, type FramePart, maxWindowLog, ZstdFrames } from "./zstd_frames.ts";

const chunkBytes = 512 * 1024;

/**
 * A bomb: data that expands beyond `freeBytes` to more than `maxRatio` times its stored size. Text reaches 20 times; a log of equal
 * lines reaches some hundreds in its first megabytes.
 */
const expansionLimit = { freeBytes: 16 * 1024 * 1024, maxRatio: 200 } as const;

/**
 * Bytes of `input` from `offset` (after decompression). A chunk is valid until the next one is asked for.
 *
 * Compressed data can only be read from its start: it is unpacked from there again, which takes time and no memory.
 * @throws StageError when the file cannot be read, is damaged, cut short, or a bomb.
 */
export async function* bytesOf(input: Input, offset = 0): AsyncGenerator<Uint8Array> {
  const { name } = input;
  const packing = name.endsWith(".gz") ? "gzip" : name.endsWith(".zst") ? "zstd" : undefined;
  try {
    if (packing === undefined) yield* plain(input, offset);
    else yield* skipping(unpacked(input, packing), offset);
  } catch (cause) {
    if (cause instanceof StageError) throw cause;
    throw new StageError(`Cannot read "${name}": ${describeFailure(cause, packing)}`, { cause });
  }
}

async function* plain(input: Input, offset: number): AsyncGenerator<Uint8Array> {
  if (offset > input.size) {
    throw new DataError(`expected at least ${offset} bytes, found ${input.size}`);
  }
  let isStart = offset === 0;
  for await (const chunk of input.stream(offset)) {
    if (isStart) {
      checkPacking(chunk, undefined, input.size);
      checkText(chunk);
    }
    isStart = false;
    yield chunk;
  }
}

async function* unpacked(input: Input, packing: Packing): AsyncGenerator<Uint8Array> {
  let stored = 0;
  let expanded = 0;
  const chunks = (async function* () {
    for await (const chunk of input.stream()) {
      if (stored === 0) checkPacking(chunk, packing, input.size);
      stored += chunk.length;
      yield chunk.slice(); // a pipe asks for the next one before this one has been used
    }
  })();
  // `node:zlib` reads several members of gzip on end; `DecompressionStream` refuses what follows the first.
  const gunzip = packing === "gzip" ? createGunzip({ chunkSize: chunkBytes }) : undefined;
  for await (const chunk of gunzip ? through(chunks, gunzip) : unzstd(chunks)) {
    if (expanded === 0) checkText(chunk);
    expanded += chunk.length;
    const { freeBytes, maxRatio } = expansionLimit;
    if (expanded > freeBytes && expanded > maxRatio * stored) {
      throw new DataError(
        `expected data that expands to at most ${maxRatio} times its size (or ${
          formatBytes(freeBytes)
        }), found ${formatBytes(expanded)} from ${
          formatBytes(stored)
        }; if it is what it should be, unpack it first`,
      );
    }
    yield chunk;
  }
  if (gunzip !== undefined) await checkPadding(input, gunzip.bytesWritten);
}

/** Gzip's library stops at a zero after its data: zeros up to the end are padding. @throws DataError for other bytes */
async function checkPadding(input: Input, from: number): Promise<void> {
  if (from >= input.size) return;
  for await (const chunk of input.stream(from)) {
    if (chunk.some((byte) => byte !== 0)) throw new DataError(bytesAfterEnd);
  }
}

async function* skipping(
  chunks: AsyncIterable<Uint8Array>,
  offset: number,
): AsyncGenerator<Uint8Array> {
  let left = offset;
  for await (const chunk of chunks) {
    if (left < chunk.length) yield chunk.subarray(left);
    left = Math.max(0, left - chunk.length);
  }
  if (left > 0) throw new DataError(`expected at least ${offset} bytes when unpacked, found fewer`);
}

async function* through(
  chunks: AsyncIterable<Uint8Array>,
  unpack: Transform,
): AsyncGenerator<Uint8Array> {
  const source = Readable.from(chunks, { objectMode: false });
  source.on("error", (error) => unpack.destroy(error)); // `pipe` does not pass errors on
  try {
    yield* source.pipe(unpack);
  } finally {
    source.destroy();
    unpack.destroy();
  }
}

async function* unzstd(stored: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const frames = new ZstdFrames();
  const parts = (async function* () {
    for await (const chunk of stored) yield* frames.split(chunk);
    frames.finish();
  })();
  for (let part = await parts.next(); !part.done; part = await parts.next()) {
    const params = { [constants.ZSTD_d_windowLogMax]: maxWindowLog };
    yield* through(
      oneFrame(part.value, parts),
      createZstdDecompress({ chunkSize: chunkBytes, params }),
    );
  }
}

async function* oneFrame(
  first: FramePart,
  parts: AsyncIterator<FramePart>,
): AsyncGenerator<Uint8Array> {
  let { bytes, isLast } = first;
  yield bytes;
  while (!isLast) {
    const next = await parts.next();
    if (next.done) return;
    ({ bytes, isLast } = next.value);
    yield bytes;
  }
}

function describeFailure(error: unknown, packing: Packing | undefined): string {
  if (error instanceof DataError) return error.message;
  const code = (error as { code?: string }).code ?? "";
  if (packing === "gzip" && code === "Z_BUF_ERROR") {
    return "expected whole gzip data, found a file that is cut short; fetch it again";
  }
  // The first header is checked before: it is the header of what follows the data that is none.
  const isAfterEnd = messageOf(error) === "incorrect header check" ||
    code === "ERR_STREAM_PUSH_AFTER_EOF";
  if (packing === "gzip" && isAfterEnd) return bytesAfterEnd;
  if (packing === "gzip" && code === "Z_DATA_ERROR") {
    return `expected gzip data, found damaged data (${messageOf(error)})`;
  }
  if (packing === "zstd") return `expected zstd data, found damaged data (${messageOf(error)})`;
  return `expected a readable file, found "${messageOf(error)}"`;
}
