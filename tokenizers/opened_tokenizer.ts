/**
 * What a tokenizer that was opened offers beyond ids of a text.
 */
import type { Tokenizer } from "./tokenizer.ts";
import type { ByteStrings } from "./unigram/double_array.ts";

/** Ids of a text and what each stands for in it, before any normalisation: `text.slice(starts[i], ends[i])`. */
export interface Encoding {
  readonly ids: Int32Array;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

/** Ids of many texts, joined: text i is `ids[ends[i - 1] … ends[i]]`, from 0 for the first. */
export interface EncodedLines {
  readonly ids: Int32Array<ArrayBuffer>;
  readonly ends: Int32Array<ArrayBuffer>;
}

/** The same in half the memory, where a vocabulary is small enough. */
export interface EncodedTexts {
  readonly ids: Int32Array<ArrayBuffer> | Uint16Array<ArrayBuffer>;
  readonly ends: Int32Array<ArrayBuffer>;
}

/** Ids by the part that a piece has; undefined where a vocabulary has no such piece. */
export interface SpecialRoles {
  readonly unknown?: number;
  readonly begin?: number;
  readonly end?: number;
  readonly pad?: number;
}

/** A tokenizer that encodes many texts at once. Disposing ends the worker that some kinds need. */
export interface TextsTokenizer extends Tokenizer, Disposable {
  /** Ids of texts, well-formed UTF-8, each on its own; straight into typed arrays. */
  encodeTexts(texts: ByteStrings): EncodedLines;
}

/** A tokenizer of any kind that can be opened. */
export interface OpenedTokenizer extends TextsTokenizer {
  /** `unigram` for our own. */
  readonly kind: "unigram" | "sentencepiece" | "foreign";
  /** Ids of pieces with a part of their own, such as the end of a document. */
  readonly roles: SpecialRoles;
  /** Ids of each line of UTF-8; a line feed ends a line and is part of none. Straight into typed arrays. */
  encodeLines(bytes: Uint8Array, invalid?: "error" | "replace"): EncodedLines;
  /** Ids and the places in the text, in UTF-16 units, that they stand for. */
  encodeWithOffsets(text: string): Encoding;
}
