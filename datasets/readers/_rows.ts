/**
 * Rows of a text file, plain or gzip: a row is a line without its LF or CRLF. Memory holds one chunk and one row.
 */
import { createReadStream } from "node:fs";
import { basename } from "node:path";
import { createGunzip } from "node:zlib";
import { formatBytes, messageOf, StageError } from "../../pipeline/base/mod.ts";

/** A line of a file, counted from 1: its text, or why it has none. */
export type Row =
  | { readonly line: number; readonly text: string }
  | { readonly line: number; readonly problem: string };

const chunkBytes = 512 * 1024;
const lineFeed = 0x0a;

/**
 * The rows of a file, an array for each chunk that was read.
 *
 * A name that ends in `.gz` is gzip, of one or several members. A byte order mark at the start is dropped.
 * @throws StageError when the file cannot be read, or gzip is damaged or cut short.
 */
export async function* readRows(path: string, maxRowBytes: number): AsyncGenerator<Row[]> {
  // Fatal: a replacement character would be a guess.
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let line = 1;
  /** The start of a row whose end is in a later chunk; given up once it is too long. */
  let held: Uint8Array[] = [];
  let heldBytes = 0;

  const rowOf = (bytes: Uint8Array, size: number): Row => {
    const place = line++;
    if (size > maxRowBytes) {
      const limit = formatBytes(maxRowBytes);
      return { line: place, problem: `expected a row of at most ${limit}, found a longer one` };
    }
    const text = decodeOrNull(decoder, bytes);
    return text === null
      ? { line: place, problem: `expected UTF-8, found ${describeInvalid(bytes)}` }
      : { line: place, text: cleaned(text, place) };
  };
  const hold = (bytes: Uint8Array) => {
    heldBytes += bytes.length;
    if (heldBytes > maxRowBytes) held = [];
    else if (bytes.length > 0) held.push(bytes.slice());
  };
  const release = (): Row => {
    const row = rowOf(joined(held), heldBytes);
    held = [];
    heldBytes = 0;
    return row;
  };

  for await (const chunk of readBytes(path)) {
    let start = 0;
    const rows: Row[] = [];
    if (heldBytes > 0) {
      const end = chunk.indexOf(lineFeed);
      hold(end < 0 ? chunk : chunk.subarray(0, end));
      if (end < 0) continue;
      rows.push(release());
      start = end + 1;
    }
    const whole = chunk.subarray(start, chunk.lastIndexOf(lineFeed) + 1);
    hold(chunk.subarray(start + whole.length));
    const text = whole.length <= maxRowBytes ? decodeOrNull(decoder, whole) : null;
    if (text !== null) {
      // One decoding for all rows of a chunk is several times as fast as one each.
      const texts = text.split("\n");
      for (let i = 0; i < texts.length - 1; i++) {
        rows.push({ line, text: cleaned(texts[i], line++) });
      }
    } else {
      for (let at = 0; at < whole.length;) {
        const end = whole.indexOf(lineFeed, at);
        rows.push(rowOf(whole.subarray(at, end), end - at));
        at = end + 1;
      }
    }
    yield rows;
  }
  if (heldBytes > 0) yield [release()];
}

/** Chunks of a file's bytes after decompression. A chunk is valid until the next one is asked for. */
async function* readBytes(path: string): AsyncGenerator<Uint8Array> {
  const name = basename(path);
  const isGzip = name.endsWith(".gz");
  let first = true;
  try {
    for await (const chunk of isGzip ? gunzipped(path) : plain(path)) {
      if (first && !isGzip && chunk[0] === 0x1f && chunk[1] === 0x8b) {
        throw new StageError(
          `Cannot read "${name}": expected text, found gzip data; end its name with ".gz"`,
        );
      }
      first = false;
      yield chunk;
    }
  } catch (cause) {
    if (cause instanceof StageError) throw cause;
    throw new StageError(`Cannot read "${name}": ${describeFailure(cause, isGzip)}`, { cause });
  }
}

async function* plain(path: string): AsyncGenerator<Uint8Array> {
  using file = await Deno.open(path);
  const buffer = new Uint8Array(chunkBytes);
  for (;;) {
    const read = await file.read(buffer);
    if (read === null) return;
    yield buffer.subarray(0, read);
  }
}

/** `node:zlib` reads several members on end; `DecompressionStream` refuses what follows the first. */
async function* gunzipped(path: string): AsyncGenerator<Uint8Array> {
  const source = createReadStream(path, { highWaterMark: chunkBytes });
  const gunzip = createGunzip({ chunkSize: chunkBytes });
  source.on("error", (error) => gunzip.destroy(error)); // `pipe` does not pass errors on
  try {
    yield* source.pipe(gunzip);
  } finally {
    source.destroy();
    gunzip.destroy();
  }
}

function describeFailure(error: unknown, isGzip: boolean): string {
  const code = (error as { code?: string }).code;
  if (isGzip && code === "Z_BUF_ERROR") {
    return "expected whole gzip data, found a file that is cut short; fetch it again";
  }
  if (isGzip && code === "Z_DATA_ERROR") {
    return `expected gzip data, found damaged data (${messageOf(error)})`;
  }
  if (code === "ENOENT") return "expected a file, found nothing there";
  if (code === "EISDIR") return "expected a file, found a folder";
  return `expected a readable file, found "${messageOf(error)}"`;
}

/** A row without CR at its end and, on line 1, without byte order mark. */
function cleaned(text: string, line: number): string {
  const start = line === 1 && text.charCodeAt(0) === 0xfeff ? 1 : 0;
  const end = text.charCodeAt(text.length - 1) === 0x0d ? text.length - 1 : text.length;
  return text.slice(start, end);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0];
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function decodeOrNull(decoder: TextDecoder, bytes: Uint8Array): string | null {
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}

/** Where a row stops being UTF-8: the first byte of the first sequence that is none. */
function describeInvalid(bytes: Uint8Array): string {
  const decodes = (length: number, stream: boolean) => {
    try {
      new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, length), { stream });
      return true;
    } catch {
      return false;
    }
  };
  // In streaming mode a sequence that the end of a prefix cuts is no error yet, so prefixes can be bisected.
  let [valid, invalid] = [0, bytes.length + 1];
  while (invalid - valid > 1) {
    const middle = (valid + invalid) >> 1;
    if (decodes(middle, true)) valid = middle;
    else invalid = middle;
  }
  while (!decodes(valid, false)) valid--;
  return `byte 0x${bytes[valid].toString(16).padStart(2, "0")} at offset ${valid} of the row`;
}
