/**
 * Text to ids: of a text, of many texts or lines, or with offsets. Tokenizers whose pieces have scores are made of it.
 */
import { isUtf8 } from "node:buffer";
import type { EncodedLines, EncodedTexts, Encoding } from "../opened_tokenizer.ts";
import { grown } from "./grown.ts";
import { IdBuffer } from "./id_buffer.ts";
import { invalidUtf8, replaceInvalid } from "./invalid_utf8.ts";
import type { ByteStrings } from "./double_array.ts";
import type { EncoderPieces, PieceTable } from "./piece_table.ts";
import { SymbolFinder } from "./symbol_finder.ts";
import { TextBuffer } from "./text_buffer.ts";
import { type EncoderOptions, type PieceSpan, UnigramEncoder } from "./unigram_encoder.ts";
import { utf8Length } from "./utf8.ts";
import type { WordNormalizer } from "./word_rules.ts";

/** Makes text ready for an encoder. */
export interface TextNormalizer {
  /** Bytes replaced so far because they were not UTF-8; undefined if it takes only UTF-8. */
  readonly replacedBytes?: number;
  /** Given if most words can be normalised one by one and the encoder's words end before spaces. */
  readonly words?: WordNormalizer;
  /**
   * Puts the normal form of the UTF-8 text `start … end` into `out`.
   *
   * @param origins if given, gets for each byte of the normal form, and for its end, the place in `bytes` it comes from;
   *   a normalizer that knows no origins is not asked for them
   */
  normalize(
    bytes: Uint8Array,
    start: number,
    end: number,
    out: TextBuffer,
    origins?: Origins,
  ): void;
}

/** For each byte of a normal form the place it comes from. */
export interface Origins {
  /** All bytes up to `length` that have no origin yet come from `place`. */
  push(place: number, length: number): void;
  /** Forgets the origins from byte `length` on. */
  cut(length: number): void;
  at(index: number): number;
}

/** A piece that text is cut at, wherever it stands. */
interface UserSymbol {
  /** Its UTF-8. */
  readonly bytes: Uint8Array;
  readonly id: number;
}

export interface TextOptions {
  /** None: text is encoded as it stands. */
  readonly normalizer?: TextNormalizer;
  /** At each place the longest that fits is taken; the text between two symbols is a text of its own. */
  readonly symbols?: readonly UserSymbol[];
}

const lineFeed = 0x0a;
/** A guess that makes room in the output. */
const usualIdsPerByte = 0.3;

export class UnigramTextEncoder {
  readonly #encoder: UnigramEncoder;
  readonly #normalizer: TextNormalizer | undefined;
  readonly #symbols: SymbolFinder<UserSymbol> | undefined;
  readonly #text = new TextBuffer();
  readonly #normal = new TextBuffer();
  readonly #out = new IdBuffer();

  constructor(
    pieces: EncoderPieces | PieceTable,
    options: Omit<EncoderOptions, "normalizer">,
    { normalizer, symbols = [] }: TextOptions = {},
  ) {
    this.#encoder = new UnigramEncoder(pieces, { ...options, normalizer: normalizer?.words });
    this.#normalizer = normalizer;
    if (symbols.length > 0) this.#symbols = new SymbolFinder(symbols);
  }

  /** What its pieces were made into; another encoder of the same options may be made with it. */
  get table(): PieceTable {
    return this.#encoder.table;
  }

  encode(text: string): Int32Array {
    this.#text.loadText(text);
    this.#out.length = 0;
    this.#append(this.#text.bytes, 0, this.#text.length, this.#out);
    return this.#out.slice();
  }

