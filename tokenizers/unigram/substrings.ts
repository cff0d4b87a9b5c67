/**
 * Substrings of the segments, grown by one character a time: a place is followed only while its substring occurs twice.
 *
 * This takes the place of a suffix array, gives each substring's frequency, and remembers which substrings begin where,
 * so that the lattice needs no search.
 */
import type { Segments } from "./segments.ts";

export interface Substrings {
  /** Number of substrings. The first are the alphabet's characters. */
  readonly size: number;
  /** By substring: occurrences, segments counted as often as they occur. */
  readonly frequency: Float64Array;
  /** By substring: frequency of its commonest extension by one character to the right, 0 without one. */
  readonly extension: Float64Array;
  /** By substring: characters. */
  readonly length: Uint8Array;
  /** By substring: one place where it begins. */
  readonly place: Int32Array;
  /** By length, from 1: what begins where. */
  readonly levels: readonly Level[];
}

interface Level {
  /** Places, ascending. */
  readonly places: Int32Array;
  /** The substring of this level's length at each of `places`. */
  readonly substrings: Int32Array;
}

/** All substrings of one character, and those of up to `maxLength` characters that occur at least twice. */
export function growSubstrings(segments: Segments, maxLength: number): Substrings {
  const { alphabet, characters, starts, counts } = segments;
  const segmentOf = new Int32Array(characters.length);
  for (let s = 0; s < counts.length; s++) segmentOf.fill(s, starts[s], starts[s + 1]);

  const grown = new SubstringTable(alphabet.length);
  characters.forEach((character, place) => {
    grown.frequency[character] += counts[segmentOf[place]];
    grown.place[character] = place;
  });
  grown.length.fill(1, 0, alphabet.length);
  let level: Level = {
    places: new Int32Array(characters.length).map((_, place) => place),
    substrings: characters,
  };
  const levels = [level];
  for (let length = 1; length < maxLength && level.places.length > 0; length++) {
    level = extend(level, length);
    levels.push(level);
  }
  const { size, frequency, extension, length, place } = grown;
  return { size, frequency, extension, length, place, levels };

  /** One hash look-up for every place of a level: (substring, next character) → longer substring. */
  function extend({ places, substrings }: Level, length: number): Level {
    const first = grown.size;
    const mask = 2 ** Math.ceil(Math.log2(places.length * 2 + 2)) - 1;
    const slots = new Int32Array(mask + 1); // longer substring + 1, 0 where empty
    const parent = new Int32Array(places.length);
    const added = new Int32Array(places.length);
    const found = new Int32Array(places.length);
    for (let i = 0; i < places.length; i++) {
      const next = places[i] + length;
      const segment = segmentOf[places[i]];
      if (next >= starts[segment + 1]) {
        found[i] = -1;
        continue;
      }
      const character = characters[next];
      let hash = Math.imul(substrings[i], 0x9e3779b1) ^ Math.imul(character, 0x85ebca6b);
      hash ^= hash >>> 15;
      let slot = Math.imul(hash, 0x2c1b3c6d) >>> 7 & mask;
      let longer = slots[slot] - 1;
      while (longer >= 0) {
        const k = longer - first;
        if (parent[k] === substrings[i] && added[k] === character) break;
        slot = (slot + 1) & mask;
        longer = slots[slot] - 1;
      }
      if (longer < 0) {
        longer = grown.add(length + 1, places[i]);
        parent[longer - first] = substrings[i];
        added[longer - first] = character;
        slots[slot] = longer + 1;
      }
      grown.frequency[longer] += counts[segment];
      found[i] = longer;
    }
    return keepRepeated(places, found, parent, first);
  }

  /** Forgets what occurs once, numbers the rest anew and tells each parent its commonest extension. */
  function keepRepeated(
    places: Int32Array,
    found: Int32Array,
    parent: Int32Array,
    first: number,
  ): Level {
    const renumbered = new Int32Array(grown.size - first);
    let kept = first;
    for (let longer = first; longer < grown.size; longer++) {
      const frequency = grown.frequency[longer];
      renumbered[longer - first] = frequency < 2 ? -1 : kept;
      if (frequency < 2) continue;
      const shorter = parent[longer - first];
      grown.extension[shorter] = Math.max(grown.extension[shorter], frequency);
      grown.move(longer, kept++);
    }
    grown.truncate(kept);
    let alive = 0;
    const keptPlaces = new Int32Array(places.length);
    const keptSubstrings = new Int32Array(places.length);
    for (let i = 0; i < places.length; i++) {
      const substring = found[i] < 0 ? -1 : renumbered[found[i] - first];
      if (substring < 0) continue;
      keptPlaces[alive] = places[i];
      keptSubstrings[alive++] = substring;
    }
    return { places: keptPlaces.slice(0, alive), substrings: keptSubstrings.slice(0, alive) };
  }
}

/** Columns that grow together. */
class SubstringTable {
  size: number;
  frequency: Float64Array;
  extension: Float64Array;
  length: Uint8Array;
  place: Int32Array;

  constructor(size: number) {
    const capacity = Math.max(1 << 16, size);
    this.size = size;
    this.frequency = new Float64Array(capacity);
    this.extension = new Float64Array(capacity);
    this.length = new Uint8Array(capacity);
    this.place = new Int32Array(capacity);
  }

  add(length: number, place: number): number {
    if (this.size === this.length.length) this.#grow();
    this.length[this.size] = length;
    this.place[this.size] = place;
    return this.size++;
  }

  move(from: number, to: number): void {
    this.frequency[to] = this.frequency[from];
    this.length[to] = this.length[from];
    this.place[to] = this.place[from];
  }

  truncate(size: number): void {
    this.frequency.fill(0, size, this.size);
    this.size = size;
  }

  #grow(): void {
    const { frequency, extension, length, place } = this;
    (this.frequency = new Float64Array(this.size * 2)).set(frequency);
    (this.extension = new Float64Array(this.size * 2)).set(extension);
    (this.length = new Uint8Array(this.size * 2)).set(length);
    (this.place = new Int32Array(this.size * 2)).set(place);
  }
}
