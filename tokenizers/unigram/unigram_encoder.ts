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
import {
  entryLength,
  idsAt,
  inlineIds,
  keyBytes,
  metaAt,
  mostIds,
  WordCache,
} from "./word_cache.ts";
import { below33, firstOfHits, hashOf, keyMasks, nextWhite, spaces } from "./word_keys.ts";
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

const space = 0x20;
const lineFeed = 0x0a;
/** Room for the ids of a cached word: fewer than 256, and what is copied beyond them. */
const rawRoom = mostIds + 1 + inlineIds;
/** A text this long at most makes room in the output before it is read; a longer one as it is read. */
const roomAtOnce = 4096;
/** Bytes that a cached word can have after normalisation, and so pieces. */
const mostWordPieces = 64;
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

  readonly #cache: WordCache;
  readonly #word = new TextBuffer();
  // For exact ties: the score up to the id at place `#scored` of the output.
  #score = 0;
  #scored = 0;

  constructor(pieces: EncoderPieces, { words, exactTies = false }: EncoderOptions) {
    this.viterbi = new Viterbi(pieces);
    this.#words = words;
    this.#isExact = exactTies;
    this.#cache = new WordCache(exactTies);
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
      out.reserve(end - start + inlineIds);
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
    out.reserve(Math.min(length, roomAtOnce) + inlineIds); // no piece has less than a byte
    this.#cache.prepare(length);
    this.#score = 0;
    this.#scored = out.length;
  }

  #encodeWords(
    { bytes, view }: TextBuffer,
    start: number,
    end: number,
    out: IdBuffer,
    raw: WordNormalizer | undefined,
    ends: IdBuffer | undefined,
  ): number {
    let { ids } = out;
    let count = out.length;
    // Where the line being read began, in the text and in the output, for one that cannot be read word by word.
    let lineAt = start;
    let lineCount = count;
    const words = this.#cache;
    let cache = words.cells;
    let last = words.entries - 1;
    const isRaw = raw !== undefined;
    const white = (ends ? raw?.lineSeparators : raw?.separators) ??
      (this.#words === "white-space" ? whiteSpace : onlySpace);
    const endsBelow33 = isRaw || this.#words === "white-space";
    const ledByAny = isRaw || this.#words === "before-space";
    const isExact = this.#isExact;
    for (let at = start, to = start; at < end; at = to) {
      // The key: the word's bytes, which end at a space (or any byte below 33). Byte 0 belongs to the word in any case.
      const w0 = view.getInt32(at, true);
      const first = w0 & 0xff;
      if (isRaw && white[first] !== 0) {
        to = at + 1;
        if (first !== lineFeed || ends === undefined) continue;
        ends.reserve(1)[ends.length++] = count;
        lineAt = to;
        lineCount = count;
        this.#score = 0;
        this.#scored = count;
        continue;
      }
      if (isRaw && count + rawRoom > ids.length) {
        out.length = count;
        ids = out.reserve(rawRoom);
      }
      const w1 = view.getInt32(at + 4, true);
      const w2 = view.getInt32(at + 8, true);
      const w3 = view.getInt32(at + 12, true);
      let length = endsBelow33
        ? firstOfHits(below33(w0 | 0xff), below33(w1), below33(w2), below33(w3))
        : firstOfHits(spaces(w0 | 0xdf), spaces(w1), spaces(w2), spaces(w3));
      to = at + length;
      const isFound = (ledByAny || first > space ||
        (first === space && white[(w0 >>> 8) & 0xff] === 0)) &&
        (to === end || (to < end && white[bytes[to]] !== 0));
      // A mark at the word's end that no piece joins to what is before it is apart: there are fewer words without.
      let tail = -1;
      if (!isFound) {
        to = isRaw ? nextWhite(bytes, at, end, white) : this.wordEnd(bytes, at, end);
        length = to - at;
      } else if (isRaw && length > 1) {
        const mark = bytes[to - 1];
        const before = bytes[to - 2];
        if (
          raw.unchanged[mark] === 2 && raw.unchanged[before] !== 0 &&
          this.#joins[mark << 8 | before] === 0
        ) {
          tail = this.#singles[mark];
          if (tail >= 0) {
            length--;
            to--;
          }
        }
      }
      if (length > keyBytes || words.resting > 0) {
        if (words.resting > 0) words.resting--;
        if (raw === undefined) {
          count += this.#search(bytes, at, to, ids, count);
          continue;
        }
        if (!raw.normalizeWord(bytes, at, to, this.#word)) {
          out.length = lineCount;
          return lineAt;
        }
        out.length = count;
        ids = out.reserve(this.#word.length + rawRoom);
        count += this.#search(this.#word.bytes, 0, this.#word.length, ids, count);
        if (tail >= 0) {
          ids[count++] = tail;
          to++;
        }
        continue;
      }
      const masks = length << 2;
      const k0 = w0 & keyMasks[masks];
      const k1 = w1 & keyMasks[masks + 1];
      const k2 = w2 & keyMasks[masks + 2];
      const k3 = w3 & keyMasks[masks + 3];
      const number = hashOf(k0, k1, k2, k3) & last;
      const entry = entryLength * number;
      const meta = cache[entry + metaAt];
      words.seen++;
      if (
        cache[entry] === k0 && cache[entry + 1] === k1 && cache[entry + 2] === k2 &&
        cache[entry + 3] === k3 && meta >>> 8 === length &&
        (!isExact || words.leads[number] > this.#tolerance(count))
      ) {
        const n = meta & 0xff;
        if (n <= inlineIds) {
          ids[count] = cache[entry + idsAt];
          ids[count + 1] = cache[entry + idsAt + 1];
          ids[count + 2] = cache[entry + idsAt + 2];
        } else {
          const from = cache[entry + idsAt];
          for (let i = 0; i < n; i++) ids[count + i] = words.pool[from + i];
        }
        count += n;
        if (tail >= 0) {
          ids[count++] = tail;
          to++;
        }
        if (isRaw && to < end && bytes[to] === space) to++;
        continue;
      }
      let word = bytes;
      let from = at;
      let till = to;
      if (raw !== undefined) {
        if (!raw.normalizeWord(bytes, at, to, this.#word)) {
          out.length = lineCount;
          return lineAt;
        }
        out.length = count;
        ids = out.reserve(this.#word.length + rawRoom);
        word = this.#word.bytes;
        from = 0;
        till = this.#word.length;
      }
      let lead = 0;
      if (isExact) lead = this.viterbi.findWithLead(word, from, till);
      else this.viterbi.find(word, from, till);
      if (this.viterbi.hasUnknown) lead = -1;
      const n = this.viterbi.write(word, from, till, ids, count);
      if (n <= mostIds && till - from <= mostWordPieces) {
        cache[entry] = k0;
        cache[entry + 1] = k1;
        cache[entry + 2] = k2;
        cache[entry + 3] = k3;
        words.put(entry, length, ids, count, n);
        if (isExact) words.leads[number] = lead;
      }
      if (isExact && lead <= this.#tolerance(count)) {
        count += this.#search(word, from, till, ids, count);
      } else {
        count += n;
      }
      if (tail >= 0) {
        ids[count++] = tail;
        to++;
      }
      if (words.afterMiss()) {
        cache = words.cells;
        last = words.entries - 1;
      }
    }
    out.length = count;
    return end;
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

  /** How far the best way through the next cached word must lead for rounding not to matter. */
  #tolerance(count: number): number {
    const pieces = count - this.#scored + mostWordPieces;
    return roundingBound * (Math.abs(this.#score) + pieces * this.#largest);
  }
}
