/**
 * Substrings of the segments that may become pieces: those that occur at least twice and are commoner than each longer one
 * that begins with them.
 *
 * Places are sorted by the text that begins there, group by group: a group shares its first characters, and is told apart by the next
 * one. A group with a choice of next characters is such a substring; a place that is alone needs no further look. This takes
 * the place of a suffix array, and groups of different first characters can be sorted by different threads.
 */
import { maxSegmentLength } from "./config.ts";
import type { Range } from "./lattice.ts";
import { type Allocate, zeros } from "./memory.ts";
import { type Segments, weightsOf } from "./segments.ts";

/** Segments and their places, on shared memory when threads take part. */
export interface GroupedPlaces {
  readonly segments: Segments;
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
  readonly from: Int32Array;
  readonly to: Int32Array;
  /** Characters: 1 for those of the alphabet, which are all there. */
  readonly length: Uint8Array;
  /** Occurrences, segments counted as often as they occur. */
  readonly frequency: Float64Array;
}

/** Groups the places of segments by their characters. */
export function groupPlaces(segments: Segments, allocate: Allocate): GroupedPlaces {
  const { alphabet, text } = segments;
  const groups = new Int32Array(alphabet.length + 1);
  for (let place = 0; place < text.length; place++) {
    if (text[place] >= 0) groups[text[place] + 1]++;
  }
  for (let c = 0; c < alphabet.length; c++) groups[c + 1] += groups[c];
  const sorted = allocate(Int32Array, groups[alphabet.length]);
  const next = groups.slice();
  for (let place = 0; place < text.length; place++) {
    const character = text[place];
    if (character >= 0) sorted[next[character]++] = place;
  }
  return { segments, sorted, groups };
}

/** Groups up to this size are sorted by insertion. */
const smallGroup = 20;

/** Sorts the places of a range of characters, and finds the substrings of up to `maxLength` characters that begin there. */
export function findSubstrings(
  { segments, sorted, groups }: GroupedPlaces,
  maxLength: number,
  range: Range,
): Substrings {
  const { text } = segments;
  const weightOf = weightsOf(segments);
  const [first, last] = [groups[range.from], groups[range.to]];
  let most = 0; // places of a character
  for (let c = range.from; c < range.to; c++) most = Math.max(most, groups[c + 1] - groups[c]);
  let base = 0; // where the places of the current character begin
  const keys = zeros(Int32Array, most); // by place in the order so far, from `base`: the character that tells a group apart
  const room = zeros(Int32Array, most);
  const sizes = new Int32Array(groups.length); // by character + 1: places in the current group
  const order = new Int32Array(groups.length); // characters + 1 of the current group
  const isShared = sorted.buffer instanceof SharedArrayBuffer;
  const allocate: Allocate = (Kind, length) => zeros(Kind, length, isShared);
  const found = new SubstringList(range.to - range.from + ((last - first) >> 1), allocate);
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

  /** Of substrings in their order: the weights of their places. */
  function frequencies(size: number, from: Int32Array, to: Int32Array): Float64Array {
    const frequency = allocate(Float64Array, size);
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

/** Columns that grow together. Room that is not used yet takes no memory: systems give it when it is written to. */
class SubstringList {
  #size = 0;
  #capacity = 0;
  #from: Int32Array = new Int32Array(0);
  #to: Int32Array = new Int32Array(0);
  #length: Uint8Array = new Uint8Array(0);
  readonly #allocate: Allocate;

  constructor(capacity: number, allocate: Allocate) {
    this.#allocate = allocate;
    this.#grow(capacity);
  }

  add(from: number, to: number, length: number): void {
    const s = this.#size++;
    if (s === this.#capacity) this.#grow(2 * s);
    this.#from[s] = from;
    this.#to[s] = to;
    this.#length[s] = length;
  }

  finish(
    frequencies: (size: number, from: Int32Array, to: Int32Array) => Float64Array,
  ): Substrings {
    const [size, from, to, length] = [this.#size, this.#from, this.#to, this.#length];
    return { size, from, to, length, frequency: frequencies(size, from, to) };
  }

  #grow(capacity: number): void {
    const [from, to, length] = [this.#from, this.#to, this.#length];
    (this.#from = this.#allocate(Int32Array, capacity)).set(from);
    (this.#to = this.#allocate(Int32Array, capacity)).set(to);
    (this.#length = this.#allocate(Uint8Array, capacity)).set(length);
    this.#capacity = capacity;
  }
}
