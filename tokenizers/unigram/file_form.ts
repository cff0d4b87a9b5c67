/**
 * A form of our `tokenizer.json`: how it writes pieces, and which steps it asks other programs for.
 */
import type { Json } from "../../base/mod.ts";
import { specialIds, specialPieces } from "../tokenizer.ts";
import { idLayout, type UnigramSettings } from "./settings.ts";
import { stretchPattern, wordPattern } from "./words.ts";

/** An entry of the vocabulary: a piece as written, and its score. */
export type FileEntry = readonly [piece: string, score: number];

export interface FileForm {
  readonly name: string;
  /** Whether a file's step that cuts text is of this form. */
  isOf(preTokenizer: unknown): boolean;
  /** The file without its vocabulary. The last of several is what is written; the others are what earlier versions wrote. */
  layouts(settings: UnigramSettings): readonly FileLayout[];
  /** The rows before the learned ones. @param unknownScore What a character without a piece scores */
  reserved(settings: UnigramSettings, unknownScore: number): readonly FileEntry[];
  /** A learned piece as this form writes it. */
  write(text: string): string;
  /** The text of a written piece. @throws RangeError that says what was expected of it */
  read(piece: string): string;
}

export interface FileLayout {
  readonly version: "1.0";
  readonly truncation: null;
  readonly padding: null;
  readonly added_tokens: Json;
  readonly normalizer: Json;
  readonly pre_tokenizer: Json;
  readonly post_processor: null;
  readonly decoder: Json;
  readonly model: {
    readonly type: "Unigram";
    readonly unk_id: number;
    readonly byte_fallback: boolean;
  };
}

/** A file of our vocabularies: text is normalised, cut into words or stretches, and each is written in the letters of a form. */
export function fileLayout(
  settings: UnigramSettings,
  { normalizer, letters, decoder, byteFallback }: {
    readonly normalizer: Json;
    /** The step of the pre-tokenizer after the cut, which writes text in the form's letters. */
    readonly letters: Json;
    readonly decoder: Json;
    readonly byteFallback: boolean;
  },
): FileLayout {
  const pattern = { Regex: settings.splitByWhitespace ? wordPattern : stretchPattern };
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: addedTokens(settings),
    normalizer,
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [{ type: "Split", pattern, behavior: "Isolated", invert: false }, letters],
    },
    post_processor: null,
    decoder,
    model: { type: "Unigram", unk_id: specialIds.unknown, byte_fallback: byteFallback },
  };
}

/** The pieces that are told apart from text before it is cut, as the format lists them. */
export function addedTokens(settings: UnigramSettings) {
  const { control, userDefined } = idLayout(settings);
  const added = (content: string, id: number, special: boolean) => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special,
  });
  return [
    ...specialPieces.map((content, id) => added(content, id, true)),
    ...settings.controlSymbols.map((content, i) => added(content, control + i, true)),
    ...settings.userDefinedSymbols.map((content, i) => added(content, userDefined + i, false)),
  ];
}

/** Replaces what an expression finds. In that format `^` and `$` stand for the ends of every line. */
export function replacing(pattern: string, content: string): Json {
  return { type: "Replace", pattern: { Regex: pattern }, content };
}

/** One step after the other; null for none. */
export function inSequence(normalizers: readonly Json[]): Json {
  return normalizers.length === 0 ? null : { type: "Sequence", normalizers };
}

/** Takes the space away that `addDummyPrefix` puts in front. */
export const dummyPrefixStrip: Json = { type: "Strip", content: " ", start: 1, stop: 0 };
