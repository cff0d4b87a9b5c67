/**
 * Rows of a text file, plain or compressed: a row is a line without its LF or CRLF. Memory holds one chunk and one row.
 */
import { Buffer } from "node:buffer";
import { formatBytes } from "../../base/mod.ts";
import type { ReadPosition } from "../document.ts";
import type { Input } from "../input.ts";
import { ByteSource } from "./bytes.ts";

/** A line of a file, counted from 1: its text, or why it has none. */
export type Row =
  | { readonly line: number; readonly text: string }
  | { readonly line: number; readonly problem: string };

const lineFeed = 0x0a;

/** The rows of a file, an array for each chunk that was read, and the place of each. */
export class RowSource {
  readonly #bytes: ByteSource;
  readonly #maxRowBytes: number;
  /** Row and byte at which the current batch starts. */
  #start: ReadPosition;
  /** The chunk that completed the current batch, and its byte in the file. */
  #chunk: Uint8Array = new Uint8Array();
  #chunkOffset: number;
  /** The last place that was asked for in the current batch: places ascend, so each is looked for from there. */
  #known = { taken: 0, at: 0 };

  constructor(input: Input, maxRowBytes: number, from: ReadPosition = { rows: 0, offset: 0 }) {
    this.#bytes = new ByteSource(input, from.offset);
    this.#maxRowBytes = maxRowBytes;
    this.#start = from;
    this.#chunkOffset = from.offset;
  }

  get bytesRead(): number {
    return this.#bytes.bytesRead;
  }

  /** The place after the first `taken` rows of the current batch. */
  positionAfter(taken: number): ReadPosition {
    if (taken === 0) return this.#start;
    if (taken < this.#known.taken) this.#known = { taken: 0, at: 0 };
    let { at } = this.#known;
    // A row that began in an earlier chunk ends with the first LF of this one, so all rows end alike.
    for (let row = this.#known.taken; row < taken; row++) {
      const end = this.#chunk.indexOf(lineFeed, at);
      at = end < 0 ? this.#chunk.length : end + 1;
    }
    this.#known = { taken, at };
    return { rows: this.#start.rows + taken, offset: this.#chunkOffset + at };
  }

  /**
   * A name that ends in `.gz` or `.zst` is compressed, of one or several members. A byte order mark at the start is dropped.
   * @throws StageError when the file cannot be read, or compressed data is damaged or cut short.
   */
  async *batches(): AsyncGenerator<Row[]> {
    const maxRowBytes = this.#maxRowBytes;
    // Fatal: a replacement character would be a guess.
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    let line = this.#start.rows + 1;
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
      const row = rowOf(Buffer.concat(held), heldBytes);
      held = [];
      heldBytes = 0;
      return row;
    };
    let offset = this.#chunkOffset;
    const starts = (chunk: Uint8Array, rows: number) => {
      this.#chunk = chunk;
      this.#chunkOffset = offset;
      this.#known = { taken: 0, at: 0 };
      this.#start = { rows, offset: offset - heldBytes };
    };

    for await (const chunk of this.#bytes.chunks()) {
      let start = 0;
      const rows: Row[] = [];
      starts(chunk, line - 1);
      offset += chunk.length;
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
    if (heldBytes > 0) {
      starts(new Uint8Array(), line - 1);
      yield [release()];
    }
  }
}

/** A row without CR at its end and, on line 1, without byte order mark. */
function cleaned(text: string, line: number): string {
  const start = line === 1 && text.charCodeAt(0) === 0xfeff ? 1 : 0;
  const end = text.charCodeAt(text.length - 1) === 0x0d ? text.length - 1 : text.length;
  return text.slice(start, end);
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
