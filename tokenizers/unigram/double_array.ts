/**
 * A trie over byte strings as a double array: one 32-bit load for each step.
 *
 * The child of a node for byte b is the slot `offset ^ b`. A slot holds its own byte (bits 0–8, 256 where empty), whether a
 * string ends there (bit 9) and its children's offset (bits 10–31). No two nodes share an offset, so comparing the byte
 * suffices, and children lie in one block of 256 slots.
 */
import { grown } from "./grown.ts";

export const byteMask = 0x1ff;
export const endFlag = 0x200;
export const offsetShift = 10;
const empty = 0x100;
const blockSize = 256;
/** Nearly full blocks cost searches that find nothing: only the last few are searched. */
const openBlocks = 16;
const most = 2 ** (32 - offsetShift);

/** Byte strings, joined: string i is `pool[starts[i] … starts[i + 1]]`. */
export interface ByteStrings {
  readonly pool: Uint8Array<ArrayBuffer>;
  readonly starts: Int32Array<ArrayBuffer>;
}

export interface DoubleArray {
  /** Offset of the root's children. */
  readonly root: number;
  readonly slots: Uint32Array;
  /** By slot: index of the string that ends there, or -1. */
  readonly values: Int32Array;
}

/**
 * Builds the trie of strings in any order.
 *
 * @throws RangeError for an empty string, for one that occurs twice, and for more nodes than fit (4 million)
 */
export function buildDoubleArray({ pool, starts }: ByteStrings): DoubleArray {
  const count = starts.length - 1;
  const sorter = new ByteSorter({ pool, starts });
  const space = new Slots();
  // Nodes that wait for their children: slot (-1 for the root), strings `from … to` of the order, bytes read so far.
  let waiting: Int32Array<ArrayBuffer> = Int32Array.of(-1, 0, count, 0);
  let height = 4;
  const labels = new Uint8Array(blockSize);
  const firsts = new Int32Array(blockSize + 1);
  let root = 0;
  while (height > 0) {
    height -= 4;
    const slot = waiting[height];
    let from = waiting[height + 1];
    const to = waiting[height + 2];
    const depth = waiting[height + 3];
    const width = sorter.group(from, to, depth, labels, firsts);
    if (firsts[0] > from) {
      const i = sorter.order[from];
      if (firsts[0] - from > 1) fail(pool, starts, i, "strings that differ", "it twice");
      if (slot < 0) fail(pool, starts, i, "strings that are not empty", "an empty one");
      space.end(slot, i);
      from = firsts[0];
    }
    if (width === 0) continue;
    const offset = space.reserve(labels, width);
    if (slot < 0) root = offset;
    else space.link(slot, offset);
    waiting = grown(waiting, height + 4 * width);
    for (let k = 0; k < width; k++) {
      waiting[height++] = offset ^ labels[k];
      waiting[height++] = firsts[k];
      waiting[height++] = firsts[k + 1];
      waiting[height++] = depth + 1;
    }
  }
  return {
    root,
    slots: space.slots.slice(0, space.size),
    values: space.values.slice(0, space.size),
  };
}

function fail(
  pool: Uint8Array,
  starts: Int32Array,
  i: number,
  expected: string,
  found: string,
): never {
  const text = new TextDecoder().decode(pool.subarray(starts[i], starts[i + 1]));
  throw new RangeError(
    `Cannot build a trie: expected ${expected}, found ${found} (${JSON.stringify(text)})`,
  );
}

/** Strings in an order in which those with the same first bytes stand together. The order is made step by step, as it is asked for. */
class ByteSorter {
  readonly order: Int32Array;
  readonly #pool: Uint8Array;
  readonly #starts: Int32Array;
  readonly #spare: Int32Array;
  readonly #counts = new Int32Array(blockSize);

  constructor({ pool, starts }: ByteStrings) {
    this.#pool = pool;
    this.#starts = starts;
    this.order = new Int32Array(starts.length - 1);
    for (let i = 0; i < this.order.length; i++) this.order[i] = i;
    this.#spare = new Int32Array(this.order.length);
  }

