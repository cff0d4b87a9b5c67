/**
 * Text to ids: words that were met before from `known_words.ts`, others by `best_way.ts`.
 *
 * The caller (`../unigram_encoder.ts`) lays out memory, sets the exported places, and calls `run` until it is done: it stops
 * where the output is full, where a word needs more room, and where a word cannot be normalised here.
 */
import { below33, lineFeed, next, nextLineFeed, space, wordEnd } from "./bytes";
import { find, findAfter, findWithLead, write } from "./best_way";
import {
  copyIds,
  countOf,
  entries,
  entryOf,
  find as findKnown,
  idsOf,
  isKept,
  keyOf,
  lastPair,
  leadOf,
  mostWordPieces,
  put,
} from "./known_words";
import { normalForm } from "./normal_form";

export {
  best,
  byteIds,
  firstSlots,
  ids,
  last,
  lengths,
  pairs,
  root,
  scores,
  second,
  slots,
  unknownId,
  unknownScore,
} from "./best_way";
export { find, findAfter } from "./best_way";
export { entries, pool, prepare } from "./known_words";
export { special, textBytes, texts, unitCount, units } from "./normal_form";
export { wordEnd } from "./bytes";

/** Why `run` has stopped; in the order of `stops` in `../encoder_program.ts`. */
const isDone: i32 = 0;
const isFull: i32 = 1;
const isLong: i32 = 2;
const isSpecial: i32 = 3;

/** By id: its score; for exact ties. */
export let scoreOfIds: usize = 0;
/** The largest size of any score. */
export let largest: f64 = 0;
export let isExact: bool = false;
/** Place in `wordRules` of `../word_rules.ts`. */
export let rule: i32 = 0;

// How words stand in the text, as `TextKind` of `../encoder_program.ts` has it, with tables of that file.
export let isRaw: bool = false;
export let isByLine: bool = false;
export let white: usize = 0;
export let parts: usize = 0;

/** Bytes that a word may have, and ids and line ends that the output has room for. */
export let wordRoom: i32 = 0;
export let outRoom: i32 = 0;
export let endRoom: i32 = 0;
/** The normal form of a word. */
export let word: usize = 0;
export let out: usize = 0;
/** By line: number of ids up to its end. */
export let ends: usize = 0;

/** Ids and line ends written so far, and where reading goes on. */
export let count: i32 = 0;
export let lines: i32 = 0;
export let at: usize = 0;
/** The word that reading has stopped at: its bytes from `at` on; 1 more than the id of the mark after it, or 0. */
export let length: i32 = 0;
export let part: i32 = 0;

/** Whether its ids will be kept. */
let keeps: bool = false;
let end: usize = 0;
/** End of the line that was looked at last. */
let lineEnd: usize = 0;

/** Ids that may be written after those that were counted. */
const slack: i32 = 4;

/** Words for which known words are not looked for. */
let resting: i32 = 0;
let weariness: i32 = 0;
/** Where the last unknown word ended. */
let unknownEnd: usize = 0;
const mostWeariness: i32 = 512;
const restingWords: i32 = 16_384;

// For exact ties: the score up to the id at place `scored` of the output; known words must lead by more than `least` as long
// as there are fewer ids than `leastUntil`.
let score: f64 = 0;
let scored: i32 = 0;
let least: i32 = -1;
let leastUntil: i32 = 0;
/** After so many ids `least` is computed again: how far known words must lead. */
const exactStretch: i32 = 256;
/**
 * A sum of that many scores in single precision is off by that many halves of the last place of its largest value, and so is
 * the one it is compared with.
 */
const roundingBound: f64 = 2 * <f64> (mostWordPieces + 1) / 16_777_216; // 2²⁴

/** Starts a text. Nothing is left in the output. */
export function begin(from: usize, to: usize): void {
  at = from;
  end = to;
  lineEnd = 0;
  beginLine();
}

/** Says that the output was read: it is empty again. */
export function flush(): void {
  if (isExact) scoreUpTo(count);
  count = scored = lines = leastUntil = 0;
}

function beginLine(): void {
  score = 0;
  scored = count;
  leastUntil = 0;
}

/** Reads words up to the text's end, or until it must stop. */
export function run(): i32 {
  return isExact ? readWords(true) : readWords(false);
}

