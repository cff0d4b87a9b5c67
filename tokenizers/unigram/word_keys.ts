/**
 * Words as numbers, four bytes at a time, little-endian: where they end, and a hash.
 */

/** By a length from 0 to 16, four masks that keep that many first bytes of four little-endian numbers. */
export const keyMasks: Int32Array = /* @__PURE__ */ Int32Array.from({ length: 17 * 4 }, (_, i) => {
  const kept = (i >> 2) - 4 * (i & 3);
  return kept >= 4 ? -1 : kept <= 0 ? 0 : (1 << (8 * kept)) - 1;
});

/** The high bit of each byte that is a space; those above the lowest such byte mean nothing. */
export function spaces(word: number): number {
  const zeros = word ^ 0x20202020;
  return (zeros - 0x01010101) & ~zeros & 0x80808080;
}

/** The high bit of each byte below 33; those above the lowest such byte mean nothing. */
export function below33(word: number): number {
  return (word - 0x21212121) & ~word & 0x80808080;
}

/** The lowest byte of four numbers that has its high bit set; 16 if there is none. */
export function firstOfHits(h0: number, h1: number, h2: number, h3: number): number {
  const hits = gathered(h0) | gathered(h1) << 4 | gathered(h2) << 8 | gathered(h3) << 12 | 0x10000;
  return 31 - Math.clz32(hits & -hits);
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

export function hashOf(k0: number, k1: number, k2: number, k3: number): number {
  let hash = Math.imul(k0, 0x9e3779b1) ^ Math.imul(k1, 0x85ebca6b) ^ Math.imul(k2, 0xc2b2ae35) ^
    Math.imul(k3, 0x27d4eb2f);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return hash ^ (hash >>> 13);
}
