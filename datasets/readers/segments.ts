/**
 * Pieces of a text file whose ends a scanner finds in the bytes: JSON values, CSV records. Memory holds a chunk and a piece.
 */
import { Buffer } from "node:buffer";
import { formatBytes } from "../../base/mod.ts";
import type { Input } from "../input.ts";
import { ByteSource } from "./bytes.ts";

/** Finds ends of pieces; it remembers where it is from one call to the next. */
export interface SegmentScanner {
  /** Index after the end of the open piece, searched from `at` on; -1 when the piece goes on in the next chunk. */
  end(chunk: Uint8Array, at: number): number;
}

/** A piece: its text, or why it has none; `end` is the byte after it. */
export type Segment =
  & { readonly end: number; readonly isRest: boolean }
  & ({ readonly text: string } | { readonly problem: string });

export class SegmentSource {
  readonly #bytes: ByteSource;
  readonly #scanner: SegmentScanner;
  readonly #maxBytes: number;
  readonly #from: number;

  /** @param from the byte, after decompression, at which a piece starts */
  constructor(input: Input, scanner: SegmentScanner, maxBytes: number, from = 0) {
    this.#bytes = new ByteSource(input, from);
    this.#scanner = scanner;
    this.#maxBytes = maxBytes;
    this.#from = from;
  }

  get bytesRead(): number {
    return this.#bytes.bytesRead;
  }

  /**
   * Pieces in batches, one for each chunk that ends some. What follows the last end comes last, marked `isRest`.
   * @throws StageError when the file cannot be read.
   */
  async *batches(): AsyncGenerator<Segment[]> {
    let offset = this.#from;
    let held: Uint8Array[] = [];
    let heldBytes = 0;
    const hold = (bytes: Uint8Array) => {
      heldBytes += bytes.length;
      if (heldBytes > this.#maxBytes) held = [];
      else if (bytes.length > 0) held.push(bytes.slice());
    };
    const release = (end: number, isRest: boolean): Segment => {
      const segment = { end, isRest, ...this.#content(held, heldBytes, end === heldBytes) };
      held = [];
      heldBytes = 0;
      return segment;
    };
    for await (const chunk of this.#bytes.chunks()) {
      const segments: Segment[] = [];
      let start = 0;
      for (;;) {
        const end = this.#scanner.end(chunk, start);
        if (end < 0) break;
        if (heldBytes === 0) {
          const part = chunk.subarray(start, end);
          const isFirst = offset + start === 0;
          const content = this.#content([part], part.length, isFirst);
          segments.push({ end: offset + end, isRest: false, ...content });
        } else {
          hold(chunk.subarray(start, end));
          segments.push(release(offset + end, false));
        }
        start = end;
      }
      hold(chunk.subarray(start));
      offset += chunk.length;
      if (segments.length > 0) yield segments;
    }
    yield [release(offset, true)];
  }

  #content(
    parts: readonly Uint8Array[],
    size: number,
    isFirst: boolean,
  ): { text: string } | { problem: string } {
    if (size > this.#maxBytes) {
      const limit = formatBytes(this.#maxBytes);
      return { problem: `expected a row of at most ${limit}, found a longer one` };
    }
    const bytes = parts.length === 1 ? parts[0] : Buffer.concat(parts);
    try {
      // A byte order mark at the start of the file is not text.
      return { text: new TextDecoder("utf-8", { fatal: true, ignoreBOM: !isFirst }).decode(bytes) };
    } catch {
      return { problem: "expected UTF-8, found other bytes" };
    }
  }
}
