/**
 * Counts byte strings. An open-addressing table over one pool of bytes: no string object is made.
 */

export class ByteStringCounter {
  #size = 0;
  #pool: Uint8Array<ArrayBuffer> = new Uint8Array(1 << 16);
  #starts: Int32Array<ArrayBuffer> = new Int32Array(1 << 12); // entry i is the bytes #starts[i] … #starts[i + 1]
  #counts: Float64Array<ArrayBuffer> = new Float64Array(1 << 12);
  #hashes: Int32Array<ArrayBuffer> = new Int32Array(1 << 12);
  #slots = new Int32Array(1 << 13); // entry + 1, 0 where empty

  /** Distinct strings so far. */
  get size(): number {
    return this.#size;
  }

  /** The bytes of all entries, joined. Valid until the next `add`. */
  get pool(): Uint8Array {
    return this.#pool;
  }

  /** Entry i is `pool[start(i) … start(i + 1)]`; entries stand in order of first occurrence. */
  start(entry: number): number {
    return this.#starts[entry];
  }

  count(entry: number): number {
    return this.#counts[entry];
  }

  /** Adds `count` occurrences of `bytes[from … to]`. */
  add(bytes: Uint8Array, from: number, to: number, count: number): void {
    let hash = 0x811c9dc5;
    for (let i = from; i < to; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    hash ^= hash >>> 13;
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    for (; this.#slots[slot] !== 0; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot] - 1;
      if (this.#hashes[entry] === hash && this.#equals(entry, bytes, from, to)) {
        this.#counts[entry] += count;
        return;
      }
    }
    this.#slots[slot] = this.#append(bytes, from, to, count, hash) + 1;
    if (this.#size * 2 > this.#slots.length) this.#rehash();
  }

  #equals(entry: number, bytes: Uint8Array, from: number, to: number): boolean {
    const start = this.#starts[entry];
    if (this.#starts[entry + 1] - start !== to - from) return false;
    for (let i = from, j = start; i < to; i++, j++) {
      if (bytes[i] !== this.#pool[j]) return false;
    }
    return true;
  }

  #append(bytes: Uint8Array, from: number, to: number, count: number, hash: number): number {
    const entry = this.#size++;
    const start = this.#starts[entry];
    const end = start + to - from;
    if (end > this.#pool.length) {
      const pool = new Uint8Array(Math.max(end, this.#pool.length * 2));
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
    (this.#starts = new Int32Array(length)).set(starts);
    (this.#counts = new Float64Array(length)).set(counts);
    (this.#hashes = new Int32Array(length)).set(hashes);
  }

  #rehash(): void {
    const slots = new Int32Array(this.#slots.length * 2);
    const mask = slots.length - 1;
    for (let entry = 0; entry < this.#size; entry++) {
      let slot = this.#hashes[entry] & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = entry + 1;
    }
    this.#slots = slots;
  }
}
