/**
 * A table of numbers by numbers, in typed arrays. A `Map` holds at most 2^24 entries, which a text of that many tokens can reach.
 */

/** A table that is fuller than this is doubled. */
const mostLoad = 0.6;

/** An entry takes 12 bytes, and at most 40 while the table is being doubled. */
export class NumberTable {
  /** −1 marks a free place. */
  #keys = new Float64Array(1024).fill(-1);
  #values = new Uint32Array(1024);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The value of a key; 0 for one that was never added to. @param key a whole number from 0 below 2^53 */
  get(key: number): number {
    return this.#values[this.#placeOf(key)];
  }

  /** Adds to the value of a key. @returns the new value */
  add(key: number, amount = 1): number {
    if (this.#size >= mostLoad * this.#keys.length) this.#grow();
    const place = this.#placeOf(key);
    if (this.#keys[place] < 0) {
      this.#keys[place] = key;
      this.#size++;
    }
    return this.#values[place] += amount;
  }

  /** Where a key is, or the free place where it would be. */
  #placeOf(key: number): number {
    const mask = this.#keys.length - 1;
    const low = Math.imul(key % 2 ** 32, 0x9e3779b1);
    const high = Math.imul(Math.floor(key / 2 ** 32), 0x85ebca6b);
    let place = (low ^ high ^ (low >>> 15)) & mask;
    while (this.#keys[place] >= 0 && this.#keys[place] !== key) place = (place + 1) & mask;
    return place;
  }

  #grow(): void {
    const [keys, values] = [this.#keys, this.#values];
    this.#keys = new Float64Array(2 * keys.length).fill(-1);
    this.#values = new Uint32Array(2 * keys.length);
    keys.forEach((key, from) => {
      if (key < 0) return;
      const place = this.#placeOf(key);
      this.#keys[place] = key;
      this.#values[place] = values[from];
    });
  }
}
