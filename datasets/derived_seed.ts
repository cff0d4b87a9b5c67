/**
 * Seeds for numbered parts of a stream, so that any part can be reached without the ones before it.
 */
import { sha256 } from "../base/mod.ts";
import type { Seed } from "../base/mod.ts";

/** The seed that part `numbers` (an epoch, a step) has under `seed`: 128 bits of SHA-256 of both. */
export function derivedSeed(seed: Seed, ...numbers: readonly number[]): Seed {
  const digest = sha256(`${seed.join(" ")}/${numbers.join("/")}`);
  const word = (at: number) => parseInt(digest.slice(at, at + 8), 16);
  return [word(0), word(8), word(16), word(24)];
}
