/**
 * Ids of words that were met before, and the loop that encodes most of a text: as long as words are known, it copies their
 * ids from here.
 *
 * Direct-mapped: a miss replaces what is there. An entry is 8 numbers: the word's bytes, zero-padded, in 4; in 1 how far its
 * best segmentation leads, its length and its number of ids; 3 ids, or where in the pool there are more.
 */
import { grown } from "./grown.ts";
import type { IdBuffer } from "./id_buffer.ts";
import type { TextBuffer } from "./text_buffer.ts";
import { hashOf, keyMasks, lengthOf } from "./word_keys.ts";

/** Bytes that a word can have after normalisation to be kept, and so pieces. */
export const mostWordPieces = 64;

const entryBits = 3;
const metaAt = 4;
const idsAt = 5;
const inlineIds = 3;

const firstEntries = 4096;
const mostEntries = 131_072; // 4 MiB; twice as many bring nothing more
const mostPooled = 1 << 20;
// A cache that finds too little is left alone for a while.
const watchedWords = 1024;
const tolerableMisses = 900;
const restingWords = 16_384;

const space = 0x20;
const lineFeed = 0x0a;

/** How words stand in a text. */
export interface WordPlaces {
  /** White space stands between words; otherwise a word may begin with a space. */
  readonly isBetween: boolean;
  /** By byte: 1 for white space. */
  readonly white: Uint8Array;
  /** By a byte and, 256 times, the one behind it: 1 if the second is a piece of its own where a word ends with it. */
  readonly parts: Uint8Array;
  /** By byte: the id of its piece. */
  readonly singles: Int32Array;
}

export class WordCache {
  /** Words for which the cache is still to be left alone; counted down by the user. */
  resting = 0;
  /** Number of entries: a power of two. */
  #entries = firstEntries;
  #cells: Int32Array<ArrayBuffer> = new Int32Array(0); // made at the first text
  #pool: Int32Array<ArrayBuffer> = new Int32Array(1024);
  #pooled = 0;
  #inserted = 0;
  /** Words that were looked for and not found, in the window that decides whether the cache rests. */
  #seen = 0;
  #missed = 0;
  // What `find` looked for last.
  #entry = 0;
  #length = 0;
  readonly #key = new Int32Array(metaAt);

  /** Makes a table as large as `bytes` of text can use; one that is there stays if it is large enough. */
  prepare(bytes: number): void {
    const useful = Math.min(Math.max(bytes / 32, firstEntries), mostEntries);
    const entries = 2 ** Math.ceil(Math.log2(useful));
    if (entries > this.#entries || this.#cells.length === 0) {
      this.#clear(Math.max(entries, this.#entries));
    }
  }

  /**
   * Appends the ids of the words from `at` on, up to `stop` or to the first word that is not known, has more than three ids,
   * or does not end at a plain white space; returns where it stopped.
   *
   * @param at beyond the first byte
   * @param stop so near that there is room for two ids a byte, and four more: a word and what ends it are two bytes at least
   * @param least a word's best segmentation must lead by more: as `put` was told, or -1
   * @param ends gets the place in `out` where each line ends
   */
  follow(
    { view }: TextBuffer,
    at: number,
    stop: number,
    out: IdBuffer,
    least: number,
    { isBetween, white, parts, singles }: WordPlaces,
    ends: IdBuffer | undefined,
  ): number {
    const masks = keyMasks;
    const cells = this.#cells;
    const last = this.#entries - 1;
    const { ids } = out;
    let count = out.length;
    let seen = 0;
    // What cannot be more than 31 bits is said to be so: the runtime then checks no sum for that.
    while (at < stop) {
      const w0 = view.getInt32(at, true);
      const first = w0 & 0xff;
      if (first <= space) {
        if (!isBetween) {
          if (first !== space || (w0 & 0xff00) <= 0x2000) break;
        } else if (first === space) {
          at++;
          continue;
        } else {
          if (first !== lineFeed || ends === undefined) break;
          ends.push(count);
          at++;
          continue;
        }
      }
      const w1 = view.getInt32((at + 4) | 0, true);
      const w2 = view.getInt32((at + 8) | 0, true);
      const w3 = view.getInt32((at + 12) | 0, true);
      const length = lengthOf(w0, w1, w2, w3);
      const to = (at + length) | 0;
      const after = view.getUint8(to);
      if (after > space || white[after] === 0) break;
      const pair = view.getUint16((to - 2) | 0, true);
      const part = parts[pair];
      const keyLength = (length - part) | 0;
      const mask = keyLength << 2;
      const k0 = w0 & masks[mask];
      const k1 = w1 & masks[mask + 1];
      const k2 = w2 & masks[mask + 2];
      const k3 = w3 & masks[mask + 3];
      const entry = (hashOf(k0, k1, k2, k3) & last) << entryBits;
      const meta = cells[(entry + metaAt) | 0];
      const n = meta & 0xff;
      if (
        cells[entry] !== k0 || cells[(entry + 1) | 0] !== k1 || cells[(entry + 2) | 0] !== k2 ||
        cells[(entry + 3) | 0] !== k3 || ((meta >>> 8) & 0xff) !== keyLength || n > inlineIds ||
        meta >>> 16 <= least
      ) break;
      // Always three ids and that of the mark behind: what is too much is written over.
      ids[count] = cells[(entry + idsAt) | 0];
      ids[(count + 1) | 0] = cells[(entry + idsAt + 1) | 0];
      ids[(count + 2) | 0] = cells[(entry + idsAt + 2) | 0];
      ids[(count + n) | 0] = singles[pair >>> 8];
      count = (count + n + part) | 0;
      seen = (seen + 1) | 0;
      at = isBetween && after === space ? (to + 1) | 0 : to;
    }
    this.#seen += seen;
    out.length = count;
    return at;
  }

