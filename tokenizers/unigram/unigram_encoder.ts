/**
 * Text to ids: the best segmentation of each word (`viterbi.ts`), with a cache of words.
 *
 * Score rules, which depend on nothing outside the word:
 * - sums run in double precision from the word's start;
 * - of segmentations with equal sums up to some place, the one whose last piece begins earlier wins;
 * - a character without a piece of its own may stand for itself, at the score for unknown characters.
 *
 * With `exactTies` sums run as SentencePiece runs them instead, in single precision from the text's start: that decides
 * ties and near ties by what stands before a word. A cached word is then used only where its best way leads by more than
 * all rounding could take away; the others (1 to 4 of 10,000 words of English or code) are searched again.
 */
import type { IdBuffer } from "./id_buffer.ts";
import { TextBuffer } from "./text_buffer.ts";
import { type EncoderPieces, Viterbi } from "./viterbi.ts";
import { mostWordPieces, WordCache, type WordPlaces } from "./word_cache.ts";
import { keyBytes, nextWhite } from "./word_keys.ts";
import {
  onlySpace,
  ruledWordEnd,
  whiteSpace,
  type WordNormalizer,
  type WordRule,
} from "./word_rules.ts";

export interface EncoderOptions {
  readonly words: WordRule;
  /** Ties as SentencePiece breaks them, to the last id. */
  readonly exactTies?: boolean;
}

const lineFeed = 0x0a;
/** What a cache may write behind the ids that there is room for. */
const roomBehind = 4;
/** With exact ties cached words are followed this far at once: how far they must lead is said once for all of them. */
const exactStretch = 128;
/** A text this long at most makes room in the output before it is read; a longer one as it is read. */
const roomAtOnce = 4096;
/**
 * A sum of that many scores in single precision is off by that many halves of the last place of its largest value, and so
 * is the one it is compared with.
 */
const roundingBound = 2 * (mostWordPieces + 1) * 2 ** -24;

/** A piece of a text: its bytes, and the slot of the trie that holds it; -1 for a character without a piece. */
export interface PieceSpan {
  readonly start: number;
  readonly end: number;
  readonly slot: number;
}

export class UnigramEncoder {
  readonly viterbi: Viterbi;
  readonly #words: WordRule;
  readonly #isExact: boolean;
  /** Scores by id, and the largest size of any. */
  readonly #scoreOf: Float64Array;
  readonly #largest: number;

  /** By ASCII character: the id of its piece, or -1. */
  readonly #singles = new Int32Array(256).fill(-1);
  /** By ASCII character and the byte before it: 1 if a piece holds both. */
  readonly #joins = new Uint8Array(0x8000);

  readonly #cache = new WordCache();
  /** By its table of white space: how words stand in a text. */
  readonly #places = new Map<Uint8Array, WordPlaces>();
  readonly #word = new TextBuffer();
  // For exact ties: the score up to the id at place `#scored` of the output.
  #score = 0;
  #scored = 0;
  readonly #single = new Float32Array(1);
  readonly #singleBits = new Int32Array(this.#single.buffer);

