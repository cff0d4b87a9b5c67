/**
 * Text as a SentencePiece model wants it: rules applied, white space normalised, the mark for a space (`▁`) as a plain space.
 *
 * Source: SentencePiece 0.1.97, `normalizer.cc`.
 */
import type { TextBuffer } from "../unigram/text_buffer.ts";
import { wellFormedLength } from "../unigram/invalid_utf8.ts";
import type { Origins, TextNormalizer } from "../unigram/text_encoder.ts";
import { SymbolFinder } from "../unigram/symbol_finder.ts";
import { codePointAt, threeByteCodePoint } from "../unigram/utf8.ts";
import { plainAscii, type WordNormalizer } from "../unigram/word_rules.ts";
import { Charsmap, follows, type Replacement, ruled, type RuleSurvey } from "./charsmap.ts";
import type { NormalizerRules } from "./model_file.ts";

const space = 0x20;
const replacementCharacter = /* @__PURE__ */ Uint8Array.of(0xef, 0xbf, 0xbd);
/** More than a rule, a symbol or a space can add beyond the bytes that are read: checked where it is written. */
const slack = 64;

export interface NormalizerOptions {
  readonly whitespaceIsSuffix: boolean;
  /** UTF-8 of symbols that are taken from the text as they stand. */
  readonly userDefined: readonly Uint8Array[];
}

export class SentencePieceNormalizer implements TextNormalizer {
  readonly #rules: NormalizerRules;
  readonly #charsmap: Charsmap | undefined;
  readonly #isSuffix: boolean;
  /** By code point: as `RuleSurvey` has it, for symbols too. */
  readonly #special: Uint8Array;
  readonly #symbols: SymbolFinder<{ readonly bytes: Uint8Array }>;
  replacedBytes = 0;
  readonly words: WordNormalizer | undefined;

  /** A mark for a space was met. */
  #sawMark = false;
  // The replacement of a prefix of the text: `#texts[#found.from … #found.to]`, for `#found.length` bytes of it.
  readonly #found: Replacement = { from: 0, to: 0, length: 0 };
  #texts: Uint8Array = replacementCharacter;

  /** @throws RangeError for damaged rules */
  constructor(rules: NormalizerRules, { whitespaceIsSuffix, userDefined }: NormalizerOptions) {
    this.#rules = rules;
    this.#isSuffix = whitespaceIsSuffix;
    this.#charsmap = rules.charsmap.length > 0 ? new Charsmap(rules.charsmap) : undefined;
    const survey = this.#charsmap?.survey();
    this.#special = survey?.special ?? new Uint8Array(0x110000);
    this.#symbols = new SymbolFinder(userDefined.map((bytes) => ({ bytes })));
    for (const symbol of userDefined) this.#special[codePointAt(symbol, 0)] |= ruled;
    this.#special[0x2581] |= ruled; // ▁ becomes a space
    const separators = separatorsOf(survey, userDefined);
    const { removeExtraWhitespaces, addDummyPrefix, escapeWhitespaces } = rules;
    if (
      separators && removeExtraWhitespaces && addDummyPrefix && escapeWhitespaces &&
      !whitespaceIsSuffix
    ) {
      const lineSeparators = separators.slice();
      lineSeparators[0x0a] = 1;
      const unchanged = plainAscii.map((kind, byte) => this.#special[byte] === 0 ? kind : 0);
      for (const symbol of userDefined) for (const byte of symbol) unchanged[byte] = 0;
      this.words = {
        separators,
        lineSeparators,
        special: this.#special.subarray(0, 0x10000),
        rules: userDefined.length === 0 ? this.#charsmap : undefined,
        unchanged,
        normalizeWord: (bytes, start, end, out) => this.#normalizeWord(bytes, start, end, out),
      };
    }
  }

  #normalizeWord(bytes: Uint8Array, start: number, end: number, out: TextBuffer): boolean {
    this.#sawMark = false;
    this.normalize(bytes, start, end, out);
    // A mark for a space is not stripped before another word, as it is at the end.
    return !this.#sawMark && out.length > 1 && out.bytes.indexOf(space, 1) >= out.length;
  }

