/**
 * A unigram vocabulary as a tokenizer.
 */
import type { Encoding, OpenedTokenizer } from "../opened_tokenizer.ts";
import { specialIds, specialPieces } from "../tokenizer.ts";
import { unigramDefaults } from "./config.ts";
import { encodingOf } from "./encoding_settings.ts";
import { normalTextOf } from "./normal_text.ts";
import { byteName, findBadPiece, type UnigramPiece, written } from "./pieces.ts";
import { type IdLayout, idLayout, isPlain, type UnigramSettings } from "./settings.ts";
import type { EncoderPieces } from "./piece_table.ts";
import { UnigramTextEncoder } from "./text_encoder.ts";
import type { EncoderOptions } from "./unigram_encoder.ts";
import { joinTexts } from "./utf8.ts";

/** A character without a piece scores this much less than the least likely piece. */
const unknownPenalty = 10;

/** What a character without a piece scores in a vocabulary. */
export function unknownScoreOf(learned: readonly UnigramPiece[]): number {
  return learned.reduce((least, { logProb }) => Math.min(least, logProb), 0) - unknownPenalty;
}

/**
 * Ids: special pieces, the 256 byte pieces, symbols if any, then learned pieces by descending log probability, ties by
 * UTF-8 bytes.
 *
 * Unless the settings normalise text or do without byte pieces, `decode(encode(text))` is `text` for every well-formed
 * string; a lone surrogate comes back as U+FFFD. Text that looks like a special piece (`</s>`) is text: `encode` never
 * gives a special id, or that of a control symbol.
 */
export class UnigramTokenizer extends UnigramTextEncoder implements OpenedTokenizer {
  readonly kind = "unigram";
  readonly roles = specialIds;
  readonly vocabSize: number;
  /** The learned pieces; `learned[i]` has id `layout.learned + i`. */
  readonly learned: readonly UnigramPiece[];
  readonly settings: UnigramSettings;
  readonly layout: IdLayout;
  /** UTF-8 of all pieces, joined: piece `id` stands for `#text[#starts[id] … #starts[id + 1]]`. */
  readonly #text: Uint8Array;
  readonly #starts: Int32Array;
  readonly #options: EncoderOptions;
  #bare: UnigramTextEncoder | undefined;

  /** @throws RangeError when the pieces are out of order, not distinct or not text. */
  constructor(learned: readonly UnigramPiece[], settings: UnigramSettings = unigramDefaults) {
    const bad = findBadPiece(learned);
    if (bad) {
      throw new RangeError(
        `Cannot use learned piece ${bad.index}: expected ${bad.expected}, found ${bad.found}`,
      );
    }
    const layout = idLayout(settings);
    const texts = learned.map(({ text }) => text);
    const { pool, starts } = joinTexts([...settings.userDefinedSymbols, ...texts]);
    const symbols = settings.userDefinedSymbols.length;
    const base = starts[symbols];
    const pieces: EncoderPieces = {
      strings: {
        pool: pool.subarray(base),
        starts: starts.subarray(symbols).map((start) => start - base),
      },
      scores: Float64Array.from(learned, ({ logProb }) => logProb),
      ids: Int32Array.from(learned, (_, i) => layout.learned + i),
      unknownScore: unknownScoreOf(learned),
      unknown: layout.bytes === undefined
        ? { id: specialIds.unknown }
        : { byteIds: Int32Array.from({ length: 256 }, (_, byte) => layout.bytes! + byte) },
    };
    const [options, text] = encodingOf(settings);
    super(pieces, options, text);
    this.#options = options;
    this.learned = learned;
    this.settings = settings;
    this.layout = layout;
    this.vocabSize = layout.learned + learned.length;
    const bytes = layout.bytes === undefined ? 0 : 256;
    this.#starts = new Int32Array(this.vocabSize + 1);
    for (let byte = 0; byte < bytes; byte++) this.#starts[layout.bytes! + byte + 1] = byte + 1;
    this.#starts.fill(bytes, layout.control, layout.userDefined + 1);
    for (let i = 1; i < starts.length; i++) {
      this.#starts[layout.userDefined + i] = bytes + starts[i];
    }
    this.#text = new Uint8Array(this.#starts[this.vocabSize]);
    for (let byte = 0; byte < bytes; byte++) this.#text[byte] = byte;
    this.#text.set(pool, bytes);
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
    const from = this.settings.addDummyPrefix && bytes[0] === 0x20 ? 1 : 0;
    // A byte order mark is a character like any other.
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(from));
  }

  /** Offsets are places in the text as it was given, before normalisation. */
  override encodeWithOffsets(text: string): Encoding {
    const { settings } = this;
    if (isPlain(settings) && settings.userDefinedSymbols.length === 0) {
      return super.encodeWithOffsets(text);
    }
    const [ids, starts, ends]: number[][] = [[], [], []];
    for (const { part, at, symbol } of this.#parts(text)) {
      if (symbol !== undefined) {
        ids.push(symbol);
        starts.push(at);
        ends.push(at + part.length);
        continue;
      }
      const normal = normalTextOf(part, settings);
      const found = this.#encoder.encodeWithOffsets(normal.text);
      for (const [i, id] of found.ids.entries()) {
        const [from, to] = [found.starts[i], found.ends[i]];
        ids.push(id);
        starts.push(at + normal.starts[from]);
        ends.push(at + (to > from ? normal.ends[to - 1] : normal.starts[from]));
      }
    }
    const [a, b, c] = [ids, starts, ends].map((list) => Int32Array.from(list));
    return { ids: a, starts: b, ends: c };
  }

  /** Encodes the text between symbols, in normal form. It is made when it is first needed: most tokenizers never need it. */
  get #encoder(): UnigramTextEncoder {
    return this.#bare ??= new UnigramTextEncoder(this.table, this.#options);
  }

  /** The user's symbols in a text, and the parts between them. */
  *#parts(text: string): Generator<{ part: string; at: number; symbol?: number }> {
    const { userDefined, learned } = this.layout;
    const wellFormed = text.toWellFormed();
    let at = 0;
    for (const id of this.encode(wellFormed)) {
      if (id < userDefined || id >= learned) continue;
      const part = this.settings.userDefinedSymbols[id - userDefined];
      const to = wellFormed.indexOf(part, at); // the first there is: symbols are found from left to right
      if (to > at) yield { part: wellFormed.slice(at, to), at };
      yield { part, at: to, symbol: id };
      at = to + part.length;
    }
    if (at < wellFormed.length) yield { part: wellFormed.slice(at), at };
  }

  piece(id: number): string {
    this.#check(id);
    const { bytes, control, userDefined, learned } = this.layout;
    if (id < specialPieces.length) return specialPieces[id];
    if (id < control) return byteName(id - bytes!);
    if (id < userDefined) return this.settings.controlSymbols[id - control];
    if (id < learned) return written(this.settings.userDefinedSymbols[id - userDefined]);
    return written(this.learned[id - learned].text);
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