/** Compiled for each. */
@inline
function readWords(isExact: bool): i32 {
  // Variables of the module are read again at each use; these are not.
  const table = entries;
  const spaces = white;
  const marks = parts;
  const ids = out;
  const stop = end;
  const afterSpace = <usize> isRaw;
  const mostIds = outRoom - mostWordPieces - slack;
  let pairs = lastPair();
  let isAwake = resting === 0;
  let place = at;
  let n = count;
  while (place < stop) {
    if (n > mostIds) {
      at = place;
      count = n;
      return isFull;
    }
    if (isExact && n >= leastUntil) setLeast(n);
    const bytes = v128.load(place);
    const below = below33(bytes);
    let isPlain = isAwake;
    let isKnown = false;
    let wordTo: usize = 0;
    if ((below & 1) !== 0) {
      const first: u32 = load<u8>(place);
      if (first === lineFeed && isByLine) {
        at = place;
        count = n;
        if (lines === endRoom) return isFull;
        store<i32>(ends + (lines++ << 2), n);
        beginLine();
        place++;
        continue;
      }
      if (isRaw && load<u8>(spaces + first) !== 0) {
        place++;
        continue;
      }
      if (isRaw || first !== space || (below & 2) !== 0) isPlain = false;
    }
    if (isPlain) {
      const size = ctz(below & -2 | 0x10000);
      const to = place + size;
      // The two last bytes, and the one after them.
      const edge = load<u32>(to - 2);
      const after = edge >>> 16 & 0xff;
      if (load<u8>(spaces + after) !== 0) {
        wordTo = to;
        const mark = load<i32>(marks + ((edge & 0xffff) << 2));
        const key = keyOf(bytes, size - <i32> (mark !== 0));
        const entry = entryOf(table, pairs, key);
        isKnown = entry !== 0;
        if (isKnown) {
          const found = idsOf(entry);
          if (!isExact || leadOf(found) > least) {
            const more = countOf(found);
            copyIds(found, more, ids + (n << 2));
            n += more;
            // Written in any case: ids in excess are overwritten.
            store<i32>(ids + (n << 2), mark - 1);
            n += <i32> (mark !== 0);
            place = to + (after === space ? afterSpace : 0);
            continue;
          }
        }
      }
    }
    at = place;
    count = n;
    const stopped = readWord(wordTo, isKnown);
    if (stopped !== isDone) return stopped;
    place = at;
    n = count;
    pairs = lastPair();
    isAwake = resting === 0;
  }
  at = place;
  count = n;
  return isDone;
}

/**
 * Reads a word that ends in another way than at plain white space, that is not known, or that does not lead by enough.
 *
 * @param to where it ends if that was found; else 0
 * @param isKnown was found to be known, and not to lead by enough
 */
function readWord(to: usize, isKnown: bool): i32 {
  const wasFound = to !== 0;
  if (!wasFound) to = isRaw ? next(white, at, end) : wordEnd(rule, at, textEnd());
  length = <i32> (to - at);
  part = length > 1 ? load<i32>(parts + (<u32> load<u16>(to - 2) << 2)) : 0;
  length -= <i32> (part !== 0);
  keeps = wasFound && !isKnown;
  if (resting > 0) {
    resting--;
  } else if (!isKnown) {
    if (!wasFound && isKept(at, length)) {
      const entry = findKnown(at, length);
      if (entry !== 0) {
        const found = idsOf(entry);
        if (!isExact || leadOf(found) > least) {
          copyIds(found, countOf(found), out + (count << 2));
          count += countOf(found);
          endWord();
          return isDone;
        }
      } else {
        keeps = true;
      }
    }
    tire(to);
  }
  if (length >= wordRoom) return isLong;
  if (count + (isRaw ? wordRoom : length) + slack > outRoom) return isFull;
  if (!isRaw) {
    encodeWord(at, length);
    return isDone;
  }
  store<u8>(word, space);
  const formEnd = normalForm(at, at + length, word + 1, word + wordRoom);
  if (formEnd <= word + 1) return isSpecial;
  encodeWord(word, <i32> (formEnd - word));
  return isDone;
}

/** Known words are not looked for, for a while, where 8 of 9 are unknown: almost every word follows on such a word. */
function tire(to: usize): void {
  weariness = at - unknownEnd <= 2 ? weariness + 1 : max(0, weariness - 8);
  unknownEnd = to;
  if (weariness < mostWeariness) return;
  weariness = 0;
  resting = restingWords;
}

/** Where the text ends that holds the next word. */
function textEnd(): usize {
  if (!isByLine) return end;
  if (at >= lineEnd) lineEnd = nextLineFeed(at, end);
  return lineEnd;
}

/** Goes on after the word that `readWord` has stopped at. Its normal form is given: `length` bytes of `text`. */
export function encodeWord(text: usize, size: i32): void {
  const place = out + (count << 2);
  if (!keeps || size > mostWordPieces) {
    count += search(text, size, place);
  } else {
    let lead = 0;
    if (isExact) lead = leadBits(findWithLead(text, size));
    else find(text, size);
    const n = write(text, size, place);
    put(at, length, place, n, lead);
    count += !isExact || lead > least ? n : search(text, size, place);
  }
  endWord();
}

function endWord(): void {
  if (part !== 0) store<i32>(out + (count++ << 2), part - 1);
  at += length + <i32> (part !== 0);
}

/** Writes the ids of a text after those that are written; returns their number. */
function search(text: usize, size: i32, place: usize): i32 {
  if (!isExact) {
    find(text, size);
    return write(text, size, place);
  }
  scoreUpTo(count);
  score = findAfter(text, size, score);
  const n = write(text, size, place);
  scored = count + n;
  leastUntil = 0;
  return n;
}

/** The running score as SentencePiece has it: ids of known words are added one by one. None of them is unknown. */
function scoreUpTo(to: i32): void {
  for (let i = scored; i < to; i++) {
    const id = load<i32>(out + (i << 2));
    score = <f64> (<f32> (score + load<f64>(scoreOfIds + (id << 3))));
  }
  scored = to;
}

/**
 * After `n` ids: the best way through a known word must lead by more than this, so that rounding does not matter, there and in
 * the next ids, as many as a stretch and a word can give.
 */
function setLeast(n: i32): void {
  const pieces = n - scored + exactStretch + mostWordPieces;
  least = leadBits(roundingBound * (abs(score) + <f64> pieces * largest));
  leastUntil = n + exactStretch;
}

/** The upper half of a single-precision number, not above `lead`: 0 for what is not positive; ordered as they are. */
function leadBits(lead: f64): i32 {
  return reinterpret<u32>(<f32> max(0, lead * (1 - 1 / 1_048_576.0))) >>> 16;
}