  /**
   * Appends the ids of the word of `length` bytes at `at` to `out`, where there is room, if it is known.
   *
   * @param length up to `keyBytes`
   */
  find({ view }: TextBuffer, at: number, length: number, out: IdBuffer, least: number): boolean {
    const cells = this.#cells;
    const key = this.#key;
    for (let i = 0; i < metaAt; i++) {
      key[i] = view.getInt32(at + 4 * i, true) & keyMasks[4 * length + i];
    }
    const entry = (hashOf(key[0], key[1], key[2], key[3]) & (this.#entries - 1)) << entryBits;
    this.#entry = entry;
    this.#length = length;
    this.#seen++;
    const meta = cells[entry + metaAt];
    if (
      cells[entry] !== key[0] || cells[entry + 1] !== key[1] || cells[entry + 2] !== key[2] ||
      cells[entry + 3] !== key[3] || ((meta >>> 8) & 0xff) !== length || meta >>> 16 <= least
    ) return false;
    const n = meta & 0xff;
    const isInline = n <= inlineIds;
    const from = isInline ? entry + idsAt : cells[entry + idsAt];
    const all = isInline ? cells : this.#pool;
    for (let i = 0; i < n; i++) out.ids[out.length++] = all[from + i];
    return true;
  }

  /**
   * Keeps the `n` ids, `mostWordPieces` at most, from place `from` of `ids` for the word that `find` has just not found.
   *
   * @param lead how far its best segmentation leads: 15 bits
   */
  put(ids: Int32Array, from: number, n: number, lead: number): void {
    const cells = this.#cells;
    const entry = this.#entry;
    const before = cells[entry + metaAt] & 0xff;
    for (let i = 0; i < metaAt; i++) cells[entry + i] = this.#key[i];
    cells[entry + metaAt] = lead << 16 | this.#length << 8 | n;
    let kept = cells;
    let place = entry + idsAt;
    if (n > inlineIds) {
      // The place in the pool that the entry had, if it is large enough.
      if (before < n) {
        cells[place] = this.#pooled;
        this.#pooled += n;
        this.#pool = grown(this.#pool, this.#pooled);
      }
      kept = this.#pool;
      place = cells[place];
    }
    for (let i = 0; i < n; i++) kept[place + i] = ids[from + i];
    this.#afterMiss();
  }

  #afterMiss(): void {
    this.#missed++;
    if (this.#seen >= watchedWords) {
      if (this.#missed * watchedWords > tolerableMisses * this.#seen) this.resting = restingWords;
      this.#seen = 0;
      this.#missed = 0;
    }
    this.#inserted++;
    const isSmall = this.#entries < mostEntries && this.#inserted > this.#entries;
    if (isSmall || this.#pooled >= mostPooled) this.#clear(isSmall ? mostEntries : this.#entries);
  }

  #clear(entries: number): void {
    this.#entries = entries;
    this.#inserted = 0;
    this.#pooled = 0;
    this.#cells = new Int32Array(entries << entryBits);
  }
}
