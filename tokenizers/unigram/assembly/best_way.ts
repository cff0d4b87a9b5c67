/**
 * The best segmentation of a stretch of bytes: the highest sum of scores over the pieces of a vocabulary (Viterbi).
 *
 * Pieces are tried from the earliest start to the latest, and a later way to the same place must be strictly better: of equal
 * sums the one whose last piece begins earlier wins. A character without a piece of its own may stand for itself.
 *
 * Sums run in double precision from the stretch's start, or as SentencePiece runs them: from a score that the text before has
 * left, added in double, kept in single precision.
 */
import { codePointOfThree, codePointOfTwo, isThreeBytes } from "./bytes";

// Tables of the vocabulary, as `../piece_table.ts` describes them.
export let root: u32 = 0;
export let slots: usize = 0;
export let scores: usize = 0;
export let ids: usize = 0;
export let lengths: usize = 0;
export let firstSlots: usize = 0;
export let pairs: usize = 0;
export let byteIds: usize = 0; // 0: there are none
export let unknownId: i32 = 0;
export let unknownScore: f64 = 0;

// By place in the stretch: score of the best way there and of the second best; the slot of its last piece (0 for a character
// without one) and its bytes, 0 bytes for more than fit.
export let best: usize = 0;
export let second: usize = 0;
export let last: usize = 0;

/** A character without a piece was met by the last search. */
let hasUnknown: bool = false;

// As `../double_array.ts` has them.
const byteMask: u32 = 0x1ff;
const endFlag: u32 = 0x200;
const offsetShift: u32 = 10;

const lengthBits: u32 = 10;
const lengthMask: u32 = (1 << lengthBits) - 1;
const pairBits: u32 = 18;

/** Finds the best segmentation of a text, for `write` to give. */
export function find(text: usize, length: i32): void {
  run(text, length, 0, false, false);
}

/** Finds the segmentation that SentencePiece gives a text after one that scored `before`; returns the score up to its end. */
export function findAfter(text: usize, length: i32, before: f64): f64 {
  run(text, length, before, true, false);
  return load<f64>(best + (length << 3));
}

/**
 * `find`, and the lead over the runner-up: the least lead of the best way over the second best at any of the places that
 * it goes through. No rounding by less than half of that changes the segmentation. 0 where a character is unknown.
 */
export function findWithLead(text: usize, length: i32): f64 {
  run(text, length, 0, false, true);
  if (hasUnknown) return 0;
  let lead: f64 = Infinity;
  for (let to = length; to > 0; to -= sizeOf(endingAt(to))) {
    lead = min(lead, load<f64>(best + (to << 3)) - load<f64>(second + (to << 3)));
  }
  return lead;
}

/** One function for all: it is compiled for each. */
@inline
function run(text: usize, length: i32, before: f64, isSingle: bool, hasLead: bool): void {
  clear(best, length, before);
  if (hasLead) clear(second, length, before);
  // Variables of the module are read again at each use; these are not.
  const bests = best;
  const lasts = last;
  const trie = slots;
  const scoresOf = scores;
  let sawUnknown = false;
  for (let i = 0; i < length;) {
    const till = load<f64>(bests + (i << 3));
    const at = text + i;
    const lead: u32 = load<u8>(at);
    // The first character in one step.
    let j = i + 1;
    let codePoint = lead;
    let slot: u32;
    if (lead < 0xf0) {
      if (lead >= 0xe0) {
        j = i + 3;
        codePoint = codePointOfThree(at);
      } else if (lead >= 0x80) {
        j = i + 2;
        codePoint = codePointOfTwo(at);
      }
      slot = load<u32>(firstSlots + (codePoint << 2));
    } else {
      j = i + 4;
      codePoint = 0;
      slot = slotAfter(at, at + 4);
    }
    const next = j;
    let isKnown = false;
    if (slot !== 0) {
      let content = load<u32>(trie + (slot << 2));
      if ((content & endFlag) !== 0) {
        isKnown = true;
        const score = till + load<f64>(scoresOf + (slot << 3));
        offer(bests, lasts, j, score, slot << lengthBits | (j - i), isSingle, hasLead);
      }
      if (codePoint >= 0x800 && j + 2 < length && isThreeBytes(load<u8>(text + j))) {
        if (!mayBegin(codePoint, codePointOfThree(text + j))) j = length;
      }
      while (j < length) {
        const byte: u32 = load<u8>(text + j++);
        slot = (content >>> offsetShift) ^ byte;
        content = load<u32>(trie + (slot << 2));
        if ((content & byteMask) !== byte) break;
        if ((content & endFlag) === 0) continue;
        const size: u32 = j - i;
        const ending = slot << lengthBits | (size <= lengthMask ? size : 0);
        const score = till + load<f64>(scoresOf + (slot << 3));
        offer(bests, lasts, j, score, ending, isSingle, hasLead);
      }
    }
    if (!isKnown) {
      sawUnknown = true;
      const score = till + unknownScore;
      // A sum of two single-precision numbers in SentencePiece.
      const sum = isSingle ? <f64> (<f32> score) : score;
      offer(bests, lasts, next, sum, next - i, isSingle, hasLead);
    }
    i = next;
  }
  hasUnknown = sawUnknown;
}

