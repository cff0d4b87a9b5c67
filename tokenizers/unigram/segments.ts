/**
 * Segments: words cut wherever no piece may cross, as numbers, and how often each occurs.
 *
 * A cut word gives fewer distinct strings than whole words do (60,000 for 165,000 in English novels), and everything
 * after this works on distinct strings.
 */
import type { ByteStringCounts } from "./byte_string_counter.ts";
import { maxSegmentLength } from "./config.ts";
import { CharacterClasses, type ClassRules, joins } from "./scripts.ts";
import { SpillingCounter, type SpillOptions } from "./spilling_counter.ts";
import { codePointAt, utf8Length } from "./utf8.ts";

/** Stands for a space in written pieces. As a character of the text it never gets a piece: bytes keep it apart. */
export const writtenSpace = 0x2581; // ▁

/** Class of characters without a piece. */
const apart = 0;

/** Segments as arrays on shared memory: they live as long as a training, and its threads all read them. */
export interface Segments {
  /** Code points that get a piece each, ascending. */
  readonly alphabet: Int32Array;
  readonly text: SegmentText;
  /** Characters before each segment, and of all: segment s begins at place `starts[s] + s`, as an end follows each one. */
  readonly starts: Int32Array;
  /** Occurrences of each segment. */
  readonly counts: Float64Array;
}

/**
 * All segments joined, a place for each character: its place in the alphabet. A place after each segment tells how often it
 * occurs, as a number below 0 (`weightsOf`). Places are 16 bits wide where the alphabet lets them.
 */
export type SegmentText = Int16Array | Int32Array;

/** Memory as places for characters of an alphabet. */
export function segmentText(alphabetSize: number, memory: SharedArrayBuffer): SegmentText {
  return placeBytes(alphabetSize) === 2 ? new Int16Array(memory) : new Int32Array(memory);
}

function placeBytes(alphabetSize: number): number {
  return alphabetSize <= 2 ** 15 ? 2 : 4;
}

/** The least number that a place can hold stands for counts that do not fit. */
function leastOf(text: SegmentText): number {
  return text.BYTES_PER_ELEMENT === 2 ? -(2 ** 15) : -(2 ** 31);
}

/** A function that tells how often the segment occurs that holds a place. */
export function weightsOf(segments: Segments): (place: number) => number {
  const { text, counts } = segments;
  const least = leastOf(text);
  const segmentAt = segmentFinder(segments);
  return (place) => {
    let at = place + 1;
    while (text[at] >= 0) at++;
    const end = text[at];
    return end > least ? -end : counts[segmentAt(place)];
  };
}

const blockBits = 5;

/** A function that tells which segment holds a place. It looks on from the segment at the beginning of a block of places. */
export function segmentFinder({ text, starts }: Segments): (place: number) => number {
  const firsts = new Int32Array((text.length >> blockBits) + 1);
  for (let s = 0, block = 0; s + 1 < starts.length; s++) {
    for (; block << blockBits <= starts[s + 1] + s; block++) firsts[block] = s;
  }
  return (place) => {
    let s = firsts[place >> blockBits];
    while (starts[s + 1] + s < place) s++;
    return s;
  };
}

interface SegmentRules extends ClassRules {
  readonly characterCoverage: number;
  readonly splitDigits: boolean;
  /** Most characters that all segments may have together. */
  readonly maxSegmentCharacters: number;
}

/**
 * Cuts counted words where a class of characters ends, and at characters that are too rare for a piece. Of more segments
 * than `maxSegmentCharacters` allows the commonest are kept.
 *
 * @param spill memory for the table of segments, and where it goes if it outgrows that
 */
export function cutIntoSegments(
  words: ByteStringCounts,
  rules: SegmentRules,
  spill: SpillOptions,
): Segments {
  const alphabet = requiredCharacters(words, rules.characterCoverage);
  const numberOf = new Int32Array(0x110000); // by code point: its place in the alphabet, from 1; 0 for none
  alphabet.forEach((codePoint, place) => numberOf[codePoint] = place + 1);
  const counted = countSegments(words, numberOf, rules, spill);
  const isKept = commonest(counted, rules.maxSegmentCharacters);

  const isHeld = new Uint8Array(alphabet.length); // by a segment that is kept
  let [size, length] = [0, 0];
  counted.forEach((pool, from, to, count) => {
    if (!isKept(pool, from, to, count)) return;
    size++;
    for (let at = from; at < to; at += utf8Length(pool[at])) {
      isHeld[numberOf[codePointAt(pool, at)] - 1] = 1;
      length++;
    }
  });
  // A character that only other segments hold is a segment of its own, as it needs a piece.
  const alone = Array.from(isHeld.keys()).filter((character) => isHeld[character] === 0);
  size += alone.length;
  const starts = new Int32Array(new SharedArrayBuffer((size + 1) * 4));
  const counts = new Float64Array(new SharedArrayBuffer(size * 8));
  const bytes = (length + alone.length + size) * placeBytes(alphabet.length);
  const text = segmentText(alphabet.length, new SharedArrayBuffer(bytes));
  const least = leastOf(text);
  let [s, place] = [0, 0];
  counted.forEach((pool, from, to, count) => {
    if (!isKept(pool, from, to, count)) return;
    for (let at = from; at < to; at += utf8Length(pool[at])) {
      text[place++] = numberOf[codePointAt(pool, at)] - 1;
    }
    end(count);
  });
  for (const character of alone) {
    text[place++] = character;
    end(1);
  }
  return { alphabet, text, starts, counts };

  function end(count: number): void {
    text[place++] = Math.max(-count, least);
    counts[s++] = count;
    starts[s] = place - s;
  }
}

