/**
 * Ids of words that were met before.
 *
 * A word has two places, side by side: a new word takes the first, the word that was there moves to the second. An entry is two vectors: the
 * word's bytes, zero-padded; three ids, or instead of the first one the place of the ids in the pool if there are more; then
 * their number in 16 bits, and in 16 bits how far the word's best segmentation leads. A word that is longer than 16 bytes or holds a
 * byte 0 has no entry.
 */

/** Ids of a word that is kept, and bytes of its normal form. */
export const mostWordPieces: i32 = 64;

/** Room for the largest table, and for the pool. */
export let entries: usize = 0;
export let pool: usize = 0;

const keyBytes: i32 = 16;
const idsAt: usize = 16;
const metaAt: usize = idsAt + 12;
const entryBytes: usize = 32;
const inlineIds: i32 = 3;
const pairShift: u32 = 6; // 64 bytes, a line of a processor's cache
const firstPairs: u32 = 2048;
const mostPairs: u32 = 65_536; // 4 MiB; twice as many bring nothing more
const mostPooled: u32 = 1 << 20;

/** Pairs of entries: a power of two. */
let size: u32 = 0;
let pooled: u32 = 0;
let inserted: u32 = 0;

/** By a length from 0 to 16: a vector that keeps that many first bytes. */
const masks: usize = memory.data(17 * 16, 16);
for (let i = 0; i < 17 * 16; i++) store<u8>(masks + i, (i & 15) < i >> 4 ? 0xff : 0);

/** Makes a table as large as `bytes` of text can use; one that is there stays if it is large enough. */
export function prepare(bytes: u32): void {
  let useful = max(size, firstPairs);
  while (useful < mostPairs && useful << pairShift < bytes) useful <<= 1;
  if (useful > size) clear(useful);
}

function clear(pairs: u32): void {
  memory.fill(entries, 0, <usize> pairs << pairShift);
  size = pairs;
  inserted = 0;
  pooled = 0;
}

/** What `entryOf` must know; it changes with `put`. */
export function lastPair(): u32 {
  return size - 1;
}

@inline
export function keyOf(bytes: v128, length: i32): v128 {
  return v128.and(bytes, v128.load(masks + (length << 4)));
}

/** The two entries where a word may stand. */
@inline
function pairOf(table: usize, last: u32, key: v128): usize {
  const mixed = <u64> i64x2.extract_lane(key, 0) ^ rotl<u64>(i64x2.extract_lane(key, 1), 29);
  return table + ((<usize> (mixed * 0x9fb21c651e98df25 >>> 40) & last) << pairShift);
}

@inline
function isOf(entry: usize, key: v128): bool {
  return !v128.any_true(v128.xor(v128.load(entry), key));
}

@inline
function behind(entry: usize): usize {
  return entry + entryBytes;
}

/** The entry of a key; 0 if there is none. */
@inline
export function entryOf(table: usize, last: u32, key: v128): usize {
  const entry = pairOf(table, last, key);
  if (isOf(entry, key)) return entry;
  return isOf(behind(entry), key) ? behind(entry) : 0;
}

/** Ids of an entry, their number, and how far its best segmentation leads. */
@inline
export function idsOf(entry: usize): v128 {
  return v128.load(entry, idsAt);
}
@inline
export function countOf(ids: v128): i32 {
  return i16x8.extract_lane_u(ids, 6);
}
@inline
export function leadOf(ids: v128): i32 {
  return i16x8.extract_lane_u(ids, 7);
}

/** Copies what `idsOf` gave to `out`, where there is room for up to three ids more. */
@inline
export function copyIds(ids: v128, count: i32, out: usize): void {
  v128.store(out, ids);
  if (count > inlineIds) copyPooled(i32x4.extract_lane(ids, 0), count, out);
}

function copyPooled(place: u32, count: i32, out: usize): void {
  const from = pool + (place << 2);
  for (let i = 0; i < count << 2; i += 16) v128.store(out + i, v128.load(from + i));
}

/** Whether a word can have an entry. */
export function isKept(word: usize, length: i32): bool {
  if (length > keyBytes) return false;
  const zeros = i8x16.bitmask(i8x16.eq(v128.load(word), i8x16.splat(0)));
  return (zeros & ((1 << length) - 1)) === 0;
}

/** The entry of a word that can have one; 0 if there is none. */
export function find(word: usize, length: i32): usize {
  return entryOf(entries, lastPair(), keyOf(v128.load(word), length));
}

/**
 * Keeps ids, `mostWordPieces` at most, for a word that can have an entry.
 *
 * @param lead how far its best segmentation leads: 15 bits
 */
export function put(word: usize, length: i32, ids: usize, count: i32, lead: i32): void {
  inserted++;
  const isSmall = size < mostPairs && inserted > size;
  if (isSmall || pooled + mostWordPieces > mostPooled) clear(isSmall ? mostPairs : size);
  const key = keyOf(v128.load(word), length);
  const entry = pairOf(entries, lastPair(), key);
  // The word that falls out leaves its place in the pool.
  const isThere = isOf(entry, key);
  const leaving = idsOf(isThere ? entry : behind(entry));
  if (!isThere) {
    v128.store(behind(entry), v128.load(entry));
    v128.store(behind(entry), idsOf(entry), idsAt);
  }
  v128.store(entry, key);
  store<u32>(entry, lead << 16 | count, metaAt);
  let to = entry + idsAt;
  if (count > inlineIds) {
    let place: u32 = i32x4.extract_lane(leaving, 0);
    if (countOf(leaving) < count) {
      place = pooled;
      pooled += count;
    }
    store<u32>(entry, place, idsAt);
    to = pool + (place << 2);
  }
  for (let i = 0; i < count << 2; i += 4) store<i32>(to + i, load<i32>(ids + i));
}
