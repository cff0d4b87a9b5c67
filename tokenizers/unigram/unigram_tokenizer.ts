/**
 * A unigram vocabulary as a tokenizer.
 */
import { firstByteId, specialPieces, type Tokenizer } from "../tokenizer.ts";
import { firstLearnedId } from "./config.ts";
import { byteName, findBadPiece, type UnigramPiece, written } from "./pieces.ts";
import { UnigramEncoder } from "./unigram_encoder.ts";

/**
 * Ids: special pieces, the 256 byte pieces, then learned pieces by descending log probability, ties by UTF-8 bytes.
 *
 * `decode(encode(text))` is `text` for every well-formed string; a lone surrogate comes back as U+FFFD. Text that looks
 * like a special piece (`</s>`) is text: `encode` never gives a special id.
 */
export class UnigramTokenizer implements Tokenizer {
  readonly vocabSize: number;
  /** The learned pieces; `learned[i]` has id 263 + i. */
  readonly learned: readonly UnigramPiece[];
  readonly #encoder: UnigramEncoder;
  /** UTF-8 of all pieces, joined: piece `id` stands for `#text[#starts[id] … #starts[id + 1]]`. */
  readonly #text: Uint8Array;
  readonly #starts: Int32Array;

  /** @throws RangeError when the pieces are out of order, not distinct or not text. */
  constructor(learned: readonly UnigramPiece[]) {
    const bad = findBadPiece(learned);
    if (bad) {
      throw new RangeError(
        `Cannot use learned piece ${bad.index}: expected ${bad.expected}, found ${bad.found}`,
      );
    }
    this.learned = learned;
    this.vocabSize = firstLearnedId + learned.length;
    const encoder = new TextEncoder();
    const pieces = learned.map(({ text }) => encoder.encode(text));
    this.#encoder = new UnigramEncoder(pieces, Float64Array.from(learned, (p) => p.logProb));
    this.#starts = new Int32Array(this.vocabSize + 1);
    for (let byte = 0; byte < 256; byte++) this.#starts[firstByteId + byte + 1] = byte + 1;
    for (const [i, piece] of pieces.entries()) {
      this.#starts[firstLearnedId + i + 1] = this.#starts[firstLearnedId + i] + piece.length;
    }
    this.#text = new Uint8Array(this.#starts[this.vocabSize]);
    for (let byte = 0; byte < 256; byte++) this.#text[byte] = byte;
    pieces.forEach((piece, i) => this.#text.set(piece, this.#starts[firstLearnedId + i]));
  }

  encode(text: string): Int32Array {
    return this.#encoder.encode(text);
  }

  /** Bytes that are not UTF-8, as in a text cut between byte pieces, come out as U+FFFD. */
  decode(ids: ArrayLike<number>): string {
    let length = 0;
    for (let i = 0; i < ids.length; i++) length += this.byteLength(ids[i]);
    const bytes = new Uint8Array(length);
    let end = 0;
    for (let i = 0; i < ids.length; i++) {
      const to = this.#starts[ids[i] + 1];
      for (let at = this.#starts[ids[i]]; at < to; at++) bytes[end++] = this.#text[at];
    }
    // A byte order mark is a character like any other.
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  }

  piece(id: number): string {
    this.#check(id);
    if (id < firstByteId) return specialPieces[id];
    if (id < firstLearnedId) return byteName(id - firstByteId);
    return written(this.learned[id - firstLearnedId].text);
  }

  byteLength(id: number): number {
    this.#check(id);
    return this.#starts[id + 1] - this.#starts[id];
  }

  #check(id: number): void {
    if (Number.isInteger(id) && id >= 0 && id < this.vocabSize) return;
    throw new RangeError(
      `Cannot look up piece ${id}: expected an id from 0 to ${this.vocabSize - 1}`,
    );
  }
}
