/**
 * Well-formed UTF-8, one character at a time.
 */
import type { ByteStrings } from "./double_array.ts";

/** Bytes of the character that begins with `lead`. */
export function utf8Length(lead: number): number {
  return lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

/** The code point of the character at `at`. */
export function codePointAt(bytes: Uint8Array, at: number): number {
  const lead = bytes[at];
  if (lead < 0x80) return lead;
  const second = bytes[at + 1] & 0x3f;
  if (lead < 0xe0) return ((lead & 0x1f) << 6) | second;
  const third = bytes[at + 2] & 0x3f;
  if (lead < 0xf0) return ((lead & 0x0f) << 12) | (second << 6) | third;
  return ((lead & 0x07) << 18) | (second << 12) | (third << 6) | (bytes[at + 3] & 0x3f);
}

/** The code point of the well-formed character of three bytes at `at`; -1 where there is none. */
export function threeByteCodePoint(bytes: Uint8Array, at: number, end: number): number {
  const lead = bytes[at];
  const second = bytes[at + 1];
  const third = bytes[at + 2];
  const code = (lead & 0x0f) << 12 | (second & 0x3f) << 6 | (third & 0x3f);
  const isWellFormed = (lead & 0xf0) === 0xe0 && (second & 0xc0) === 0x80 &&
    (third & 0xc0) === 0x80 && at + 3 <= end && code >= 0x800 && (code & 0xf800) !== 0xd800;
  return isWellFormed ? code : -1;
}

/** Order of byte strings `a[aFrom … aTo]` and `b[bFrom … bTo]`: negative when the first comes first. */
export function compareRanges(
  a: Uint8Array,
  aFrom: number,
  aTo: number,
  b: Uint8Array,
  bFrom: number,
  bTo: number,
): number {
  const shared = Math.min(aTo - aFrom, bTo - bFrom);
  for (let i = 0; i < shared; i++) {
    if (a[aFrom + i] !== b[bFrom + i]) return a[aFrom + i] - b[bFrom + i];
  }
  return aTo - aFrom - (bTo - bFrom);
}

/** Texts as UTF-8, joined: text i is `pool[starts[i] … starts[i + 1]]`. */
export function joinTexts(texts: readonly string[]): ByteStrings {
  const encoder = new TextEncoder();
  const pool = new Uint8Array(texts.reduce((total, text) => total + text.length * 3, 0));
  const starts = new Int32Array(texts.length + 1);
  for (let i = 0; i < texts.length; i++) {
    starts[i + 1] = starts[i] + encoder.encodeInto(texts[i], pool.subarray(starts[i])).written;
  }
  return { pool: pool.subarray(0, starts[texts.length]), starts };
}
