/**
 * Bytes of UTF-8 text, sixteen at a time where that helps: where words end, what the characters are.
 *
 * All text has `paddingBytes` (`../text_buffer.ts`) or more after its end, so that whole vectors can be read.
 */

export const space: u32 = 0x20;
export const lineFeed: u32 = 0x0a;

/** By their place in `wordRules` of `../word_rules.ts`. */
const afterWhiteSpace: i32 = 0;
const beforeSpace: i32 = 1;
const spaceRuns: i32 = 2;
const stretches: i32 = 3;

const mostBytes: i32 = 16;

/** Which of 16 bytes are below 33, the first in bit 0. */
@inline
export function below33(bytes: v128): i32 {
  return i8x16.bitmask(i8x16.lt_u(bytes, i8x16.splat(33)));
}

/** Where the next byte of a table is, up to `end`; the table holds no byte above the space. */
export function next(table: usize, at: usize, end: usize): usize {
  for (; at < end; at += mostBytes) {
    for (let hits = below33(v128.load(at)); hits !== 0; hits &= hits - 1) {
      const to = at + ctz(hits);
      if (to >= end) return end;
      if (load<u8>(table + load<u8>(to)) !== 0) return to;
    }
  }
  return end;
}

/** Where the next line feed is, up to `end`. */
export function nextLineFeed(at: usize, end: usize): usize {
  for (; at < end; at += mostBytes) {
    const hits = i8x16.bitmask(i8x16.eq(v128.load(at), i8x16.splat(<i8> lineFeed)));
    if (hits !== 0) return min(end, at + ctz(hits));
  }
  return end;
}

/** Where the word that begins at `at` ends, by a rule of `../word_rules.ts`. */
export function wordEnd(rule: i32, at: usize, end: usize): usize {
  let to = at;
  if (rule === afterWhiteSpace) {
    while (to < end && isWhite(load<u8>(to))) to++;
    if (to > at) {
      if (to === end || load<u8>(to - 1) !== space) return to;
      if (to - 1 > at) return to - 1;
    }
    while (to < end && !isWhite(load<u8>(to))) to++;
    return to;
  }
  if (rule === stretches) {
    const isBreak = isBreaking(load<u8>(to++));
    while (to < end && isBreaking(load<u8>(to)) === isBreak) to++;
    return to;
  }
  if (rule !== beforeSpace && rule !== spaceRuns) return end;
  if (rule === beforeSpace) to++;
  else while (to < end && load<u8>(to) === space) to++;
  while (to < end && load<u8>(to) !== space) to++;
  return to;
}

function isBreaking(byte: u32): bool {
  return byte !== space && isWhite(byte);
}

function isWhite(byte: u32): bool {
  return byte <= space && (byte === space || byte === lineFeed || byte === 0x09 || byte === 0x0d);
}

@inline
export function isThreeBytes(lead: u32): bool {
  return (lead & 0xf0) === 0xe0;
}

@inline
export function codePointOfTwo(at: usize): u32 {
  return (load<u8>(at) & 0x1f) << 6 | low(at + 1);
}

@inline
export function codePointOfThree(at: usize): u32 {
  return (load<u8>(at) & 0x0f) << 12 | low(at + 1) << 6 | low(at + 2);
}

/** The second to fourth bytes of a character hold six bits each. */
@inline
function low(at: usize): u32 {
  return load<u8>(at) & 0x3f;
}

/** The bytes of the well-formed character at `at`, if it is of three bytes at most; else 0. */
@inline
export function shortLength(at: usize, end: usize): usize {
  const lead: u32 = load<u8>(at);
  if (lead < 0x80) return 1;
  if (lead < 0xe0) return lead >= 0xc2 && at + 2 <= end && goesOn(at + 1) ? 2 : 0;
  if (!isThreeBytes(lead) || at + 3 > end || !goesOn(at + 1) || !goesOn(at + 2)) return 0;
  const codePoint = codePointOfThree(at);
  // Not too long a form, nor a surrogate.
  return codePoint >= 0x800 && (codePoint & 0xf800) !== 0xd800 ? 3 : 0;
}

@inline
function goesOn(at: usize): bool {
  return (load<u8>(at) & 0xc0) === 0x80;
}
