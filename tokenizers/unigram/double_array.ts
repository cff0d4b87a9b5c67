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

export interface DoubleArray {
  /** Offset of the root's children. */
  readonly root: number;
  readonly slots: Uint32Array;
  /** By slot: index of the string that ends there. */
  readonly values: Int32Array;
}

/** Builds the trie of strings that are distinct, not empty and sorted by bytes. */
export function buildDoubleArray(strings: readonly Uint8Array[]): DoubleArray {
  const space = new Slots();
  const root = place(0, strings.length, 0);
  return { root, slots: space.slots, values: space.values };

  /** Places the children of the node that strings `from … to` reach at `depth`; returns their offset. */
  function place(from: number, to: number, depth: number): number {
    if (from < to && strings[from].length === depth) from++; // the string that ends at this node
    const labels: number[] = [];
    const firsts: number[] = [];
    for (let i = from; i < to; i++) {
      const label = strings[i][depth];
      if (labels.at(-1) === label) continue;
      labels.push(label);
      firsts.push(i);
    }
    if (labels.length === 0) return 0;
    const offset = space.reserve(labels);
    for (const [k, label] of labels.entries()) {
      const first = firsts[k];
      const children = place(first, firsts[k + 1] ?? to, depth + 1);
      const isEnd = strings[first].length === depth + 1;
      space.fill(offset ^ label, label, children, isEnd ? first : -1);
    }
    return offset;
  }
}

/** Slots given out so far. */
class Slots {
  slots: Uint32Array<ArrayBuffer> = new Uint32Array(0);
  values: Int32Array<ArrayBuffer> = new Int32Array(0);
  #isOffset: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  readonly #free: number[] = []; // by block: slots not given out
  #firstOpen = 0; // blocks before this one are full enough to be passed by

  constructor() {
    this.#addBlock();
  }

  /** An unused offset whose slots for all `labels` are free, and are now taken. */
  reserve(labels: readonly number[]): number {
    // Nearly full blocks cost searches that find nothing: only the last few are tried.
    const oldest = Math.max(this.#firstOpen, this.#free.length - 16);
    for (let block = oldest; block < this.#free.length; block++) {
      if (this.#free[block] < labels.length) continue;
      for (let offset = block * blockSize; offset < (block + 1) * blockSize; offset++) {
        if (this.#fits(offset, labels)) return this.#take(offset, labels);
      }
    }
    const block = this.#free.length;
    this.#addBlock();
    return this.#take(block * blockSize, labels);
  }

  fill(slot: number, label: number, children: number, value: number): void {
    this.slots[slot] = ((children << offsetShift) | (value >= 0 ? endFlag : 0) | label) >>> 0;
    this.values[slot] = value;
  }

  #fits(offset: number, labels: readonly number[]): boolean {
    if (this.#isOffset[offset] !== 0 || offset === 0) return false; // 0 stands for "no children"
    for (const label of labels) {
      if (this.slots[offset ^ label] !== empty) return false;
    }
    return true;
  }

  #take(offset: number, labels: readonly number[]): number {
    this.#isOffset[offset] = 1;
    const block = offset >>> 8;
    this.#free[block] -= labels.length;
    for (const label of labels) this.slots[offset ^ label] = label;
    while (this.#free[this.#firstOpen] === 0) this.#firstOpen++;
    return offset;
  }

  #addBlock(): void {
    const from = this.#free.length * blockSize;
    if (from + blockSize > 2 ** (32 - offsetShift)) {
      throw new RangeError(`Cannot build a trie: expected fewer than ${from} nodes`);
    }
    this.#free.push(blockSize);
    this.slots = grown(this.slots, from + blockSize);
    this.values = grown(this.values, from + blockSize);
    this.#isOffset = grown(this.#isOffset, from + blockSize);
    this.slots.fill(empty, from);
  }
}
