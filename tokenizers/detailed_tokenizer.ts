/**
 * What a unigram tokenizer offers beyond ids of a text.
 */
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

export interface DetailedTokenizer extends Tokenizer {
  /** Ids of each line of UTF-8; a line feed ends a line and is part of none. Straight into typed arrays. */
  encodeLines(bytes: Uint8Array, invalid?: "error" | "replace"): EncodedLines;
  /** Ids of texts, straight into typed arrays. */
  encodeBatch(texts: readonly string[]): EncodedLines;
  /** Ids and the places in the text, in UTF-16 units, that they stand for. */
  encodeWithOffsets(text: string): Encoding;
}
