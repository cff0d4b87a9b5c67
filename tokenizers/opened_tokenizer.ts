/**
 * What a tokenizer that was opened offers beyond ids of a text.
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

/** Ids by the part that a piece has; undefined where a vocabulary has no such piece. */
export interface SpecialRoles {
  readonly unknown?: number;
  readonly begin?: number;
  readonly end?: number;
  readonly pad?: number;
}

/** A tokenizer of any kind that can be opened. Disposing ends the worker that some kinds need. */
export interface OpenedTokenizer extends Tokenizer, Disposable {
  /** `unigram` for our own. */
  readonly kind: "unigram" | "sentencepiece" | "foreign";
  /** Ids of pieces with a part of their own, such as the end of a document. */
  readonly roles: SpecialRoles;
  /** Ids of each line of UTF-8; a line feed ends a line and is part of none. Straight into typed arrays. */
  encodeLines(bytes: Uint8Array, invalid?: "error" | "replace"): EncodedLines;
  /** Ids of texts, straight into typed arrays. */
  encodeBatch(texts: readonly string[]): EncodedLines;
  /** Ids and the places in the text, in UTF-16 units, that they stand for. */
  encodeWithOffsets(text: string): Encoding;
}
