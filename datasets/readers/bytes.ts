/**
 * The bytes of a file after decompression, as the end of its name asks for: `.gz`, `.zst`, or plain; of one or several
 * members. Memory holds a chunk, and of zstd the window.
 */
import { Readable } from "node:stream";
import { constants, createGunzip, createZstdDecompress } from "node:zlib";
import { formatBytes, messageOf, StageError } from "../../base/mod.ts";
import type { Input } from "../input.ts";
import { DataError } from "./data_error.ts";
import { ZstdFrames } from "./zstd_frames.ts";

const chunkBytes = 512 * 1024;
/** A zstd window takes at most this much memory: 2^27 bytes, the library's own default. */
const zstdWindowLog = 27;

/**
 * A bomb: data that expands beyond `freeBytes` to more than `maxRatio` times its stored size. Text reaches 20 times; a log of equal
 * lines reaches some hundreds in its first megabytes.
 */
const expansionLimit = { freeBytes: 16 * 1024 * 1024, maxRatio: 200 } as const;

/**
 * Bytes of `input` from `offset` (after decompression). A chunk is valid until the next one is asked for.
 *
 * Compressed data can only be read from its start: it is unpacked from there again, which takes time and no memory.
 */
export class ByteSource {
  /** Bytes of the file as stored that have been asked for. */
  bytesRead = 0;
  readonly #input: Input;
  readonly #offset: number;

  constructor(input: Input, offset = 0) {
    this.#input = input;
    this.#offset = offset;
  }

  /** @throws StageError when the file cannot be read, is damaged, cut short, or a bomb. */
  async *chunks(): AsyncGenerator<Uint8Array> {
    const { name } = this.#input;
    const kind = compressionOf(name);
    try {
      if (kind === "none") yield* this.#plain();
      else {
        const stored = this.#stored(0);
        const expanded = kind === "gzip" ? gunzipped(stored) : unzstd(stored);
        yield* this.#skipping(this.#guarded(expanded));
      }
    } catch (cause) {
      if (cause instanceof StageError) throw cause;
      throw new StageError(`Cannot read "${name}": ${describeFailure(cause, kind)}`, { cause });
    }
  }

  async *#plain(): AsyncGenerator<Uint8Array> {
    if (this.#offset > this.#input.size) {
      throw new DataError(`expected at least ${this.#offset} bytes, found ${this.#input.size}`);
    }
    let isFirst = true;
    for await (const chunk of this.#stored(this.#offset)) {
      if (isFirst && this.#offset === 0) refuseCompressed(chunk);
      isFirst = false;
      yield chunk;
    }
  }

  async *#stored(from: number): AsyncGenerator<Uint8Array> {
    this.bytesRead = from;
    for await (const chunk of this.#input.stream(from)) {
      this.bytesRead += chunk.length;
      yield chunk;
    }
  }

  async *#guarded(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let expanded = 0;
    for await (const chunk of chunks) {
      expanded += chunk.length;
      const { freeBytes, maxRatio } = expansionLimit;
      if (expanded > freeBytes && expanded > maxRatio * this.bytesRead) {
        throw new DataError(
          `expected data that expands to at most ${maxRatio} times its size (or ${
            formatBytes(freeBytes)
          }), found ${formatBytes(expanded)} from ${
            formatBytes(this.bytesRead)
          }; if it is what it should be, unpack it first`,
        );
      }
      yield chunk;
    }
  }

  async *#skipping(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let left = this.#offset;
    for await (const chunk of chunks) {
      if (left >= chunk.length) left -= chunk.length;
      else {
        yield left > 0 ? chunk.subarray(left) : chunk;
        left = 0;
      }
    }
    if (left > 0) {
      throw new DataError(`expected at least ${this.#offset} bytes when unpacked, found fewer`);
    }
  }
}

function compressionOf(name: string): "none" | "gzip" | "zstd" {
  return name.endsWith(".gz") ? "gzip" : name.endsWith(".zst") ? "zstd" : "none";
}

/** `node:zlib` reads several members on end; `DecompressionStream` refuses what follows the first. */
async function* gunzipped(stored: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const source = Readable.from(copied(stored), { objectMode: false });
  const gunzip = createGunzip({ chunkSize: chunkBytes });
  source.on("error", (error) => gunzip.destroy(error)); // `pipe` does not pass errors on
  try {
    yield* source.pipe(gunzip);
  } finally {
    source.destroy();
    gunzip.destroy();
  }
}

/** Chunks that stay valid: a pipe asks for the next one before the last has been used. */
async function* copied(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) yield chunk.slice();
}

async function* unzstd(stored: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const frames = new ZstdFrames();
  const parts = (async function* () {
    for await (const chunk of stored) yield* frames.split(chunk);
    frames.finish();
  })();
  for (;;) {
    const first = await parts.next();
    if (first.done) return;
    yield* decompressFrame(first.value.bytes, first.value.isLast, parts);
  }
}

async function* decompressFrame(
  head: Uint8Array,
  isWhole: boolean,
  parts: AsyncIterator<{ bytes: Uint8Array; isLast: boolean }>,
): AsyncGenerator<Uint8Array> {
  const frame = async function* () {
    yield head;
    for (let isLast = isWhole; !isLast;) {
      const next = await parts.next();
      if (next.done) return;
      isLast = next.value.isLast;
      yield next.value.bytes.slice();
    }
  };
  const source = Readable.from(frame(), { objectMode: false });
  const zstd = createZstdDecompress({
    chunkSize: chunkBytes,
    params: { [constants.ZSTD_d_windowLogMax]: zstdWindowLog },
  });
  source.on("error", (error) => zstd.destroy(error));
  try {
    yield* source.pipe(zstd);
  } finally {
    source.destroy();
    zstd.destroy();
  }
}

/** Refuses packed data under a name without `.gz` or `.zst`, which would be taken for text. */
function refuseCompressed(chunk: Uint8Array): void {
  const found = chunk[0] === 0x1f && chunk[1] === 0x8b
    ? ["gzip", ".gz"]
    : chunk[0] === 0x28 && chunk[1] === 0xb5 && chunk[2] === 0x2f && chunk[3] === 0xfd
    ? ["zstd", ".zst"]
    : undefined;
  if (found !== undefined) {
    throw new DataError(`expected text, found ${found[0]} data; end its name with "${found[1]}"`);
  }
}

function describeFailure(error: unknown, kind: "none" | "gzip" | "zstd"): string {
  if (error instanceof DataError) return error.message;
  const code = (error as { code?: string }).code ?? "";
  if (kind === "gzip" && code === "Z_BUF_ERROR") {
    return "expected whole gzip data, found a file that is cut short; fetch it again";
  }
  if (kind === "gzip" && code === "Z_DATA_ERROR") {
    return `expected gzip data, found damaged data (${messageOf(error)})`;
  }
  if (kind === "zstd") return `expected zstd data, found damaged data (${messageOf(error)})`;
  return `expected a readable file, found "${messageOf(error)}"`;
}
