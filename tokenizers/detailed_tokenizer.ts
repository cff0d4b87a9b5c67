/**
 * What a unigram tokenizer offers beyond ids of a text.
 */
import type { Seed } from "../base/mod.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** Ids of a text and what each stands for in it, before any normalisation: `text.slice(starts[i], ends[i])`. */
export interface Encoding {
  readonly ids: Int32Array;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

/** Ids of many texts, joined: text i is `ids[ends[i - 1] … ends[i]]`, from 0 for the first. */
export interface EncodedLines {
  readonly ids: Int32Array;
  readonly ends: Int32Array;
}

/** A way to write a text, and the sum of its pieces' scores (log probabilities). */
export interface Segmentation {
  readonly ids: Int32Array;
  readonly score: number;
}

export interface DetailedTokenizer extends Tokenizer {
  /** Ids of each line of UTF-8; a line feed ends a line and is part of none. Straight into typed arrays. */
  encodeLines(bytes: Uint8Array, invalid?: "error" | "replace"): EncodedLines;
  /** Ids of texts, straight into typed arrays. */
  encodeBatch(texts: readonly string[]): EncodedLines;
  /** Ids and the places in the text, in UTF-16 units, that they stand for. */
  encodeWithOffsets(text: string): Encoding;
  /** The n best segmentations, best first; the first is `encode`'s. */
  nBest(text: string, n: number): Segmentation[];
  /** A segmentation drawn in proportion to exp(alpha × score). The same seed gives the same. Source: Kudo 2018, §3.3. */
  sample(text: string, options: { readonly seed: Seed; readonly alpha: number }): Int32Array;
}