  /**
   * Groups strings `from … to`, which share `depth` bytes, by the next one: those that end here come first, then group k
   * with byte `labels[k]` at `firsts[k] … firsts[k + 1]`. Returns the number of groups.
   */
  group(from: number, to: number, depth: number, labels: Uint8Array, firsts: Int32Array): number {
    const { order } = this;
    let at = from;
    for (let i = from; i < to; i++) {
      const string = order[i];
      if (this.#starts[string] + depth < this.#starts[string + 1]) continue;
      order[i] = order[at];
      order[at++] = string;
    }
    firsts[0] = at;
    if (at === to) return 0;
    const label = this.#byte(order[at], depth);
    let i = at + 1;
    while (i < to && this.#byte(order[i], depth) === label) i++;
    if (i < to) return this.#sort(at, to, depth, labels, firsts);
    labels[0] = label;
    firsts[1] = to;
    return 1;
  }

  #sort(from: number, to: number, depth: number, labels: Uint8Array, firsts: Int32Array): number {
    const { order } = this;
    const [counts, spare] = [this.#counts, this.#spare];
    if (to - from > 24) counts.fill(0);
    else for (let i = from; i < to; i++) counts[this.#byte(order[i], depth)] = 0;
    // The bytes met, ascending.
    let width = 0;
    for (let i = from; i < to; i++) {
      const byte = this.#byte(order[i], depth);
      spare[i] = order[i];
      if (counts[byte]++ > 0) continue;
      let k = width++;
      for (; k > 0 && labels[k - 1] > byte; k--) labels[k] = labels[k - 1];
      labels[k] = byte;
    }
    for (let k = 0, at = from; k < width; k++) {
      firsts[k] = at;
      at += counts[labels[k]];
      counts[labels[k]] = firsts[k];
    }
    firsts[width] = to;
    for (let i = from; i < to; i++) order[counts[this.#byte(spare[i], depth)]++] = spare[i];
    return width;
  }

  #byte(string: number, depth: number): number {
    return this.#pool[this.#starts[string] + depth];
  }
}

/** Slots given out so far. */
class Slots {
  slots: Uint32Array<ArrayBuffer> = new Uint32Array(0);
  values: Int32Array<ArrayBuffer> = new Int32Array(0);
  #isOffset: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  // Free slots of the open blocks, as a ring through slot 0, which stays unused: offset 0 stands for "no children".
  #next: Int32Array<ArrayBuffer> = new Int32Array(0);
  #before: Int32Array<ArrayBuffer> = new Int32Array(0);
  #blocks = 0;

  constructor() {
    this.#addBlock();
  }

  get size(): number {
    return this.#blocks * blockSize;
  }

  /** An unused offset whose slots for the first `width` labels are free, and are now taken. */
  reserve(labels: Uint8Array, width: number): number {
    const [slots, isOffset, next] = [this.slots, this.#isOffset, this.#next];
    const first = labels[0];
    search: for (let slot = next[0]; slot !== 0; slot = next[slot]) {
      const offset = slot ^ first;
      if (isOffset[offset] !== 0) continue;
      for (let k = 1; k < width; k++) {
        if (slots[offset ^ labels[k]] !== empty) continue search;
      }
      return this.#take(offset, labels, width);
    }
    const offset = this.#blocks * blockSize;
    this.#addBlock();
    return this.#take(offset, labels, width);
  }

  /** A string ends at a slot. */
  end(slot: number, value: number): void {
    this.slots[slot] |= endFlag;
    this.values[slot] = value;
  }

  link(slot: number, children: number): void {
    this.slots[slot] |= children << offsetShift;
  }

  #take(offset: number, labels: Uint8Array, width: number): number {
    this.#isOffset[offset] = 1;
    for (let k = 0; k < width; k++) {
      const slot = offset ^ labels[k];
      this.slots[slot] = labels[k];
      this.#remove(slot);
    }
    return offset;
  }

  #remove(slot: number): void {
    const next = this.#next[slot];
    const before = this.#before[slot];
    this.#next[before] = next;
    this.#before[next] = before;
  }

  #addBlock(): void {
    const from = this.#blocks * blockSize;
    const to = from + blockSize;
    if (to > most) throw new RangeError(`Cannot build a trie: expected fewer than ${most} nodes`);
    this.slots = grown(this.slots, to);
    this.values = grown(this.values, to);
    this.#isOffset = grown(this.#isOffset, to);
    this.#next = grown(this.#next, to);
    this.#before = grown(this.#before, to);
    this.slots.fill(empty, from);
    this.values.fill(-1, from);
    for (let slot = Math.max(from, 1); slot < to; slot++) {
      const last = this.#before[0];
      this.#next[last] = slot;
      this.#before[slot] = last;
      this.#next[slot] = 0;
      this.#before[0] = slot;
    }
    if (from === 0) {
      this.slots[0] = labelOfNone;
      this.#isOffset[0] = 1;
    }
    const closed = this.#blocks++ - openBlocks;
    if (closed < 0) return;
    for (let slot = Math.max(closed * blockSize, 1); slot < (closed + 1) * blockSize; slot++) {
      if (this.slots[slot] === empty) this.#remove(slot);
    }
  }
}

/** Content of slot 0, which is neither free nor any byte. */
const labelOfNone = empty | 1;
