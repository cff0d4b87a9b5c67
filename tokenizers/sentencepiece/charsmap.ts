/**
 * SentencePiece's compiled rules of normalisation: strings and what replaces them, the longest match first.
 *
 * Layout: size of a trie in bytes (32 bits, little-endian); the trie, a double array of 32-bit units as Darts-clone makes
 * it, whose values are places in the rest; the rest, replacements in UTF-8, a NUL after each.
 *
 * A unit: its byte in bits 0–7, whether a value hangs from it in bit 8, its children's offset in bits 10–30 (times 256 where
 * bit 9 is set). The child for byte b of node n is `n ^ offset ^ b`; a value is the child for byte 0, with bit 31 set.
 *
 * Source: SentencePiece, `normalizer.cc`; Yata, Darts-clone.
 */
import { codePointAt, utf8Length } from "../unigram/utf8.ts";

/** A replacement: UTF-8 in `Charsmap.texts`, and bytes of the text that it replaces. */
export interface Replacement {
  from: number;
  to: number;
  length: number;
}

/** A rule: what is replaced, and by what, both in UTF-8. */
export interface Change {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

export class Charsmap {
  /** Replacements, a NUL after each. */
  readonly texts: Uint8Array;
  readonly #units: Uint32Array;

  /** @throws RangeError for bytes that are no such rules */
  constructor(bytes: Uint8Array) {
    const size = bytes.length < 4
      ? bytes.length
      : new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
    if (bytes.length <= 4 || size > bytes.length - 4 || size % 4 !== 0) {
      throw new RangeError(
        `expected a trie and replacements, found ${bytes.length} bytes, ${size} of them the trie`,
      );
    }
    this.#units = new Uint32Array(size / 4);
    new Uint8Array(this.#units.buffer).set(bytes.subarray(4, 4 + size));
    this.texts = bytes.slice(4 + size);
    if (this.texts.length > 0 && this.texts.at(-1) !== 0) {
      throw new RangeError("expected a NUL after each replacement, found none after the last");
    }
  }

  /** Puts the rule for the longest string that begins at `at` into `found`; false if there is none. */
  match(bytes: Uint8Array, at: number, end: number, found: Replacement): boolean {
    const units = this.#units;
    let node = offsetOf(units[0]);
    let value = -1;
    for (let i = at; i < end; i++) {
      node ^= bytes[i];
      if (node >= units.length) break;
      const unit = units[node];
      if ((unit & 0x800000ff) !== bytes[i]) break;
      node ^= offsetOf(unit);
      if ((unit & 0x100) === 0) continue;
      if (node >= units.length) break;
      value = units[node] & 0x7fffffff;
      found.length = i + 1 - at;
    }
    if (value < 0) return false;
    found.from = Math.min(value, this.texts.length);
    found.to = found.from;
    while (found.to < this.texts.length && this.texts[found.to] !== 0) found.to++;
    return true;
  }

  /** All rules: what is replaced, and by what. The order means nothing. */
  *rules(): Generator<Change> {
    const units = this.#units;
    // Every node has children in slots that only it owns: found from the slots, as asking for 256 bytes a node is slow.
    const owner = new Int32Array(units.length).fill(-1);
    for (let node = 0; node < units.length; node++) {
      if (units[node] >>> 31 !== 0) continue;
      const base = node ^ offsetOf(units[node]);
      if (base < units.length && base !== node) owner[base] = node;
    }
    const firstChild = new Int32Array(units.length).fill(-1);
    const sibling = new Int32Array(units.length).fill(-1);
    for (let slot = 1; slot < units.length; slot++) {
      if (units[slot] >>> 31 !== 0) continue;
      const parent = owner[slot ^ (units[slot] & 0xff)] ?? -1;
      if (parent < 0 || parent === slot) continue;
      sibling[slot] = firstChild[parent];
      firstChild[parent] = slot;
    }
    // Depth first: the bytes on the way are the key. No slot has two parents, and the root has none: no path is endless.
    const path: number[] = [];
    const waiting: { slot: number; depth: number }[] = [];
    const push = (parent: number, depth: number) => {
      for (let slot = firstChild[parent]; slot >= 0; slot = sibling[slot]) {
        waiting.push({ slot, depth });
      }
    };
    if (units.length > 0) push(0, 0);
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const { slot, depth } = next;
      path.length = depth;
      path.push(units[slot] & 0xff);
      push(slot, depth + 1);
      if ((units[slot] & 0x100) === 0) continue;
      const from = (units[slot ^ offsetOf(units[slot])] ?? 0) & 0x7fffffff;
      const to = this.texts.indexOf(0, from);
      yield { key: Uint8Array.from(path), value: this.texts.subarray(from, Math.max(from, to)) };
    }
  }
}

function offsetOf(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6);
}

/**
 * Characters that need a look at the rules: by code point, 1 for those that are replaced or that stand in a rule behind its
 * first character. Text without any is not changed.
 */
export function specialCharacters(keys: readonly Uint8Array[]): Uint8Array {
  const special = new Uint8Array(0x110000);
  for (const key of keys) {
    const first = utf8Length(key[0]);
    if (first >= key.length) {
      special[characterAt(key, 0)] = 1;
      continue;
    }
    if (key[0] === 0x20) special[0x20] = 1; // spaces are counted, not looked behind
    for (let at = first; at < key.length; at += utf8Length(key[at])) {
      special[characterAt(key, at)] = 1;
    }
  }
  return special;
}

function characterAt(bytes: Uint8Array, at: number): number {
  return Math.min(codePointAt(bytes, at), 0x10ffff);
}
