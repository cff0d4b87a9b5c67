/**
 * Substrings of the segments that may become pieces: those that occur at least twice and are commoner than each longer one
 * that begins with them.
 *
 * Places are sorted by what begins there, group by group: a group shares its first characters, and is told apart by the next
 * one. A group with a choice of next characters is such a substring; a place that is alone needs no further look. This takes
 * the place of a suffix array, and groups of different first characters can be sorted by different threads.
 */
import { maxSegmentLength } from "./config.ts";
import { grown } from "./grown.ts";
import type { Range } from "./lattice.ts";
import type { Segments } from "./segments.ts";

/** The segments as a row of places, on shared memory when threads take part. */
export interface PlacedText {
  /** By place: the character, and `~s` behind segment s, which begins at `segments.starts[s] + s`. */
  readonly text: Int32Array;
  /** Occurrences of each segment. */
  readonly counts: Float64Array;
  /** All places of characters, grouped by their character; each thread sorts its share. */
  readonly sorted: Int32Array;
  /** By character: its group is `sorted[groups[c] … groups[c + 1]]`. */
  readonly groups: Int32Array;
}

/** Tells places apart whose segments end. */
const endOfSegment = -1;

/** Substrings in the order of their characters, each before those that begin with it. */
export interface Substrings {
  readonly size: number;
  /** Substring s begins at the places `sorted[from[s] … to[s]]`. */
  readonly from: Int32Array<ArrayBuffer>;
  readonly to: Int32Array<ArrayBuffer>;
  /** Characters: 1 for those of the alphabet, which are all there. */
  readonly length: Uint8Array<ArrayBuffer>;
  /** Occurrences, segments counted as often as they occur. */
  readonly frequency: Float64Array<ArrayBuffer>;
}

/** Gives memory for an array, zero at first: shared memory where threads are to see it. */
export type Allocate = (bytes: number) => ArrayBufferLike;

/** Lays segments out as places, grouped by their characters. */
export function placeText(
  { alphabet, characters, starts, counts }: Segments,
  allocate: Allocate,
): PlacedText {
  const size = characters.length + counts.length;
  const text = new Int32Array(allocate(size * 4));
  const groups = new Int32Array(alphabet.length + 1);
  for (let s = 0, place = 0; s < counts.length; s++) {
    for (let i = starts[s]; i < starts[s + 1]; i++) {
      text[place++] = characters[i];
      groups[characters[i] + 1]++;
    }
    text[place++] = ~s;
  }
  for (let c = 0; c < alphabet.length; c++) groups[c + 1] += groups[c];
  const sorted = new Int32Array(allocate(characters.length * 4));
  const next = groups.slice();
  for (let place = 0; place < size; place++) {
    const character = text[place];
    if (character >= 0) sorted[next[character]++] = place;
  }
  return { text, counts, sorted, groups };
}

/** Groups up to this size are sorted by insertion. */
const smallGroup = 20;

