/**
 * Rules of normalisation compiled as SentencePiece wants them: the layout that `charsmap.ts` reads.
 *
 * States that lead on alike are one block of the double array, as in Darts-clone: the 11,172 syllables of Hangul have
 * several spellings each.
 */
import { grown } from "../unigram/grown.ts";
import type { RuleState } from "./charsmap_rules.ts";

/** A node's children by byte, ascending, and its replacement's place; -1 for none. Built once for all that are alike. */
interface Block {
  readonly value: number;
  readonly children: readonly Child[];
  /** The child for byte b is in slot `base ^ b`, the value in slot `base`. */
  base: number;
}

interface Child {
  readonly byte: number;
  readonly to: Block;
  readonly isRule: boolean;
}

const blockSize = 256;
const isValue = 0x80000000;
const hasValue = 0x100;
const offsetShift = 10;

/** The same rules give the same bytes. */
export function compileCharsmap(start: RuleState): Uint8Array<ArrayBuffer> {
  const texts = new Texts();
  const blocks = blocksOf(start, texts);
  const units = place(blocks);
  const file = new Uint8Array(4 + 4 * units.length + texts.length);
  const view = new DataView(file.buffer);
  view.setUint32(0, 4 * units.length, true);
  units.forEach((unit, i) => view.setUint32(4 + 4 * i, unit, true));
  file.set(texts.bytes.subarray(0, texts.length), 4 + 4 * units.length);
  return file;
}

/** Replacements, a NUL after each, none twice. */
class Texts {
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(64);
  length = 0;
  readonly #places = new Map<string, number>();

  placeOf(text: string): number {
    const known = this.#places.get(text);
    if (known !== undefined) return known;
    const place = this.length;
    this.bytes = grown(this.bytes, place + 3 * text.length + 1);
    this.length += new TextEncoder().encodeInto(text, this.bytes.subarray(place)).written;
    this.bytes[this.length++] = 0;
    this.#places.set(text, place);
    return place;
  }
}

/** The blocks of rules, each before those that lead to it: the start is the last. */
function blocksOf(start: RuleState, texts: Texts): Block[] {
  const replaced = statesWithRule(start);
  const blocks: Block[] = [];
  const numbers = new Map<Block, number>();
  const alike = new Map<string, Block>();
  const blockOf = (value: number, children: readonly Child[]): Block => {
    const sorted = [...children].sort((a, b) => a.byte - b.byte);
    const key = `${value} ${
      sorted.map(({ byte, to, isRule }) => `${byte} ${numbers.get(to)} ${isRule}`)
    }`;
    const known = alike.get(key);
    if (known !== undefined) return known;
    const block = { value, children: sorted, base: 0 };
    alike.set(key, block);
    numbers.set(block, blocks.length);
    blocks.push(block);
    return block;
  };
  const made = new Map<RuleState, Block>();
  const ofState = (state: RuleState): Block => {
    const known = made.get(state);
    if (known !== undefined) return known;
    const block = bytesOf(
      replaced.has(state) ? texts.placeOf(state.value) : -1,
      [...state.next].map(([character, { to, isRule }]) => ({
        bytes: new TextEncoder().encode(character),
        to: ofState(to),
        isRule,
      })),
    );
    made.set(state, block);
    return block;
  };
  /** Characters that follow, byte by byte. */
  const bytesOf = (
    value: number,
    strings: readonly { bytes: Uint8Array; to: Block; isRule: boolean }[],
  ): Block => {
    const children: Child[] = [];
    for (const [byte, some] of Map.groupBy(strings, ({ bytes }) => bytes[0])) {
      const [{ bytes, to, isRule }] = some;
      if (bytes.length === 1) children.push({ byte, to, isRule });
      else {
        const rest = some.map((string) => ({ ...string, bytes: string.bytes.subarray(1) }));
        children.push({ byte, to: bytesOf(-1, rest), isRule: false });
      }
    }
    return blockOf(value, children);
  };
  ofState(start);
  return blocks;
}

/** States that some string leads to as a rule. */
function statesWithRule(start: RuleState): Set<RuleState> {
  const found = new Set<RuleState>();
  const seen = new Set<RuleState>();
  const visit = (state: RuleState) => {
    if (seen.has(state)) return;
    seen.add(state);
    for (const { to, isRule } of state.next.values()) {
      if (isRule) found.add(to);
      visit(to);
    }
  };
  visit(start);
  return found;
}

/** The double array's units: the start is in unit 0. */
function place(blocks: readonly Block[]): Uint32Array {
  let taken: Uint8Array<ArrayBuffer> = Uint8Array.of(1);
  let isBase: Uint8Array<ArrayBuffer> = Uint8Array.of(1); // with base 0 the start would be its own child for byte 0
  let size = 0;
  // Large blocks find room first, small ones go between them.
  const bySize = [...blocks].sort((a, b) => b.children.length - a.children.length);
  const nextOf = new Map<string, number>(); // where there is no room for some bytes there never will be
  for (const block of bySize) {
    const bytes = block.children.map(({ byte }) => byte);
    if (block.value >= 0) bytes.unshift(0);
    const key = bytes.join();
    let slot = nextOf.get(key) ?? 0;
    let base = 0;
    do base = slot++ ^ bytes[0]; while (
      isBase[base] === 1 || bytes.some((byte) => taken[base ^ byte] === 1)
    );
    nextOf.set(key, slot);
    block.base = base;
    size = Math.max(size, (base | (blockSize - 1)) + 1);
    taken = grown(taken, size);
    isBase = grown(isBase, size);
    isBase[base] = 1;
    for (const byte of bytes) taken[base ^ byte] = 1;
  }
  const units = new Uint32Array(size).fill(isValue); // a free slot looks like no child
  units[0] = blocks.at(-1)!.base << offsetShift;
  for (const { base, value, children } of blocks) {
    if (value >= 0) units[base] = (isValue | value) >>> 0;
    for (const { byte, to, isRule } of children) {
      const slot = base ^ byte;
      units[slot] = byte | (isRule ? hasValue : 0) | (slot ^ to.base) << offsetShift;
    }
  }
  return units;
}
