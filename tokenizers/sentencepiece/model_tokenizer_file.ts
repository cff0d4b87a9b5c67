/**
 * `.model` and `.vocab` files: SentencePiece models read, and vocabularies of ours written as such.
 */
import { StageError, writeFileAtomic } from "../../base/mod.ts";
import { specialIds } from "../tokenizer.ts";
import { readModelFile } from "../read_files.ts";
import type { NormalizationRule } from "../unigram/normalizer.ts";
import { onOneLine } from "../unigram/pieces.ts";
import type { UnigramTokenizer } from "../unigram/unigram_tokenizer.ts";
import { compileCharsmap } from "./charsmap_file.ts";
import { normalFormRules } from "./charsmap_rules.ts";
import {
  BadModel,
  formatModel,
  formatRest,
  type ModelPiece,
  parseModel,
  type PieceKind,
  pieceKinds,
  type SentencePieceModel,
} from "./model_file.ts";
import { type SentencePieceOptions, SentencePieceTokenizer } from "./sentencepiece_tokenizer.ts";

/** @throws StageError with the place of the damage */
export function loadSentencePiece(
  path: string,
  options: SentencePieceOptions = {},
): SentencePieceTokenizer {
  const bytes = readModelFile(path);
  try {
    return new SentencePieceTokenizer(parseModel(bytes), options);
  } catch (cause) {
    if (!(cause instanceof BadModel || cause instanceof RangeError)) throw cause;
    const fault = cause instanceof BadModel ? cause.message : `, ${cause.message}`;
    throw new StageError(`Cannot read tokenizer "${path}"${fault}`, { cause });
  }
}

/** Writes a `.model`. A model that was read and not changed gives the bytes that were read. */
export function saveSentencePiece(path: string, model: SentencePieceModel): void {
  writeFileAtomic(path, formatModel(model));
}

/**
 * Writes a `.vocab`: a piece and its score a line, as SentencePiece does, with six digits.
 *
 * @returns the pieces that a line cannot hold as they are, and that stand there with escapes
 */
export function saveVocabulary(path: string, model: SentencePieceModel): readonly string[] {
  const lines = model.pieces.map(({ text, score }) =>
    `${onOneLine(text)}\t${formatScore(score)}\n`
  );
  writeFileAtomic(path, lines.join(""));
  return model.pieces.map(({ text }) => onOneLine(text)).filter((text, i) =>
    text !== model.pieces[i].text
  );
}

/**
 * A vocabulary of ours as a SentencePiece model, with the same ids. Scores lose half their digits there.
 *
 * SentencePiece knows no words: where white space stands in runs it may choose other pieces than we do, and a `▁` in a text
 * is a space to it. Normalisation is written as rules for strings that occur in texts (`charsmap_rules.ts` says which).
 *
 * @throws StageError for a symbol that such a file cannot hold: of 8,000 bytes or more, or with a `▁` that makes it a learned piece
 */
export function sentencePieceModelOf(tokenizer: UnigramTokenizer): SentencePieceModel {
  const { settings, layout, vocabSize } = tokenizer;
  const pieces = Array.from({ length: vocabSize }, (_, id): ModelPiece => {
    let kind: PieceKind = pieceKinds.normal;
    if (id === specialIds.unknown) kind = pieceKinds.unknown;
    else if (layout.bytes !== undefined && id >= layout.bytes && id < layout.control) {
      kind = pieceKinds.byte;
    } else if (id < layout.userDefined) kind = pieceKinds.control;
    else if (id < layout.learned) kind = pieceKinds.userDefined;
    const logProb = id < layout.learned ? 0 : tokenizer.learned[id - layout.learned].logProb;
    return { text: tokenizer.piece(id), score: Math.fround(logProb), kind };
  });
  const normalizer = {
    name: settings.normalizationRule,
    charsmap: charsmapOf(settings.normalizationRule),
    addDummyPrefix: settings.addDummyPrefix,
    removeExtraWhitespaces: settings.removeExtraWhitespaces,
    escapeWhitespaces: true,
  };
  const { byteFallback } = settings;
  const rest = formatRest({ vocabSize, byteFallback, padId: specialIds.pad, normalizer });
  try {
    return parseModel(formatModel({ pieces, rest }));
  } catch (cause) {
    if (!(cause instanceof BadModel)) throw cause;
    throw new StageError(
      `Cannot write a SentencePiece model${cause.message}; a tokenizer.json can hold it`,
      { cause },
    );
  }
}

function charsmapOf(rule: NormalizationRule): Uint8Array {
  return rule === "identity" ? new Uint8Array(0) : compileCharsmap(normalFormRules(rule));
}

/** Six significant digits, as C++ streams print a number. */
function formatScore(score: number): string {
  if (score === 0) return "0";
  const text = score.toPrecision(6);
  if (!text.includes("e")) return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
  const [digits, exponent] = text.split("e");
  const size = exponent.slice(1).padStart(2, "0");
  return `${digits.replace(/\.?0+$/, "")}e${exponent[0]}${size}`;
}