  constructor(pieces: EncoderPieces, { words, exactTies = false }: EncoderOptions) {
    this.viterbi = new Viterbi(pieces);
    this.#words = words;
    this.#isExact = exactTies;
    const { ids, scores, unknownScore } = pieces;
    this.#scoreOf = new Float64Array(ids.reduce((most, id) => Math.max(most, id + 1), 0));
    ids.forEach((id, i) => this.#scoreOf[id] = scores[i]);
    const { pool, starts } = pieces.strings;
    for (let i = 0; i < ids.length; i++) {
      if (starts[i + 1] - starts[i] === 1) this.#singles[pool[starts[i]]] = ids[i];
      for (let at = starts[i] + 1; at < starts[i + 1]; at++) {
        if (pool[at] < 0x80) this.#joins[pool[at] << 8 | pool[at - 1]] = 1;
      }
    }
    this.#largest = scores.reduce((most, s) => Math.max(most, Math.abs(s)), Math.abs(unknownScore));
  }

  /**
   * Appends the ids of the text `start … end` to `out`.
   *
   * @param text what stands behind `end` is a line feed, or the text's padding
   */
  encode(text: TextBuffer, start: number, end: number, out: IdBuffer): void {
    this.#begin(end - start, out);
    if (this.#words !== "none" && this.#words !== "stretches") {
      this.#encodeWords(text, start, end, out, undefined, undefined);
      return;
    }
    out.reserve(end - start);
    for (let at = start, to = start; at < end; at = to) {
      to = this.wordEnd(text.bytes, at, end);
      out.length += this.#search(text.bytes, at, to, out.ids, out.length);
    }
  }

  /**
   * Appends the ids of raw lines, word by word, as long as every word can be normalised by itself; returns where it
   * stopped: `end`, or the start of a line of which nothing is appended.
   *
   * @param end of the text: what stands behind it is padding, or a line feed
   * @param ends gets the place in `out` where each line ends that a line feed ends
   */
  encodeRaw(
    text: TextBuffer,
    start: number,
    end: number,
    out: IdBuffer,
    normalizer: WordNormalizer,
    ends: IdBuffer | undefined,
  ): number {
    this.#begin(end - start, out);
    return this.#encodeWords(text, start, end, out, normalizer, ends);
  }

  /** Whether words end before spaces, so that raw text can be read word by word. */
  get endsBeforeSpaces(): boolean {
    return this.#words === "before-space" || this.#words === "space-runs";
  }

  /** Makes room for what `bytes` of text usually give. */
  expect(bytes: number): void {
    this.#cache.prepare(bytes);
  }

  #begin(length: number, out: IdBuffer): void {
    out.reserve(Math.min(length, roomAtOnce) + roomBehind); // no piece has less than a byte
    this.#cache.prepare(length);
    this.#beginLine(out.length);
  }

