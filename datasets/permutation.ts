/**
 * A seeded permutation of 0 … n-1 that is computed, not stored: a Feistel network over the next larger domain of
 * 4^h numbers, applied again while its result is outside the range (cycle walking).
 *
 * Source: Black and Rogaway 2002, "Ciphers with arbitrary finite domains", §3 (cycle walking) and §5 (Feistel).
 */
import { Random, type Seed } from "../base/mod.ts";

/** Four make a strong pseudorandom permutation of wide halves; halves of a few bits take more. */
const rounds = 10;

/** A tiny network reaches few permutations, so short ranges walk in a domain of at least 2^(2·4) numbers. */
const leastHalfBits = 4;

/** Halves of 26 bits keep every number below 2^53. */
const mostHalfBits = 26;

/**
 * The permutation that `seed` picks: a function from position to value, both in [0, n).
 *
 * @throws RangeError unless n is a whole number from 1 to 2^52.
 */
export function seededPermutation(n: number, seed: Seed): (position: number) => number {
  if (!(Number.isInteger(n) && n >= 1 && n <= 2 ** (2 * mostHalfBits))) {
    throw new RangeError(`Cannot permute: expected a count from 1 to 2^52, found ${n}`);
  }
  let halfBits = leastHalfBits;
  while (4 ** halfBits < n) halfBits++;
  const half = 2 ** halfBits;
  const random = new Random(seed);
  const keys = Uint32Array.from({ length: rounds }, () => random.uint32());

  const network = (value: number): number => {
    let left = Math.floor(value / half);
    let right = value % half;
    for (const key of keys) [left, right] = [right, (left ^ mixed(right, key)) & (half - 1)];
    return left * half + right;
  };
  return (position) => {
    if (!(Number.isInteger(position) && position >= 0 && position < n)) {
      throw new RangeError(
        `Cannot permute: expected a position in [0, ${n}), found ${position}`,
      );
    }
    // The network permutes its domain, so a walk from inside the range comes back to it.
    let value = position;
    do value = network(value); while (value >= n);
    return value;
  };
}

/** 32 bits that depend on every bit of both: the finaliser of MurmurHash3 over their sum. */
function mixed(value: number, key: number): number {
  let hash = (value + key) | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
