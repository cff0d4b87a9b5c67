/**
 * MinHash signatures: the share of equal places in two of them estimates how much of their shingles two texts share.
 *
 * Source: Broder 1997, "On the resemblance and containment of documents"; bands as in Leskovec, Rajaraman and Ullman 2014, §3.4.
 */
import { Random, type Seed } from "../base/mod.ts";

export interface MinHashOptions {
  /** Texts at least this similar (Jaccard index of their shingles) are near duplicates. */
  readonly threshold: number;
  /** Words a shingle; of scripts without blanks a character is a word. */
  readonly shingle: number;
  /** Length of a signature. The estimate's standard deviation is √(s(1−s)/permutations). */
  readonly permutations: number;
}

/** A pair at the threshold shares a band with at least this probability. */
const recall = 0.95;

/** Words, in any case, without the characters between them. */
const words =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]|[\p{L}\p{M}\p{N}]+/gu;

export class MinHash {
  readonly #shingle: number;
  readonly #multipliers: Int32Array;
  readonly #masks: Int32Array;

  constructor({ shingle, permutations }: MinHashOptions, seed: Seed) {
    const random = new Random(seed);
    this.#shingle = shingle;
    this.#masks = Int32Array.from({ length: permutations }, () => random.uint32());
    this.#multipliers = Int32Array.from({ length: permutations }, () => random.uint32() | 1);
  }

  /** The signature of a text, or undefined when it has no word. */
  signature(text: string): Uint32Array<ArrayBuffer> | undefined {
    const hashes = (text.toLowerCase().match(words) ?? []).map(hashOf);
    if (hashes.length === 0) return undefined;
    const least = new Uint32Array(this.#masks.length).fill(0xffffffff);
    const length = Math.min(this.#shingle, hashes.length);
    const seen = new Set<number>();
    for (let start = 0; start + length <= hashes.length; start++) {
      let shingle = 0;
      for (let i = 0; i < length; i++) shingle = mix(Math.imul(shingle, 31) + hashes[start + i]);
      if (seen.has(shingle)) continue;
      seen.add(shingle);
      for (let p = 0; p < least.length; p++) {
        const value = mix(Math.imul(shingle ^ this.#masks[p], this.#multipliers[p])) >>> 0;
        if (value < least[p]) least[p] = value;
      }
    }
    return least;
  }
}

/** Share of equal places. */
export function similarity(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let equal = 0;
  for (let i = 0; i < a.length; i++) if (a[i] === b[i]) equal++;
  return equal / a.length;
}

/** Places a band: as many as leave a pair at the threshold a chance of `recall` to agree in some band. */
export function bandRows({ threshold, permutations }: MinHashOptions): number {
  let rows = 1;
  const found = (rows: number) => 1 - (1 - threshold ** rows) ** Math.floor(permutations / rows);
  while (rows < permutations && found(rows + 1) >= recall) rows++;
  return rows;
}

/** FNV-1a of UTF-16 units. */
function hashOf(word: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < word.length; i++) hash = Math.imul(hash ^ word.charCodeAt(i), 0x01000193);
  return hash;
}

/** A bijection of 32 bits that spreads each over all (Appleby, MurmurHash3's last step). */
function mix(value: number): number {
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return value ^ (value >>> 16);
}
