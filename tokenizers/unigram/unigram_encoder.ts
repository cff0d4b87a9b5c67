/**
 * Text to ids: the segmentation of each word with the highest sum of log probabilities (Viterbi), with a cache of words.
 *
 * Score rules, which depend on nothing outside the word:
 * - sums run in double precision from the word's start;
 * - of segmentations with equal sums up to some place, the one whose last piece begins earlier wins;
 * - a character without a piece of its own may stand for itself: it scores the lowest log probability of all pieces minus
 *   10, and gives the pieces of its UTF-8 bytes.
 */
import { firstByteId } from "../tokenizer.ts";
import { firstLearnedId } from "./config.ts";
import {
  buildDoubleArray,
  byteMask,
  type DoubleArray,
  endFlag,
  offsetShift,
} from "./double_array.ts";
import { grown } from "./grown.ts";
import { compareBytes, utf8Length } from "./utf8.ts";
import { wordEnd } from "./words.ts";

const unknownPenalty = 10;
const unknown = -1;

// A cache entry is 12 numbers: the word's bytes, zero-padded, in 4; its length and number of ids in 1; up to 7 ids.
const cacheEntries = 32_768; // a power of two
const entryLength = 12;
const keyBytes = 16;
const metaAt = 4;
const idsAt = 5;
const cachedIds = 7;

export class UnigramEncoder {
  readonly #trie: DoubleArray;
  /** By slot: the score and id of the piece that ends there. */
  readonly #scores: Float64Array;
  readonly #ids: Int32Array;
  readonly #unknownScore: number;

  #cache: Int32Array | undefined; // made at the first text
  // The text being encoded, followed by `keyBytes` of anything.
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #view = new DataView(this.#bytes.buffer);
  #out: Int32Array<ArrayBuffer> = new Int32Array(0);
  // By place in a word: score of the best way there, start and id of its last piece.
  #best: Float64Array<ArrayBuffer> = new Float64Array(0);
  #from: Int32Array<ArrayBuffer> = new Int32Array(0);
  #last: Int32Array<ArrayBuffer> = new Int32Array(0);

  /** Piece i of UTF-8 bytes `pieces[i]` has id 263 + i and log probability `logProbs[i]`. */
  constructor(pieces: readonly Uint8Array[], logProbs: Float64Array) {
    const order = pieces.map((_, i) => i).sort((a, b) => compareBytes(pieces[a], pieces[b]));
    this.#trie = buildDoubleArray(order.map((i) => pieces[i]));
    const { values } = this.#trie;
    this.#scores = Float64Array.from(values, (value) => value < 0 ? 0 : logProbs[order[value]]);
    this.#ids = values.map((value) => value < 0 ? unknown : order[value] + firstLearnedId);
    this.#unknownScore = logProbs.reduce((least, p) => Math.min(least, p), 0) - unknownPenalty;
  }