  #encodeWords(
    text: TextBuffer,
    start: number,
    end: number,
    out: IdBuffer,
    raw: WordNormalizer | undefined,
    ends: IdBuffer | undefined,
  ): number {
    const { bytes } = text;
    const cache = this.#cache;
    const white = (ends ? raw?.lineSeparators : raw?.separators) ??
      (this.#words === "white-space" ? whiteSpace : onlySpace);
    const places = this.#placesOf(raw, white);
    const [firstCount, firstLine] = [out.length, ends?.length];
    for (let at = start; at < end;) {
      if (at > 0 && cache.resting === 0) {
        const lines = ends?.length;
        at = cache.follow(
          text,
          at,
          this.#stopFrom(at, end, out),
          out,
          this.#least(out),
          places,
          ends,
        );
        if (ends && ends.length !== lines) this.#beginLine(ends.ids[ends.length - 1]);
        if (at >= end) break;
      }
      if (raw !== undefined && white[bytes[at]] !== 0) {
        if (bytes[at++] === lineFeed && ends !== undefined) {
          ends.push(out.length);
          this.#beginLine(out.length);
        }
        continue;
      }
      const to = raw ? nextWhite(bytes, at, end, white) : this.wordEnd(bytes, at, end);
      // A mark at the word's end that no piece joins to what is before it is apart: there are fewer words without.
      const part = to - at > 1 ? places.parts[bytes[to - 1] << 8 | bytes[to - 2]] : 0;
      if (!this.#encodeWord(text, at, to - part, out, raw)) {
        // Back to where the line begins.
        const isFirst = ends === undefined || ends.length === firstLine;
        out.length = isFirst ? firstCount : ends.ids[ends.length - 1];
        return isFirst ? start : bytes.lastIndexOf(lineFeed, at) + 1;
      }
      if (part > 0) out.push(this.#singles[bytes[to - 1]]);
      at = to;
    }
    return end;
  }

  /** Appends the ids of a word; false if it cannot be normalised by itself. */
  #encodeWord(
    text: TextBuffer,
    at: number,
    to: number,
    out: IdBuffer,
    raw: WordNormalizer | undefined,
  ): boolean {
    const cache = this.#cache;
    out.reserve(mostWordPieces);
    const isKept = to - at <= keyBytes && cache.resting === 0;
    if (cache.resting > 0) cache.resting--;
    if (isKept && cache.find(text, at, to - at, out, this.#least(out))) return true;
    let { bytes } = text;
    if (raw !== undefined) {
      if (!raw.normalizeWord(bytes, at, to, this.#word)) return false;
      bytes = this.#word.bytes;
      at = 0;
      to = this.#word.length;
    }
    const ids = out.reserve(to - at);
    if (!isKept || to - at > mostWordPieces) {
      out.length += this.#search(bytes, at, to, ids, out.length);
      return true;
    }
    const { viterbi } = this;
    let lead = 0;
    if (this.#isExact) lead = this.#leadBits(viterbi.findWithLead(bytes, at, to));
    else viterbi.find(bytes, at, to);
    if (viterbi.hasUnknown) lead = 0;
    const count = viterbi.write(bytes, at, to, ids, out.length);
    cache.put(ids, out.length, count, lead);
    out.length += lead > this.#least(out) ? count : this.#search(bytes, at, to, ids, out.length);
    return true;
  }

  #beginLine(count: number): void {
    this.#score = 0;
    this.#scored = count;
  }

  #placesOf(raw: WordNormalizer | undefined, white: Uint8Array): WordPlaces {
    const made = this.#places.get(white);
    if (made !== undefined) return made;
    const parts = new Uint8Array(0x10000);
    for (let mark = 0; mark < 0x80; mark++) {
      if (raw?.unchanged[mark] !== 2 || this.#singles[mark] < 0) continue;
      for (let before = 0; before < 0x80; before++) {
        const pair = mark << 8 | before;
        parts[pair] = raw.unchanged[before] !== 0 && this.#joins[pair] === 0 ? 1 : 0;
      }
    }
    const places = { isBetween: raw !== undefined, white, parts, singles: this.#singles };
    this.#places.set(white, places);
    return places;
  }

  /** The pieces of the text `start … end` one by one, found without the cache. They are those that `encode` gives. */
  *pieces(bytes: Uint8Array, start: number, end: number): Generator<PieceSpan> {
    let score = 0;
    for (let at = start, to = start; at < end; at = to) {
      to = this.wordEnd(bytes, at, end);
      if (this.#isExact) score = this.viterbi.findAfter(bytes, at, to, score);
      else this.viterbi.find(bytes, at, to);
      for (const { from, to: till, slot } of [...this.viterbi.ends(to - at)].reverse()) {
        yield { start: at + from, end: at + till, slot };
      }
    }
  }

  /** Where the word that begins at `at` ends: no piece goes beyond. */
  wordEnd(bytes: Uint8Array, at: number, end: number): number {
    return ruledWordEnd(this.#words, bytes, at, end);
  }

  /** The ids of one word or text without the cache. */
  #search(bytes: Uint8Array, at: number, to: number, ids: Int32Array, count: number): number {
    if (!this.#isExact) {
      this.viterbi.find(bytes, at, to);
      return this.viterbi.write(bytes, at, to, ids, count);
    }
    this.#score = this.viterbi.findAfter(bytes, at, to, this.#scoreUpTo(ids, count));
    const n = this.viterbi.write(bytes, at, to, ids, count);
    this.#scored = count + n;
    return n;
  }

  /** The running score as SentencePiece has it: ids found in the cache are added one by one. They hold no unknown characters. */
  #scoreUpTo(ids: Int32Array, count: number): number {
    let score = this.#score;
    for (let i = this.#scored; i < count; i++) score = Math.fround(score + this.#scoreOf[ids[i]]);
    this.#score = score;
    this.#scored = count;
    return score;
  }

  /** How far a cached word may be followed: there is room for its ids, and `#least` holds. */
  #stopFrom(at: number, end: number, out: IdBuffer): number {
    const bytes = (out.ids.length - out.length - roomBehind) >> 1;
    return Math.min(end, at + (this.#isExact ? Math.min(bytes, exactStretch) : bytes));
  }

  /**
   * More than this, as `#leadBits` has it, the best way through a cached word must lead for rounding not to matter, there and
   * in as many ids behind as `exactStretch` bytes can give.
   */
  #least(out: IdBuffer): number {
    if (!this.#isExact) return -1;
    const pieces = out.length - this.#scored + 2 * exactStretch + mostWordPieces;
    return this.#leadBits(roundingBound * (Math.abs(this.#score) + pieces * this.#largest));
  }

  /** The upper half of a single-precision number, not above `lead`: 0 for what is not positive; ordered as they are. */
  #leadBits(lead: number): number {
    this.#single[0] = Math.max(0, lead * (1 - 2 ** -20));
    return this.#singleBits[0] >>> 16;
  }
}