  /** Encodes texts, each on its own. */
  encodeTexts(texts: ByteStrings): EncodedLines {
    const ends = this.#appendTexts(texts);
    return { ids: this.#out.slice(), ends };
  }

  /** The same for a vocabulary of 65,536 pieces at most: what goes to another thread is half as much. */
  encodeTextsShort(texts: ByteStrings): EncodedTexts {
    const ends = this.#appendTexts(texts);
    return { ids: this.#out.short(), ends };
  }

  /** Writes the ids of all texts to `#out`; returns the place where each ends. */
  #appendTexts({ pool, starts }: ByteStrings): Int32Array<ArrayBuffer> {
    this.#out.length = 0;
    const ends = new Int32Array(starts.length - 1);
    for (let i = 0; i < ends.length; i++) {
      this.#append(pool, starts[i], starts[i + 1], this.#out);
      ends[i] = this.#out.length;
    }
    return ends;
  }

  /**
   * Encodes lines of UTF-8, each on its own; a line feed ends a line and is part of none.
   *
   * @param invalid bytes that are not UTF-8: an error, or U+FFFD for each
   * @throws SyntaxError with the offset of the first such byte
   */
  encodeLines(bytes: Uint8Array, invalid: "error" | "replace" = "error"): EncodedLines {
    let lines = bytes;
    // A normalizer that finds bad bytes itself saves a check of all bytes.
    const before = this.#normalizer?.replacedBytes;
    if (before === undefined && !isUtf8(bytes)) {
      if (invalid === "error") throw invalidUtf8(bytes);
      lines = replaceInvalid(bytes);
    }
    const out = new IdBuffer();
    const ends = new IdBuffer();
    out.reserve(Math.min(Math.ceil(bytes.length * usualIdsPerByte), 2 ** 24));
    this.#appendLines(lines, out, ends);
    if (invalid === "error" && this.#normalizer?.replacedBytes !== before) throw invalidUtf8(bytes);
    return { ids: out.take(), ends: ends.take() };
  }

  #appendLines(lines: Uint8Array, out: IdBuffer, ends: IdBuffer): void {
    const { readsRaw } = this.#encoder;
    const isOneByOne = this.#symbols !== undefined || (this.#normalizer !== undefined && !readsRaw);
    for (let at = 0; at < lines.length;) {
      if (!isOneByOne) {
        at = this.#encoder.encodeLines(lines, at, readsRaw, out, ends);
        if (at === lines.length) break;
      }
      let to = lines.indexOf(lineFeed, at);
      if (to < 0) to = lines.length;
      if (isOneByOne) this.#append(lines, at, to, out);
      else this.#appendWhole(lines, at, to, out);
      if (to < lines.length) ends.push(out.length);
      at = to + 1;
    }
    if (lines.length > 0 && lines[lines.length - 1] !== lineFeed) ends.push(out.length);
  }

  /**
   * The pieces of a text and the part of the text that each stands for, in UTF-16 units: `text.slice(starts[i], ends[i])`. Not
   * for an encoder with symbols, or with a normalizer that knows no origins.
   */
  encodeWithOffsets(text: string): Encoding {
    const { bytes, length, origins } = this.#prepare(text);
    return this.#withOffsets(this.#encoder.pieces(bytes, 0, length), bytes, origins);
  }

  /** There is nothing to end. */
  [Symbol.dispose](): void {}

  /** Appends the ids of the text `start … end`. */
  #append(bytes: Uint8Array, start: number, end: number, out: IdBuffer): void {
    if (this.#symbols === undefined) return this.#appendPlain(bytes, start, end, out);
    let from = start;
    for (let at = start; at < end;) {
      const symbol = this.#symbols.at(bytes, at, end);
      at += symbol?.bytes.length ?? 1;
      if (symbol === undefined) continue;
      if (at - symbol.bytes.length > from) {
        this.#appendPlain(bytes, from, at - symbol.bytes.length, out);
      }
      out.push(symbol.id);
      from = at;
    }
    if (end > from) this.#appendPlain(bytes, from, end, out);
  }

  #appendPlain(bytes: Uint8Array, start: number, end: number, out: IdBuffer): void {
    if (this.#normalizer === undefined) return this.#encoder.encode(bytes, start, end, out);
    if (this.#encoder.readsRaw && this.#encoder.encodeRaw(bytes, start, end, out)) return;
    this.#appendWhole(bytes, start, end, out);
  }

  /** Appends the ids of a text that is normalised as a whole. */
  #appendWhole(bytes: Uint8Array, start: number, end: number, out: IdBuffer): void {
    this.#normalizer!.normalize(bytes, start, end, this.#normal);
    this.#encoder.encode(this.#normal.bytes, 0, this.#normal.length, out);
  }

  #prepare(text: string) {
    this.#text.loadText(text);
    const { bytes, length } = this.#text;
    if (this.#normalizer === undefined) return { bytes, length, origins: undefined };
    const origins = new OriginMap();
    this.#normalizer.normalize(bytes, 0, length, this.#normal, origins);
    return { bytes: this.#normal.bytes, length: this.#normal.length, origins };
  }

  /**
   * Ids of pieces with their places. Of the byte pieces of a character the last stands for the character, the others
   * for nothing.
   */
  #withOffsets(
    pieces: readonly PieceSpan[],
    bytes: Uint8Array,
    origins: Origins | undefined,
  ): Encoding {
    const { ids: idOf, byteIds, unknownId } = this.#encoder.table;
    const ids: number[] = [];
    const starts: number[] = [];
    const ends: number[] = [];
    // A word's run of unknown characters is one piece.
    const wordEnds = new Set(
      byteIds === undefined ? this.#encoder.wordEnds(bytes, 0, pieces.at(-1)?.end ?? 0) : [],
    );
    let isRun = false;
    for (const { start, end, slot } of pieces) {
      const [from, to] = origins ? [origins.at(start), origins.at(end)] : [start, end];
      const isUnknown = slot < 0;
      if (isUnknown && byteIds !== undefined) {
        for (let i = start; i < end; i++) {
          ids.push(byteIds[bytes[i]]);
          starts.push(from);
          ends.push(i + 1 < end ? from : to);
        }
      } else if (isUnknown && isRun && !wordEnds.has(start)) {
        ends[ends.length - 1] = to;
      } else {
        ids.push(isUnknown ? unknownId : idOf[slot]);
        starts.push(from);
        ends.push(to);
      }
      isRun = isUnknown;
    }
    const units = unitsByByte(this.#text.bytes, this.#text.length);
    return {
      ids: Int32Array.from(ids),
      starts: Int32Array.from(starts, (at) => units[at]),
      ends: Int32Array.from(ends, (at) => units[at]),
    };
  }
}

/** For each byte of a text and its end, how many UTF-16 units stand before its character. */
function unitsByByte(bytes: Uint8Array, length: number): Int32Array {
  const units = new Int32Array(length + 1);
  let count = 0;
  for (let at = 0; at < length;) {
    const size = utf8Length(bytes[at]);
    units.fill(count, at, at + size);
    count += size === 4 ? 2 : 1;
    at += size;
  }
  units[length] = count;
  return units;
}

class OriginMap implements Origins {
  #places: Int32Array<ArrayBuffer> = new Int32Array(64);
  #length = 0;

  push(place: number, length: number): void {
    this.#places = grown(this.#places, length);
    while (this.#length < length) this.#places[this.#length++] = place;
  }

  cut(length: number): void {
    this.#length = Math.min(this.#length, length);
  }

  at(index: number): number {
    return this.#places[index];
  }
}