/** The commonest characters that make up a share of the text, ascending; of equally common ones the lower code points. */
function requiredCharacters(words: ByteStringCounts, coverage: number): Int32Array {
  const frequency = new Float64Array(0x110000);
  const found: number[] = [];
  let total = 0;
  words.forEach((pool, from, to, count) => {
    for (let at = from; at < to;) {
      const lead = pool[at];
      const codePoint = lead < 0x80 ? lead : codePointAt(pool, at);
      at += utf8Length(lead);
      if (codePoint === writtenSpace) continue;
      if (frequency[codePoint] === 0) found.push(codePoint);
      frequency[codePoint] += count;
      total += count;
    }
  });
  found.sort((a, b) => frequency[b] - frequency[a] || a - b);
  let covered = 0;
  let kept = 0;
  while (kept < found.length && covered < coverage * total) covered += frequency[found[kept++]];
  return Int32Array.from(found.slice(0, kept)).sort();
}

function countSegments(
  words: ByteStringCounts,
  numberOf: Int32Array,
  rules: SegmentRules,
  spill: SpillOptions,
): ByteStringCounts {
  const classes = new CharacterClasses(rules);
  const ownClass = (codePoint: number) => numberOf[codePoint] === 0 ? apart : classes.of(codePoint);
  const asciiClass = Uint8Array.from({ length: 0x80 }, (_, codePoint) => ownClass(codePoint));
  const segments = new SpillingCounter(spill);
  const { splitDigits } = rules;
  let sinceRelief = 0;
  words.forEach((pool, start, end, count) => {
    let from = start;
    let current = joins;
    let length = 0;
    let isDigit = false;
    for (let at = start; at < end;) {
      const lead = pool[at];
      const own = lead < 0x80 ? asciiClass[lead] : ownClass(codePointAt(pool, at));
      const next = at + utf8Length(lead);
      if (own === apart) {
        if (length > 0) segments.add(pool, from, at, count);
        from = next;
        current = joins;
        length = 0;
      } else {
        const crosses = own !== current && own !== joins && current !== joins;
        const wasDigit = isDigit;
        isDigit = splitDigits && lead >= 0x30 && lead <= 0x39;
        const isApart = length > 0 && (isDigit || wasDigit);
        if (crosses || isApart || length === maxSegmentLength) {
          segments.add(pool, from, at, count);
          from = at;
          current = own;
          length = 0;
        }
        if (own !== joins) current = own;
        length++;
      }
      at = next;
    }
    if (length > 0) segments.add(pool, from, end, count);
    if ((++sinceRelief & 0xffff) === 0) segments.relieve();
  });
  segments.relieve();
  return segments.result();
}

const hashBuckets = 1024;

/**
 * Which segments are kept: all, or the commonest, as many as have `most` characters together. Of equally common ones at
 * the border a sample by their bytes' hash: an order by bytes would keep one end of the alphabet.
 */
function commonest(
  segments: ByteStringCounts,
  most: number,
): (pool: Uint8Array, from: number, to: number, count: number) => boolean {
  const lengths = new Map<number, number>(); // by count: characters
  let total = 0;
  segments.forEach((pool, from, to, count) => {
    const length = characterCount(pool, from, to);
    lengths.set(count, (lengths.get(count) ?? 0) + length);
    total += length;
  });
  if (total <= most) return () => true;
  let left = most;
  let border = 0;
  for (const count of [...lengths.keys()].sort((a, b) => b - a)) {
    border = count;
    if (lengths.get(count)! > left) break;
    left -= lengths.get(count)!;
  }
  const sampled = new Float64Array(hashBuckets);
  segments.forEach((pool, from, to, count) => {
    if (count === border) sampled[bucketOf(pool, from, to)] += characterCount(pool, from, to);
  });
  let buckets = 0;
  while (buckets < hashBuckets && sampled[buckets] <= left) left -= sampled[buckets++];
  return (pool, from, to, count) =>
    count > border || (count === border && bucketOf(pool, from, to) < buckets);
}

function bucketOf(bytes: Uint8Array, from: number, to: number): number {
  let hash = 0x811c9dc5;
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (hash ^ (hash >>> 13)) & (hashBuckets - 1);
}

function characterCount(bytes: Uint8Array, from: number, to: number): number {
  let count = 0;
  for (let i = from; i < to; i++) if ((bytes[i] & 0xc0) !== 0x80) count++;
  return count;
}
