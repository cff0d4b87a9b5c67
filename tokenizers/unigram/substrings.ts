/**
 * Substrings of the segments, grown by one character a time: a place is followed only while its substring occurs twice.
 *
 * This takes the place of a suffix array, gives each substring's frequency, and remembers which substrings begin where,
 * so that the lattice needs no search. Places stand grouped by their substring, so the next character tells the longer
 * substrings of a group apart: no hash table, and memory is read nearly in order.
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
  /** By length, from 1: where substrings begin; those are left out that always go on with the same character. */
  readonly levels: readonly Level[];
}

/** Substrings of one length. */
interface Level {
  readonly substrings: Int32Array;
  /** Substring `substrings[k]` begins at `places[starts[k] … starts[k + 1]]`. */
  readonly starts: Int32Array;
  readonly places: Int32Array;
}

/** All substrings of one character, and those of up to `maxLength` characters that occur at least twice. */
export function growSubstrings(segments: Segments, maxLength: number): Substrings {
  const { alphabet, characters, starts, counts } = segments;
  const following = new Int32Array(characters.length); // by place: the next character, -1 at a segment's end
  const weight = new Float64Array(characters.length); // by place: occurrences of its segment
  following.set(characters.subarray(1));
  for (let s = 0; s < counts.length; s++) {
    weight.fill(counts[s], starts[s], starts[s + 1]);
    if (starts[s + 1] > starts[s]) following[starts[s + 1] - 1] = -1;
  }
  const grown = new SubstringTable(alphabet.length);
  let level = singleCharacters();
  const levels = [level];
  for (let length = 1; length < maxLength && level.places.length > 0; length++) {
    level = extend(level, length);
    if (length > 1) levels[length - 1] = withoutPrefixes(levels[length - 1]);
    levels.push(level);
  }
  const { size, frequency, extension, length, place } = grown;
  return { size, frequency, extension, length, place, levels };

  function singleCharacters(): Level {
    const sizes = new Int32Array(alphabet.length);
    for (let place = 0; place < characters.length; place++) {
      const character = characters[place];
      grown.frequency[character] += weight[place];
      grown.place[character] = place;
      sizes[character]++;
    }
    grown.length.fill(1, 0, alphabet.length);
    const level = emptyLevel(sizes);
    for (let i = 0; i < level.substrings.length; i++) level.substrings[i] = i;
    const next = level.starts.slice();
    for (let place = 0; place < characters.length; place++) {
      level.places[next[characters[place]]++] = place;
    }
    return level;
  }

  /** Forgets places of substrings that always go on with the same character: they make no seeds, and are most of all. */
  function withoutPrefixes({ substrings, starts, places }: Level): Level {
    const isKept = (s: number) => grown.extension[s] < grown.frequency[s];
    let [n, length] = [0, 0];
    for (let k = 0; k < substrings.length; k++) {
      if (!isKept(substrings[k])) continue;
      n++;
      length += starts[k + 1] - starts[k];
    }
    const kept: Level = {
      substrings: new Int32Array(n),
      starts: new Int32Array(n + 1),
      places: new Int32Array(length),
    };
    [n, length] = [0, 0];
    for (let k = 0; k < substrings.length; k++) {
      if (!isKept(substrings[k])) continue;
      kept.substrings[n++] = substrings[k];
      for (let i = starts[k]; i < starts[k + 1]; i++) kept.places[length++] = places[i];
      kept.starts[n] = length;
    }
    return kept;
  }

  /** Tells the places of each substring apart by the next character, and keeps what occurs twice. */
  function extend({ substrings, starts, places }: Level, length: number): Level {
    const first = grown.size;
    const found = new Int32Array(places.length); // by place: the longer substring - first, -1 for none
    const seenBy = new Int32Array(alphabet.length).fill(-1); // by character: the last group that it followed
    const longerOf = new Int32Array(alphabet.length);
    let sizes: Int32Array<ArrayBuffer> = new Int32Array(1 << 12); // by longer substring: places
    let parents: Int32Array<ArrayBuffer> = new Int32Array(1 << 12);
    for (let k = 0; k < substrings.length; k++) {
      const end = starts[k + 1];
      for (let i = starts[k]; i < end; i++) {
        const place = places[i];
        const character = following[place + length - 1];
        if (character < 0) {
          found[i] = -1;
          continue;
        }
        if (seenBy[character] !== k) {
          seenBy[character] = k;
          const longer = longerOf[character] = grown.add(length + 1, place) - first;
          sizes = doubled(sizes, longer);
          parents = doubled(parents, longer);
          parents[longer] = substrings[k];
        }
        const longer = longerOf[character];
        grown.frequency[first + longer] += weight[place];
        sizes[longer]++;
        found[i] = longer;
      }
    }
    return keepRepeated(places, found, sizes, parents, first);
  }

  /** Forgets what occurs once, numbers the rest anew and tells each parent its commonest extension. */
  function keepRepeated(
    places: Int32Array,
    found: Int32Array,
    sizes: Int32Array,
    parents: Int32Array,
    first: number,
  ): Level {
    const { frequency, extension } = grown;
    const renumbered = new Int32Array(grown.size - first);
    let kept = 0;
    for (let longer = 0; longer < renumbered.length; longer++) {
      const occurrences = frequency[first + longer];
      if (occurrences < 2) {
        renumbered[longer] = -1;
        continue;
      }
      const shorter = parents[longer];
      if (occurrences > extension[shorter]) extension[shorter] = occurrences;
      grown.move(first + longer, first + kept);
      sizes[kept] = sizes[longer];
      renumbered[longer] = kept++;
    }
    grown.truncate(first + kept);
    const level = emptyLevel(sizes.subarray(0, kept));
    for (let k = 0; k < kept; k++) level.substrings[k] = first + k;
    const next = level.starts.slice();
    for (let i = 0; i < found.length; i++) {
      if (found[i] < 0) continue;
      const k = renumbered[found[i]];
      if (k >= 0) level.places[next[k]++] = places[i];
    }
    return level;
  }
}

/** Room for groups of given sizes. */
function emptyLevel(sizes: Int32Array): Level {
  const starts = new Int32Array(sizes.length + 1);
  for (let k = 0; k < sizes.length; k++) starts[k + 1] = starts[k] + sizes[k];
  return {
    substrings: new Int32Array(sizes.length),
    starts,
    places: new Int32Array(starts[sizes.length]),
  };
}

/** The array, twice as long if it ends before `index`. */
function doubled(array: Int32Array<ArrayBuffer>, index: number): Int32Array<ArrayBuffer> {
  if (index < array.length) return array;
  const longer = new Int32Array(array.length * 2);
  longer.set(array);
  return longer;
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
