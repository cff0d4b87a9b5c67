/**
 * Words as numbers, four bytes at a time, little-endian: where they end, and a hash.
 */

/** Longer words have no key. */
export const keyBytes = 16;

/** By a length from 0 to 16, four masks that keep that many first bytes of four little-endian numbers. */
export const keyMasks: Int32Array = /* @__PURE__ */ Int32Array.from({ length: 17 * 4 }, (_, i) => {
  const kept = (i >> 2) - 4 * (i & 3);
  return kept >= 4 ? -1 : kept <= 0 ? 0 : (1 << (8 * kept)) - 1;
});

/** The first of 16 bytes, after byte 0, that is below 33; 16 if there is none. */
export function lengthOf(w0: number, w1: number, w2: number, w3: number): number {
  const hits = gathered(below33(w0 | 0xff)) | gathered(below33(w1)) << 4 |
    gathered(below33(w2)) << 8 | gathered(below33(w3)) << 12 | 0x10000;
  return 31 - Math.clz32(hits & -hits);
}

/** The high bit of each byte below 33; those above the lowest such byte mean nothing. */
function below33(word: number): number {
  return (word - 0x21212121) & ~word & 0x80808080;
}

/** The high bits of four bytes side by side. */
function gathered(hits: number): number {
  return (Math.imul(hits >>> 7, 0x204081) >>> 21) & 0xf;
}

/** Where the word that begins at `at` ends: at a byte that `white` marks, or at `end`. */
export function nextWhite(bytes: Uint8Array, at: number, end: number, white: Uint8Array): number {
  let to = at;
  while (to < end && white[bytes[to]] === 0) to++;
  return to;
}

/** 17 bits that depend on all of a key. */
export function hashOf(k0: number, k1: number, k2: number, k3: number): number {
  const mixed = Math.imul(k0, 0x9e3779b1) ^ Math.imul(k1, 0x85ebca6b) ^
    Math.imul(k2, 0xc2b2ae35) ^ Math.imul(k3, 0x27d4eb2f);
  return Math.imul(mixed, 0x2c1b3c6d) >>> 15;
}
