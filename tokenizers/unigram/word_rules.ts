/**
 * Where words end, for vocabularies of different kinds.
 */
import type { TextBuffer } from "./text_buffer.ts";
import { stretchEnd, wordEnd } from "./words.ts";

/**
 * What no piece crosses:
 * - `white-space`: words as in `words.ts`;
 * - `before-space`: a word ends before every space;
 * - `space-runs`: a word is a run of spaces and what follows up to the next space;
 * - `stretches`: lines, cut at tabs, as in `words.ts`;
 * - `none`: a text is one word.
 */
export type WordRule = "white-space" | "before-space" | "space-runs" | "stretches" | "none";

/** Where the word that begins at `at` ends, in UTF-8 bytes that end at `end` > `at`. */
export function ruledWordEnd(rule: WordRule, bytes: Uint8Array, at: number, end: number): number {
  if (rule === "white-space") return wordEnd(bytes, at, end);
  if (rule === "stretches") return stretchEnd(bytes, at, end);
  if (rule === "none") return end;
  let to = at;
  if (rule === "before-space") to++;
  else while (to < end && bytes[to] === space) to++;
  while (to < end && bytes[to] !== space) to++;
  return to;
}

/** Makes single words ready for the encoder, so that a word that is found in the cache is not normalised at all. */
export interface WordNormalizer {
  /** By byte: 1 for those that stand between words in raw text. */
  readonly separators: Uint8Array;
  /** The same, and the line feed. */
  readonly lineSeparators: Uint8Array;
  /** By byte: 1 for ASCII characters that stay as they are wherever they stand; 2 for marks among them. */
  readonly unchanged: Uint8Array;
  /**
   * Puts the normal form of the raw word `start … end`, a space before it, into `out`. False if that depends on the words
   * around it, or is not one word.
   */
  normalizeWord(bytes: Uint8Array, start: number, end: number, out: TextBuffer): boolean;
}

const space = 0x20;

/** By byte: 1 for white space as `words.ts` has it, and for the space alone. */
export const whiteSpace: Uint8Array = /* @__PURE__ */ Uint8Array.from(
  { length: 256 },
  (_, b) => Number("\t\n\r ".includes(String.fromCharCode(b))),
);
export const onlySpace: Uint8Array = /* @__PURE__ */ Uint8Array.from(
  { length: 256 },
  (_, b) => Number(b === space),
);
