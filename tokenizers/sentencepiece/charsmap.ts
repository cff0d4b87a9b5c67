/**
 * SentencePiece's compiled rules of normalisation: strings and their replacements, the longest match first.
 *
 * Layout: size of a trie in bytes (32 bits, little-endian); the trie, a double array of 32-bit units as Darts-clone makes
 * it, whose values are places in the rest; the rest, replacements in UTF-8, a NUL after each.
 *
 * A unit: its byte in bits 0–7, whether a value hangs from it in bit 8, its children's offset in bits 10–30 (times 256 where
 * bit 9 is set). The child for byte b of node n is `n ^ offset ^ b`; a value is the child for byte 0, with bit 31 set.
 *
 * Source: SentencePiece, `normalizer.cc`; Yata, Darts-clone.
 */
import { Buffer, isUtf8 } from "node:buffer";
import { codePointAt, utf8Length } from "../unigram/utf8.ts";

/** A replacement: UTF-8 in `Charsmap.texts`, and bytes of the text that it replaces. */
export interface Replacement {
  from: number;
  to: number;
  length: number;
}

/** The characters of rules, so that text which no rule can change is not looked up. */
export interface RuleSurvey {
  /**
   * By code point: `ruled` for characters that are replaced, and `follows` for those that stand in a rule after its first
   * character. Text without any is not changed.
   */
  readonly special: Uint8Array;
  /** By byte up to the space: 1 for one that always becomes a space, 2 for one that other rules hold. */
  readonly controls: Uint8Array;
  /** Some replacement holds a `▁`. */
  readonly makesMark: boolean;
}

/** Bits of `RuleSurvey.special`. */
export const ruled = 1;
export const follows = 2;

const space = 0x20;
/** Nodes met while rules are surveyed. SentencePiece's own rules for NFKC have 44,000. */
const mostSteps = 2 ** 20;

export class Charsmap {
  /** Replacements, a NUL after each. */
  readonly texts: Uint8Array;
  /** The trie. */
  readonly units: Uint32Array;

  /** @throws RangeError for bytes that are no such rules */
  constructor(bytes: Uint8Array) {
    const size = bytes.length < 4
      ? bytes.length
      : new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
    if (bytes.length <= 4 || size > bytes.length - 4 || size % 4 !== 0) {
      throw new RangeError(
        `normalizer_spec: expected a trie and replacements, found ${bytes.length} bytes, ${size} of them the trie`,
      );
    }
    this.units = new Uint32Array(size / 4);
    new Uint8Array(this.units.buffer).set(bytes.subarray(4, 4 + size));
    this.texts = bytes.slice(4 + size);
    if (this.texts.length > 0 && this.texts.at(-1) !== 0) {
      throw new RangeError(
        "normalizer_spec: expected a NUL after each replacement, found none after the last",
      );
    }
  }

  /** Puts the rule for the longest string that begins at `at` into `found`; false if there is none. */
  match(bytes: Uint8Array, at: number, end: number, found: Replacement): boolean {
    const units = this.units;
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

  /**
   * Whether a reader that trusts the rules stays inside them, whatever the text: the children of every node that can be reached are
   * in the trie, and every replacement is where one begins.
   */
  get isClosed(): boolean {
    const { units, texts } = this;
    const seen = new Uint8Array(units.length);
    const waiting = units.length === 0 ? [0] : [offsetOf(units[0])];
    for (let base = waiting.pop(); base !== undefined; base = waiting.pop()) {
      if ((base | 0xff) >= units.length) return false;
      if (seen[base] === 1) continue;
      seen[base] = 1;
      for (let byte = 1; byte < 0x100; byte++) {
        const slot = base ^ byte;
        const unit = units[slot];
        if ((unit & 0x800000ff) !== byte) continue;
        const child = slot ^ offsetOf(unit);
        waiting.push(child);
        if ((unit & 0x100) === 0) continue;
        const value = (units[child] ?? -1) & 0x7fffffff;
        if (value >= texts.length || (value > 0 && texts[value - 1] !== 0)) return false;
      }
    }
    return isUtf8(texts);
  }

  /** @throws RangeError for rules without end */
  survey(): RuleSurvey {
    const units = this.units;
    // Children of the node with base b are in slots `b ^ byte`: by base, one slot and then its siblings.
    const firstChild = new Int32Array(units.length).fill(-1);
    const sibling = new Int32Array(units.length).fill(-1);
    for (let slot = 1; slot < units.length; slot++) {
      const base = slot ^ (units[slot] & 0xff);
      if (units[slot] >>> 31 !== 0 || base >= units.length) continue;
      sibling[slot] = firstChild[base];
      firstChild[base] = slot;
    }
    const special = new Uint8Array(0x110000);
    const controls = new Uint8Array(space + 1);
    // Rules may have their ends in common: each node is met once for each character that leads on from it.
    const seen = new Set<number>();
    const waiting: { base: number; read: readonly number[]; isFirst: boolean }[] = [];
    const push = (base: number, read: readonly number[], isFirst: boolean) => {
      if (base >= units.length || firstChild[base] < 0) return false;
      // A number for all three: up to 3 bytes after a 1, then the base.
      const key = read.reduce((key, byte) => key * 256 + byte, 1) * 2 ** 27 + 2 * base +
        Number(isFirst);
      if (!seen.has(key)) waiting.push({ base, read, isFirst });
      seen.add(key);
      if (seen.size > mostSteps) {
        throw new RangeError("normalizer_spec: expected rules, found a maze");
      }
      return true;
    };
    if (units.length > 0) push(offsetOf(units[0]), [], true);
    for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
      for (let slot = firstChild[node.base]; slot >= 0; slot = sibling[slot]) {
        const unit = units[slot];
        const byte = unit & 0xff;
        const read = [...node.read, byte];
        const isWhole = read.length >= utf8Length(read[0]);
        const leadsOn = push(slot ^ offsetOf(unit), isWhole ? [] : read, node.isFirst && !isWhole);
        const isRule = (unit & 0x100) !== 0;
        if (isWhole || isRule) {
          // Spaces are counted; nothing after them is looked at.
          const isRuled = isRule || (byte === space && leadsOn);
          special[characterOf(read)] |= !node.isFirst ? follows : isRuled ? ruled : 0;
        }
        if (byte > space) continue;
        const value = units[slot ^ offsetOf(unit)] & 0x7fffffff;
        const becomesSpace = isRule && !leadsOn && node.isFirst && byte < space &&
          this.texts[value] === space && this.texts[value + 1] === 0;
        controls[byte] = becomesSpace && controls[byte] !== 2 ? 1 : 2;
      }
    }
    return { special, controls, makesMark: Buffer.from(this.texts).includes("\u2581") };
  }
}

function offsetOf(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6);
}

function characterOf(bytes: readonly number[]): number {
  return Math.min(codePointAt(Uint8Array.from([...bytes, 0, 0, 0]), 0), 0x10ffff);
}
