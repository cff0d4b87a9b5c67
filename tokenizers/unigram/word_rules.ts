/**
 * Where words end, for vocabularies of different kinds.
 */
import type { TextBuffer } from "./text_buffer.ts";

/**
 * Kinds of words, whose ends no piece crosses:
 * - `white-space`: words as in `words.ts`;
 * - `before-space`: a word ends before every space;
 * - `space-runs`: a word is a run of spaces and what follows up to the next space;
 * - `stretches`: lines, cut at tabs, as in `words.ts`;
 * - `none`: a text is one word.
 */
export const wordRules = [
  "white-space",
  "before-space",
  "space-runs",
  "stretches",
  "none",
] as const;
export type WordRule = typeof wordRules[number];

/** By byte: 1 for ASCII characters after the space, 2 for punctuation marks among them. */
export const plainAscii: Uint8Array = /* @__PURE__ */ Uint8Array.from(
  { length: 256 },
  (_, byte) => {
    if (byte <= 0x20 || byte >= 0x7f) return 0;
    return /[!-/:-@[-`{-~]/.test(String.fromCharCode(byte)) ? 2 : 1;
  },
);

/** Makes single words ready for the encoder, so that a word that was met before is not normalised at all. */
export interface WordNormalizer {
  /** By byte: 1 for those that stand between words in raw text. */
  readonly separators: Uint8Array;
  /** The same, and the line feed. */
  readonly lineSeparators: Uint8Array;
  /** By code point up to U+FFFF: as in `RuleSurvey` of `../sentencepiece/charsmap.ts`, 0 for characters that do not change. */
  readonly special: Uint8Array;
  /** Rules for all special characters except spaces; without them `normalizeWord` is called for each. */
  readonly rules?: { readonly units: Uint32Array; readonly texts: Uint8Array };
  /** By byte: as `plainAscii`, 0 for characters that change somewhere. */
  readonly unchanged: Uint8Array;
  /**
   * Puts the normal form of the raw word `start … end`, a space before it, into `out`. False if that depends on the words
   * around it, or is not one word.
   */
  normalizeWord(bytes: Uint8Array, start: number, end: number, out: TextBuffer): boolean;
}
