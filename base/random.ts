/**
 * Random numbers from named seeds: the same root and name give the same sequence on every machine.
 *
 * Every draw of the project comes from here. Names never contain a variant, so that variants are compared on the same
 * draws: `init/body`, `init/embedding/<vocabulary>`, `round/<r>/sources`, `order/<source>/<vocabulary>`,
 * `continue/init`, `finetune/<task>/<n>`, `finetune/<task>/<n>/dropout/<step>`.
 */
import { createHash } from "node:crypto";

/** 128 bits: four unsigned 32-bit words. */
export type Seed = readonly [number, number, number, number];

/** The seed that `name` has under a recipe's root seed: the first 128 bits of SHA-256 of `<root>/<name>`. */
export function seedOf(root: number, name: string): Seed {
  const digest = createHash("sha256").update(`${root}/${name}`).digest();
  const word = (at: number) => digest.readUInt32LE(at);
  return [word(0), word(4), word(8), word(12)];
}

/**
 * A sequence of random numbers: xoshiro128** with 32-bit state words.
 *
 * Source: Blackman and Vigna 2021, "Scrambled linear pseudorandom number generators".
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #d: number;
  #spare: number | undefined;

  constructor(seed: Seed) {
    [this.#a, this.#b, this.#c, this.#d] = seed;
    // The all-zero state is the one fixed point of the generator.
    if ((this.#a | this.#b | this.#c | this.#d) === 0) this.#a = 1;
  }

  /** A whole number in [0, 2^32). */
  uint32(): number {
    const scrambled = Math.imul(rotateLeft(Math.imul(this.#b, 5), 7), 9) >>> 0;
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = rotateLeft(this.#d, 11);
    return scrambled;
  }

  /** A number in [0, 1) with 53 random bits. */
  float64(): number {
    const high = this.uint32() >>> 5; // 27 bits
    const low = this.uint32() >>> 6; // 26 bits
    return (high * 67108864 + low) / 9007199254740992;
  }

  /** A whole number in [0, n), without bias, for 1 ≤ n ≤ 2^32. */
  below(n: number): number {
    const limit = 4294967296 - (4294967296 % n);
    for (;;) {
      const draw = this.uint32();
      if (draw < limit) return draw % n;
    }
  }

  /** A draw from the normal distribution with mean 0 and deviation 1 (Box and Muller 1958, both halves used). */
  normal(): number {
    if (this.#spare !== undefined) {
      const spare = this.#spare;
      this.#spare = undefined;
      return spare;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.float64()));
    const angle = 2 * Math.PI * this.float64();
    this.#spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  /** The index of one of the weights (non-negative, not all zero), drawn in proportion to them. */
  weighted(weights: ArrayLike<number>): number {
    let total = 0;
    for (let i = 0; i < weights.length; i++) total += weights[i];
    let left = this.float64() * total;
    for (let i = 0; i < weights.length; i++) {
      left -= weights[i];
      if (left < 0) return i;
    }
    return weights.length - 1;
  }

  /** Shuffles an array in place (Fisher and Yates) and returns it. */
  shuffle<T>(items: T[]): T[] {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [items[i], items[j]] = [items[j], items[i]];
    }
    return items;
  }
}

function rotateLeft(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}
