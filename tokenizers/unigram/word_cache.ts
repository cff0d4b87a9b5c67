/**
 * Ids of words that were met before: direct-mapped, a miss replaces what is there.
 *
 * An entry is 8 numbers: the word's bytes, zero-padded, in 4; its length and number of ids in 1; 3 ids, or where in the pool
 * there are more.
 */
import { grown } from "./grown.ts";

/** Longer words are not kept. */
export const keyBytes = 16;
export const entryLength = 8;
export const metaAt = 4;
export const idsAt = 5;
export const inlineIds = 3;
/** Words of more ids are not kept. */
export const mostIds = 255;

const firstEntries = 4096;
const mostEntries = 65_536; // 2 MiB; twice as many bring nothing more
const mostPooled = 1 << 20;
// A cache that finds too little is left alone for a while.
const watchedWords = 1024;
const tolerableMisses = 900;
const restingWords = 16_384;

export class WordCache {
  /** Number of entries: a power of two. */
  entries = firstEntries;
  cells: Int32Array<ArrayBuffer> = new Int32Array(0); // made at the first text
  pool: Int32Array<ArrayBuffer> = new Int32Array(1024);
  /** By entry: how far the best segmentation leads; -1 if it holds unknown characters. Empty unless that is asked for. */
  leads = new Float32Array(0);
  /** Words that were looked for, in the window that decides whether the cache rests; counted by the user. */
  seen = 0;
  /** Words for which the cache is still to be left alone; counted down by the user. */
  resting = 0;
  readonly #keepsLeads: boolean;
  #pooled = 0;
  #inserted = 0;
  #missed = 0;

  constructor(keepsLeads: boolean) {
    this.#keepsLeads = keepsLeads;
  }

  /** Makes a table as large as `bytes` of text can use; one that is there stays if it is large enough. */
  prepare(bytes: number): void {
    const useful = Math.min(Math.max(bytes / 64, firstEntries), mostEntries);
    const entries = 2 ** Math.ceil(Math.log2(useful));
    if (entries > this.entries || this.cells.length === 0) {
      this.#clear(Math.max(entries, this.entries));
    }
  }

  /** Puts `n` ids, from place `from` of `ids`, into an entry whose key and length the user has put there. */
  put(entry: number, length: number, ids: Int32Array, from: number, n: number): void {
    const { cells } = this;
    const before = cells[entry + metaAt] & 0xff;
    cells[entry + metaAt] = length << 8 | n;
    if (n <= inlineIds) {
      for (let i = 0; i < n; i++) cells[entry + idsAt + i] = ids[from + i];
      return;
    }
    // The place in the pool that the entry had, if it is large enough.
    let place = cells[entry + idsAt];
    if (before < n) {
      place = this.#pooled;
      this.#pooled += n;
      this.pool = grown(this.pool, this.#pooled);
    }
    for (let i = 0; i < n; i++) this.pool[place + i] = ids[from + i];
    cells[entry + idsAt] = place;
  }

  /** To be called after every miss; returns whether the table was replaced by an empty one. */
  afterMiss(): boolean {
    this.#missed++;
    if (this.seen >= watchedWords) {
      if (this.#missed * watchedWords > tolerableMisses * this.seen) this.resting = restingWords;
      this.seen = 0;
      this.#missed = 0;
    }
    this.#inserted++;
    const isSmall = this.entries < mostEntries && this.#inserted > this.entries;
    if (!isSmall && this.#pooled < mostPooled) return false;
    this.#clear(isSmall ? mostEntries : this.entries);
    return true;
  }

  #clear(entries: number): void {
    this.entries = entries;
    this.#inserted = 0;
    this.#pooled = 0;
    this.cells = new Int32Array(entries * entryLength);
    if (this.#keepsLeads) this.leads = new Float32Array(entries);
  }
}