  /** Ids of a text. A lone surrogate is read as U+FFFD. */
  encode(text: string): Int32Array {
    const cache = this.#cache ??= new Int32Array(cacheEntries * entryLength);
    const end = this.#load(text);
    this.#out = grown(this.#out, end + cachedIds); // no piece has less than a byte
    const [bytes, view, out] = [this.#bytes, this.#view, this.#out];
    let count = 0;
    for (let at = 0, to = 0; at < end; at = to) {
      to = wordEnd(bytes, at, end);
      const length = to - at;
      if (length > keyBytes) {
        count += this.#encodeWord(at, to, count);
        continue;
      }
      // Bytes past the word's end are masked off; a shift by 32 would be a shift by 0.
      const k0 = view.getInt32(at, true) & firstBytes(length);
      const k1 = length > 4 ? view.getInt32(at + 4, true) & firstBytes(length - 4) : 0;
      const k2 = length > 8 ? view.getInt32(at + 8, true) & firstBytes(length - 8) : 0;
      const k3 = length > 12 ? view.getInt32(at + 12, true) & firstBytes(length - 12) : 0;
      const entry = entryLength * (hashOf(k0, k1, k2, k3) & (cacheEntries - 1));
      const meta = cache[entry + metaAt];
      if (
        cache[entry] === k0 && cache[entry + 1] === k1 && cache[entry + 2] === k2 &&
        cache[entry + 3] === k3 && meta >>> 8 === length
      ) {
        const ids = entry + idsAt;
        out[count] = cache[ids];
        out[count + 1] = cache[ids + 1];
        out[count + 2] = cache[ids + 2];
        const n = meta & 0xff;
        for (let i = 3; i < n; i++) out[count + i] = cache[ids + i];
        count += n;
        continue;
      }
      const n = this.#encodeWord(at, to, count);
      if (n <= cachedIds) {
        cache[entry] = k0;
        cache[entry + 1] = k1;
        cache[entry + 2] = k2;
        cache[entry + 3] = k3;
        cache[entry + metaAt] = length << 8 | n;
        for (let i = 0; i < n; i++) cache[entry + idsAt + i] = out[count + i];
      }
      count += n;
    }
    return out.slice(0, count);
  }

  /** Puts the UTF-8 bytes of a text into `#bytes` and returns their number. */
  #load(text: string): number {
    const most = text.length * 3 + keyBytes;
    if (this.#bytes.length < most) {
      this.#bytes = grown(this.#bytes, most);
      this.#view = new DataView(this.#bytes.buffer);
    }
    return new TextEncoder().encodeInto(text, this.#bytes).written;
  }

  /** Writes the ids of the word `start … end` to `#out` from place `at` and returns their number. */
  #encodeWord(start: number, end: number, at: number): number {
    this.#findBest(start, end);
    const [bytes, out, from, last] = [this.#bytes, this.#out, this.#from, this.#last];
    let count = 0;
    for (let to = end - start; to > 0; to = from[to]) {
      count += last[to] === unknown ? to - from[to] : 1;
    }
    let next = at + count;
    for (let to = end - start; to > 0; to = from[to]) {
      if (last[to] !== unknown) {
        out[--next] = last[to];
        continue;
      }
      for (let i = to - 1; i >= from[to]; i--) out[--next] = firstByteId + bytes[start + i];
    }
    return count;
  }

  /** Fills `#best`, `#from` and `#last` for the word `start … end`. */
  #findBest(start: number, end: number): void {
    const length = end - start;
    const best = this.#best = grown(this.#best, length + 1);
    const from = this.#from = grown(this.#from, length + 1);
    const last = this.#last = grown(this.#last, length + 1);
    const bytes = this.#bytes;
    const { root, slots } = this.#trie;
    const [scores, ids] = [this.#scores, this.#ids];
    best.fill(-Infinity, 0, length + 1);
    best[0] = 0;
    for (let i = 0; i < length;) {
      const next = i + utf8Length(bytes[start + i]);
      const before = best[i];
      let offset = root;
      let isKnown = false;
      for (let j = i; j < length;) {
        const byte = bytes[start + j++];
        const slot = offset ^ byte;
        const content = slots[slot];
        if ((content & byteMask) !== byte) break;
        offset = content >>> offsetShift;
        if ((content & endFlag) === 0) continue;
        if (j === next) isKnown = true;
        const score = before + scores[slot];
        if (score > best[j]) {
          best[j] = score;
          from[j] = i;
          last[j] = ids[slot];
        }
      }
      if (!isKnown && before + this.#unknownScore > best[next]) {
        best[next] = before + this.#unknownScore;
        from[next] = i;
        last[next] = unknown;
      }
      i = next;
    }
  }
}

/** A mask of the first `length` bytes of a little-endian 32-bit number; all of it from 4 on. */
function firstBytes(length: number): number {
  return length >= 4 ? -1 : (1 << (length * 8)) - 1;
}

function hashOf(k0: number, k1: number, k2: number, k3: number): number {
  let hash = Math.imul(k0, 0x9e3779b1) ^ Math.imul(k1, 0x85ebca6b) ^ Math.imul(k2, 0xc2b2ae35) ^
    Math.imul(k3, 0x27d4eb2f);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return hash ^ (hash >>> 13);
}