/** Sorts the places of a range of characters, and finds the substrings of up to `maxLength` characters that begin there. */
export function findSubstrings(
  { text, counts, sorted, groups }: PlacedText,
  maxLength: number,
  range: Range,
): Substrings {
  const [first, last] = [groups[range.from], groups[range.to]];
  let most = 0; // places of a character
  for (let c = range.from; c < range.to; c++) most = Math.max(most, groups[c + 1] - groups[c]);
  let base = 0; // where the places of the character at hand begin
  const keys = new Int32Array(most); // by place in the order so far, from `base`: the character that tells a group apart
  const room = new Int32Array(most);
  const sizes = new Int32Array(groups.length); // by character + 1: places in the group at hand
  const order = new Int32Array(groups.length); // characters + 1 of the group at hand
  const found = new SubstringList(range.to - range.from + ((last - first) >> 1));
  for (let character = range.from; character < range.to; character++) {
    base = groups[character];
    found.add(base, groups[character + 1], 1);
    if (base < groups[character + 1]) divide(base, groups[character + 1], 1);
  }
  return found.finish(frequencies);

  /** Finds the substrings that begin as the places of a group do, which share `length` characters. */
  function divide(from: number, to: number, length: number): void {
    if (to - from === 1) {
      alone(from, length);
      return;
    }
    for (; length < maxLength && isUnanimous(from, to, length); length++);
    if (length > 1) found.add(from, to, length);
    if (length === maxLength) return;
    if (to - from <= smallGroup) insert(from, to, length);
    else distribute(from, to, length);
    for (let start = from; start < to;) {
      const key = keys[start - base];
      let end = start + 1;
      while (end < to && keys[end - base] === key) end++;
      if (key !== endOfSegment) divide(start, end, length + 1);
      start = end;
    }
  }

  /** Whether all places of a group go on with the same character. */
  function isUnanimous(from: number, to: number, length: number): boolean {
    const key = text[sorted[from] + length];
    if (key < 0) return false;
    for (let i = from + 1; i < to; i++) if (text[sorted[i] + length] !== key) return false;
    return true;
  }

  /** A substring of a single place occurs twice if its segment does; it goes on as far as it can. */
  function alone(at: number, length: number): void {
    const place = sorted[at];
    if (weightOf(place) < 2) return;
    while (length < maxLength && text[place + length] >= 0) length++;
    if (length > 1) found.add(at, at + 1, length);
  }

  function insert(from: number, to: number, length: number): void {
    for (let i = from; i < to; i++) {
      const place = sorted[i];
      const key = Math.max(text[place + length], endOfSegment);
      let at = i;
      for (; at > from && keys[at - 1 - base] > key; at--) {
        keys[at - base] = keys[at - 1 - base];
        sorted[at] = sorted[at - 1];
      }
      keys[at - base] = key;
      sorted[at] = place;
    }
  }

  /** Sorts by counting. */
  function distribute(from: number, to: number, length: number): void {
    let distinct = 0;
    for (let i = from; i < to; i++) {
      const place = sorted[i];
      const key = Math.max(text[place + length], endOfSegment) + 1;
      if (sizes[key]++ === 0) order[distinct++] = key;
      keys[i - base] = key;
      room[i - base] = place;
    }
    sortFirst(order, distinct);
    for (let k = 0, next = from; k < distinct; k++) {
      const size = sizes[order[k]];
      sizes[order[k]] = next;
      next += size;
    }
    for (let i = from - base; i < to - base; i++) sorted[sizes[keys[i]]++] = room[i];
    for (let k = 0, at = from; k < distinct; k++) {
      const end = sizes[order[k]];
      keys.fill(order[k] - 1, at - base, end - base);
      sizes[order[k]] = 0;
      at = end;
    }
  }

  /** Occurrences of the segment of a place. */
  function weightOf(place: number): number {
    let at = place + 1;
    while (text[at] >= 0) at++;
    return counts[~text[at]];
  }

  /** Of substrings in their order: the weights of their places. */
  function frequencies(size: number, from: Int32Array, to: Int32Array): Float64Array<ArrayBuffer> {
    const frequency = new Float64Array(size);
    const open = new Int32Array(maxSegmentLength + 1); // substrings that go on, each the beginning of the next
    let sum = 0; // of the weights so far: whole numbers
    for (let i = first, s = 0, depth = 0; i <= last; i++) {
      while (depth > 0 && to[open[depth - 1]] === i) {
        const closed = open[--depth];
        frequency[closed] = sum - frequency[closed];
      }
      for (; s < size && from[s] === i; s++) {
        if (to[s] === i) continue;
        frequency[s] = sum;
        open[depth++] = s;
      }
      if (i < last) sum += weightOf(sorted[i]);
    }
    return frequency;
  }
}

/** Sorts the first items of an array. */
function sortFirst(items: Int32Array, count: number): void {
  if (count > smallGroup) {
    items.subarray(0, count).sort();
    return;
  }
  for (let i = 1; i < count; i++) {
    const item = items[i];
    let at = i;
    for (; at > 0 && items[at - 1] > item; at--) items[at] = items[at - 1];
    items[at] = item;
  }
}

/** Columns that grow together. */
class SubstringList {
  #size = 0;
  #from: Int32Array<ArrayBuffer>;
  #to: Int32Array<ArrayBuffer>;
  #length: Uint8Array<ArrayBuffer>;

  constructor(capacity: number) {
    this.#from = new Int32Array(capacity);
    this.#to = new Int32Array(capacity);
    this.#length = new Uint8Array(capacity);
  }

  add(from: number, to: number, length: number): void {
    const s = this.#size++;
    if (s === this.#from.length) {
      this.#from = grown(this.#from, s + 1);
      this.#to = grown(this.#to, s + 1);
      this.#length = grown(this.#length, s + 1);
    }
    this.#from[s] = from;
    this.#to[s] = to;
    this.#length[s] = length;
  }

  finish(
    frequencies: (size: number, from: Int32Array, to: Int32Array) => Float64Array<ArrayBuffer>,
  ): Substrings {
    const [size, from, to, length] = [this.#size, this.#from, this.#to, this.#length];
    return { size, from, to, length, frequency: frequencies(size, from, to) };
  }
}