@inline
function offer(
  bests: usize,
  lasts: usize,
  j: i32,
  score: f64,
  ending: u32,
  isSingle: bool,
  hasLead: bool,
): void {
  const before = load<f64>(bests + (j << 3));
  if (score > before) {
    if (hasLead) store<f64>(second + (j << 3), before);
    store<f64>(bests + (j << 3), isSingle ? <f64> (<f32> score) : score);
    store<u32>(lasts + (j << 2), ending);
  } else if (hasLead && score > load<f64>(second + (j << 3))) {
    store<f64>(second + (j << 3), score);
  }
}

/** Sets `values[0]` to `first` and the `length` others to -∞. */
@inline
function clear(values: usize, length: i32, first: f64): void {
  const none = f64x2.splat(-Infinity);
  // One value too many may be written: there is room.
  for (let i = 1; i <= length; i += 2) v128.store(values + (i << 3), none);
  store<f64>(values, first);
}

/** The slot that the bytes `at … end` lead to; 0 for none. */
function slotAfter(at: usize, end: usize): u32 {
  let slot: u32 = 0;
  let offset = root;
  for (; at < end; at++) {
    const byte: u32 = load<u8>(at);
    slot = offset ^ byte;
    const content = load<u32>(slots + (slot << 2));
    if ((content & byteMask) !== byte) return 0;
    offset = content >>> offsetShift;
  }
  return slot;
}

/** Whether a piece may begin with two characters of three bytes. */
@inline
function mayBegin(first: u32, second: u32): bool {
  const pair = ((first * 0x9e3779b1 ^ second) * 0x85ebca6b) >>> (32 - pairBits);
  return (load<u32>(pairs + (pair >>> 5 << 2)) & (1 << (pair & 31))) !== 0;
}

@inline
function endingAt(to: i32): u32 {
  return load<u32>(last + (to << 2));
}

@inline
function sizeOf(ending: u32): i32 {
  const size = ending & lengthMask;
  return size !== 0 ? size : load<i32>(lengths + (ending >>> lengthBits << 2));
}

/** Writes the ids that the last search found for a text to `out`, where there is room for `length`; returns their number. */
export function write(text: usize, length: i32, out: usize): i32 {
  let count = 0;
  let isRun = false;
  for (let to = length; to > 0;) {
    const ending = endingAt(to);
    const size = sizeOf(ending);
    const isUnknown = ending <= lengthMask;
    count += !isUnknown ? 1 : byteIds !== 0 ? size : isRun ? 0 : 1;
    isRun = isUnknown;
    to -= size;
  }
  let place = out + (count << 2);
  isRun = false;
  for (let to = length; to > 0;) {
    const ending = endingAt(to);
    const from = to - sizeOf(ending);
    const isUnknown = ending <= lengthMask;
    if (!isUnknown) {
      store<i32>(place -= 4, load<i32>(ids + (ending >>> lengthBits << 2)));
    } else if (byteIds !== 0) {
      for (let i = to - 1; i >= from; i--) {
        store<i32>(place -= 4, load<i32>(byteIds + (<u32> load<u8>(text + i) << 2)));
      }
    } else if (!isRun) {
      store<i32>(place -= 4, unknownId);
    }
    isRun = isUnknown;
    to = from;
  }
  return count;
}
