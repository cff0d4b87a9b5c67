/**
 * The normal form of a word by SentencePiece's rules, where it depends on characters and rules for characters alone.
 * `../../sentencepiece/normalizer.ts` does the rest, and describes the rules.
 */
import { codePointOfThree, codePointOfTwo, shortLength, space } from "./bytes";

// As `WordNormalizer` of `../word_rules.ts` has them.
export let special: usize = 0;
export let units: usize = 0; // 0: there are no rules
export let unitCount: u32 = 0;
export let texts: usize = 0;
export let textBytes: u32 = 0;

const follows: u32 = 2;

/** Bytes that the rule found last replaces; 0 if there was none. */
let matched: usize = 0;

/** Puts the normal form of `at … end` at `to`; returns where it ends, or 0 if it must be made elsewhere or reaches `limit`. */
export function normalForm(at: usize, end: usize, to: usize, limit: usize): usize {
  /** The character before, if it stands as it was: a rule may begin with it. */
  let before: usize = 0;
  while (at < end) {
    const size = shortLength(at, end);
    if (size === 0) return 0;
    const codePoint: u32 = size === 1
      ? load<u8>(at)
      : size === 2
      ? codePointOfTwo(at)
      : codePointOfThree(at);
    const kind: u32 = load<u8>(special + codePoint);
    if (kind === 0) {
      // Four bytes at once: bytes in excess are overwritten.
      store<u32>(to, load<u32>(at));
      before = at;
      at += size;
      to += size;
      continue;
    }
    if (units === 0) return 0;
    let text: usize = 0;
    matched = 0;
    if (before !== 0 && (kind & follows) !== 0) text = match(before, end);
    if (matched !== 0) {
      to -= at - before;
      at = before;
    } else {
      text = match(at, end);
      if (matched === 0) return 0;
    }
    for (let byte: u32 = load<u8>(text); byte !== 0; byte = load<u8>(++text)) {
      if (byte === space || to + (end - at) >= limit) return 0;
      store<u8>(to++, byte);
    }
    at += matched;
    before = 0;
  }
  return to;
}

/** Where the replacement stands for the longest string with a rule that begins at `at`. */
function match(at: usize, end: usize): usize {
  let node = childrenOf(load<u32>(units));
  let value: u32 = 0;
  for (let i = at; i < end; i++) {
    const byte: u32 = load<u8>(i);
    node ^= byte;
    if (node >= unitCount) break;
    const unit = load<u32>(units + (node << 2));
    if ((unit & 0x8000_00ff) !== byte) break;
    node ^= childrenOf(unit);
    if ((unit & 0x100) === 0) continue;
    if (node >= unitCount) break;
    value = load<u32>(units + (node << 2)) & 0x7fff_ffff;
    matched = i + 1 - at;
  }
  return texts + min(value, textBytes);
}

@inline
function childrenOf(unit: u32): u32 {
  return unit >>> 10 << ((unit & 0x200) >>> 6);
}
