/**
 * Counts byte strings. An open-addressing table over one pool of bytes: no string object is made.
 */
import { zeros } from "./memory.ts";
import { compareRanges } from "./utf8.ts";

/** Called for each string, which is `pool[from … to]`, valid until the call returns. */
export type CountVisitor = (pool: Uint8Array, from: number, to: number, count: number) => void;

/** Distinct byte strings with how often each occurs, in some order; they may lie on a disk. */
export interface ByteStringCounts {
  forEach(visit: CountVisitor): void;
}

/** A counter's contents: entry i is `pool[starts[i] … starts[i + 1]]`. */
export interface CounterTable {
  readonly pool: Uint8Array;
  readonly starts: Int32Array;
  readonly counts: Float64Array;
}

export class ByteStringCounter implements ByteStringCounts {
  #size = 0;
  #pool: Uint8Array = new Uint8Array(1 << 16);
  #starts: Int32Array = new Int32Array(1 << 12); // entry i is the bytes #starts[i] … #starts[i + 1]
  #counts: Float64Array = new Float64Array(1 << 12);
  #hashes: Int32Array = new Int32Array(1 << 12);
  #slots = new Int32Array(1 << 13); // entry + 1, 0 where empty

  /** Distinct strings so far. */
  get size(): number {
    return this.#size;
  }

  /** Bytes of memory that the table takes, room to grow included. */
  get memoryBytes(): number {
    return this.#pool.byteLength + this.#starts.byteLength + this.#counts.byteLength +
      this.#hashes.byteLength + this.#slots.byteLength;
  }

  forEach(visit: CountVisitor): void {
    for (let entry = 0; entry < this.#size; entry++) {
      visit(this.#pool, this.#starts[entry], this.#starts[entry + 1], this.#counts[entry]);
    }
  }

  /** Adds `count` occurrences of `bytes[from … to]`. */
  add(bytes: Uint8Array, from: number, to: number, count: number): void {
    let hash = 0x811c9dc5;
    for (let i = from; i < to; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    hash ^= hash >>> 13;
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = hash & mask;
    for (; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const entry = slots[slot] - 1;
      if (this.#hashes[entry] === hash && this.#equals(entry, bytes, from, to)) {
        this.#counts[entry] += count;
        return;
      }
    }
    slots[slot] = this.#append(bytes, from, to, count, hash) + 1;
    if (this.#size * 2 > slots.length) this.#rehash();
  }

  /** Entries by their bytes, ascending. */
  sorted(): Int32Array {
    const [pool, starts] = [this.#pool, this.#starts];
    const order = new Int32Array(this.#size).map((_, entry) => entry);
    return order.sort((a, b) =>
      compareRanges(pool, starts[a], starts[a + 1], pool, starts[b], starts[b + 1])
    );
  }

  /** The contents, in order of first occurrence. Valid until the next `add`. */
  get table(): CounterTable {
    return {
      pool: this.#pool.subarray(0, this.#starts[this.#size]),
      starts: this.#starts.subarray(0, this.#size + 1),
      counts: this.#counts.subarray(0, this.#size),
    };
  }

  /** Adds all of a table. */
  addTable({ pool, starts, counts }: CounterTable): void {
    for (let i = 0; i < counts.length; i++) this.add(pool, starts[i], starts[i + 1], counts[i]);
  }

  #equals(entry: number, bytes: Uint8Array, from: number, to: number): boolean {
    const pool = this.#pool;
    const start = this.#starts[entry];
    if (this.#starts[entry + 1] - start !== to - from) return false;
    for (let i = from, j = start; i < to; i++, j++) {
      if (bytes[i] !== pool[j]) return false;
    }
    return true;
  }

  #append(bytes: Uint8Array, from: number, to: number, count: number, hash: number): number {
    const entry = this.#size++;
    const start = this.#starts[entry];
    const end = start + to - from;
    if (end > this.#pool.length) {
      const pool = zeros(Uint8Array, Math.max(end, this.#pool.length * 2));
      pool.set(this.#pool);
      this.#pool = pool;
    }
    if (this.#size >= this.#starts.length) this.#growEntries();
    for (let i = from, j = start; i < to; i++, j++) this.#pool[j] = bytes[i];
    this.#starts[this.#size] = end;
    this.#counts[entry] = count;
    this.#hashes[entry] = hash;
    return entry;
  }

  #growEntries(): void {
    const length = this.#starts.length * 2;
    const [starts, counts, hashes] = [this.#starts, this.#counts, this.#hashes];
    (this.#starts = zeros(Int32Array, length)).set(starts);
    (this.#counts = zeros(Float64Array, length)).set(counts);
    (this.#hashes = zeros(Int32Array, length)).set(hashes);
  }

  #rehash(): void {
    const slots = zeros(Int32Array, this.#slots.length * 2);
    const mask = slots.length - 1;
    for (let entry = 0; entry < this.#size; entry++) {
      let slot = this.#hashes[entry] & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = entry + 1;
    }
    this.#slots = slots;
  }
}