  /**
   * Puts the normal form of `start … end` into `out`. Each byte that is not of a well-formed character becomes U+FFFD.
   *
   * @param bytes readable for 4 more bytes after `end`
   * @param origins if given, gets for each byte of `out`, and for its end, the place in `bytes` that it comes from
   */
  normalize(
    bytes: Uint8Array,
    start: number,
    end: number,
    out: TextBuffer,
    origins?: Origins,
  ): void {
    const { addDummyPrefix, removeExtraWhitespaces, escapeWhitespaces } = this.#rules;
    out.reserve(end - start + slack);
    let target = out.bytes;
    let length = 0;
    let at = start;
    const finish = () => {
      origins?.push(at, length + 1);
      out.close(length);
    };
    if (removeExtraWhitespaces) {
      while (at < end) {
        this.#prefix(bytes, at, end);
        const { from, to } = this.#found;
        if (to - from !== 1 || this.#texts[from] !== space) break;
        at += this.#found.length;
      }
    }
    if (at === end) return finish();
    const addSpace = () => {
      target[length++] = space;
      origins?.push(at, length);
    };
    if (addDummyPrefix && !this.#isSuffix) addSpace();
    const special = this.#special;
    let afterSpace = removeExtraWhitespaces;
    // Whether the character just copied may begin a rule with the next one: then it is taken back.
    let last = -1;
    // There is room for the rest of the text and `slack` more: only replacements can take more room than their text.
    while (at < end) {
      const byte = bytes[at];
      if (byte < 0x80 && special[byte] === 0) {
        if (byte !== space) {
          last = at;
          target[length++] = byte;
          afterSpace = false;
        } else if (!afterSpace) {
          last = -1;
          target[length++] = space;
          afterSpace = removeExtraWhitespaces;
        }
        if (origins !== undefined) origins.push(at, length);
        at++;
        continue;
      }
      const three = threeByteCodePoint(bytes, at, end);
      if (three >= 0 && special[three] === 0) {
        last = at;
        target[length] = byte;
        target[length + 1] = bytes[at + 1];
        target[length + 2] = bytes[at + 2];
        length += 3;
        if (origins !== undefined) origins.push(at, length);
        at += 3;
        afterSpace = false;
        continue;
      }
      const size = byte < 0x80 ? 1 : wellFormedLength(bytes, at, end);
      if (size > 1 && special[codePointAt(bytes, at)] === 0) {
        last = at;
        for (let i = 0; i < size; i++) target[length++] = bytes[at + i];
        if (origins !== undefined) origins.push(at, length);
        at += size;
        afterSpace = false;
        continue;
      }
      // Here or one character before, a rule or a symbol may begin.
      if (last >= 0 && size > 0 && (special[codePointAt(bytes, at)] & follows) !== 0) {
        this.#prefix(bytes, last, end);
        if (this.#found.length > at - last || this.#texts !== bytes) {
          length -= at - last;
          at = last;
          origins?.cut(length);
        } else {
          this.#prefix(bytes, at, end);
        }
      } else {
        this.#prefix(bytes, at, end);
      }
      last = -1;
      const texts = this.#texts;
      let { from, to } = this.#found;
      while (afterSpace && from < to && texts[from] === space) from++;
      if (length + (to - from) + (end - at) + slack > target.length) {
        out.reserve(length + (to - from) + (end - at) + 2 * slack);
        target = out.bytes;
      }
      if (from < to) {
        afterSpace = removeExtraWhitespaces && texts[to - 1] === space;
        for (let i = from; i < to; i++) {
          const isMark = escapeWhitespaces && texts[i] === 0xe2 && i + 2 < to &&
            texts[i + 1] === 0x96 && texts[i + 2] === 0x81;
          target[length++] = isMark ? space : texts[i];
          if (isMark) {
            this.#sawMark = true;
            i += 2;
          }
        }
        origins?.push(at, length);
      }
      at += this.#found.length;
    }
    if (removeExtraWhitespaces) {
      while (length > 0 && target[length - 1] === space) {
        length--;
        if (origins) at = origins.at(length);
        origins?.cut(length);
      }
    }
    if (addDummyPrefix && this.#isSuffix) addSpace();
    finish();
  }

  /** Finds the beginning of the text at `at` and its replacement. */
  #prefix(bytes: Uint8Array, at: number, end: number): void {
    const found = this.#found;
    const symbol = this.#symbols.at(bytes, at, end);
    if (symbol !== undefined) {
      this.#texts = symbol.bytes;
      found.from = 0;
      found.to = found.length = symbol.bytes.length;
      return;
    }
    if (this.#charsmap?.match(bytes, at, end, found)) {
      this.#texts = this.#charsmap.texts;
      return;
    }
    const size = wellFormedLength(bytes, at, end);
    if (size === 0) {
      this.#texts = replacementCharacter;
      this.replacedBytes++;
      found.from = 0;
      found.to = 3;
      found.length = 1;
      return;
    }
    this.#texts = bytes;
    found.from = at;
    found.to = at + size;
    found.length = size;
  }
}

/** The space and what becomes one by itself; undefined if a rule or a symbol looks beyond a space. */
function separatorsOf(
  survey: RuleSurvey | undefined,
  userDefined: readonly Uint8Array[],
): Uint8Array | undefined {
  if (survey?.makesMark) return undefined;
  const separators = new Uint8Array(256);
  if (survey !== undefined) separators.set(survey.controls);
  for (const symbol of userDefined) {
    for (const byte of symbol) if (byte <= space) separators[byte] = 2;
  }
  if (separators[space] !== 0) return undefined;
  separators[space] = 1;
  return separators.map((kind) => kind === 1 ? 1 : 0);
}
