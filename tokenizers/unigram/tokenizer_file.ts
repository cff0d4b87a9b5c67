/**
 * `tokenizer.json`: a vocabulary in the layout of Hugging Face's `tokenizers`, so that other programs can load it.
 *
 * The settings beside the vocabulary say what our encoder does: words as in `words.ts`, characters without a piece in bytes. Two
 * forms of it are written and read: `plain_form.ts` and `byte_level_form.ts`.
 */
import { join } from "node:path";
import {
  canonicalJson,
  type Json,
  messageOf,
  StageError,
  writeFileAtomic,
} from "../../base/mod.ts";
import { specialPieces } from "../tokenizer.ts";
import { readJsonFile } from "../read_files.ts";
import { byteLevelForm, whyNotByteLevel } from "./byte_level_form.ts";
import { faultOf, unigramDefaults } from "./config.ts";
import type { FileForm, FileLayout } from "./file_form.ts";
import { normalizationRules } from "./normalizer.ts";
import { findBadPiece, type UnigramPiece } from "./pieces.ts";
import { plainForm } from "./plain_form.ts";
import { idLayout, type UnigramSettings } from "./settings.ts";
import { UnigramTokenizer, unknownScoreOf } from "./unigram_tokenizer.ts";

/** Name of the file in a tokenizer's folder. */
export const tokenizerFile = "tokenizer.json";

/** Writes `tokenizer.json` into a folder that exists. The same tokenizer gives the same bytes. */
export function saveTokenizer(folder: string, tokenizer: UnigramTokenizer): void {
  writeFileAtomic(join(folder, tokenizerFile), tokenizerJson(tokenizer, plainForm));
}

/**
 * The same in the form that every reader of the format encodes alike.
 * @throws RangeError for a vocabulary that has no such form: see `whyNotByteLevel`
 */
export function saveByteLevelTokenizer(folder: string, tokenizer: UnigramTokenizer): void {
  const why = whyNotByteLevel(tokenizer.settings);
  if (why !== undefined) throw new RangeError(`Cannot write a tokenizer on bytes: ${why}`);
  writeFileAtomic(join(folder, tokenizerFile), tokenizerJson(tokenizer, byteLevelForm));
}

/**
 * Reads `tokenizer.json` from a folder. Saving it again gives the same bytes.
 *
 * @throws StageError with the place of anything that `saveTokenizer` would not write
 */
export function loadTokenizer(folder: string): UnigramTokenizer {
  return loadTokenizerFile(join(folder, tokenizerFile));
}

/** Reads a tokenizer's file by its path, or what was read from there. Throws as `loadTokenizer` does. */
export function loadTokenizerFile(
  path: string,
  { value } = readJsonFile(path, "JSON"),
): UnigramTokenizer {
  try {
    const { pieces, settings } = parseTokenizer(value);
    return new UnigramTokenizer(pieces, settings);
  } catch (error) {
    if (!(error instanceof BadFile || error instanceof RangeError)) throw error;
    // A table would be too large.
    const fault = error instanceof BadFile ? error.message : `: ${error.message}`;
    throw new StageError(`Cannot read tokenizer "${path}"${fault}`, { cause: error });
  }
}

/** The text of `tokenizer.json`. */
function tokenizerJson({ learned, settings }: UnigramTokenizer, form: FileForm): string {
  const rows = [
    ...form.reserved(settings, unknownScoreOf(learned)),
    ...learned.map(({ text, logProb }) => [form.write(text), logProb] as const),
  ];
  const vocabulary = rows.map(([piece, score]) =>
    `[${JSON.stringify(piece)},${JSON.stringify(score)}]`
  );
  const { model, ...steps } = form.layouts(settings).at(-1)!;
  const members = Object.entries(steps).map(([key, value]) => `"${key}":${canonicalJson(value)}`);
  const parameters = canonicalJson(model).slice(1, -1); // a piece a line, so that people can read and compare
  return `{\n${members.join(",\n")},\n"model":{${parameters},"vocab":[\n${
    vocabulary.join(",\n")
  }\n]}}\n`;
}

/**
 * Whether a parsed `tokenizer.json` is laid out as ours: a unigram model that begins with our special pieces, and that cuts
 * words. One of ours that went through a SentencePiece model does not.
 */
export function isOurLayout(file: unknown): boolean {
  const { model, pre_tokenizer } = (file ?? {}) as {
    model?: { type?: unknown; vocab?: unknown };
    pre_tokenizer?: { type?: unknown };
  };
  const { type, vocab } = model ?? {};
  return type === "Unigram" && pre_tokenizer?.type !== "Metaspace" && Array.isArray(vocab) &&
    specialPieces.every((piece, id) => Array.isArray(vocab[id]) && vocab[id][0] === piece);
}

function parseTokenizer(file: unknown): { pieces: UnigramPiece[]; settings: UnigramSettings } {
  const found = objectAt(file, "the file");
  const foundModel = objectAt(found.model, "model");
  const form = [byteLevelForm, plainForm].find(({ isOf }) => isOf(found.pre_tokenizer))!;
  const settings = settingsOf(found, foundModel, form);
  const fault = faultOf({ ...unigramDefaults, ...settings });
  if (fault !== undefined) fail(`added_tokens as ${fault.name}`, fault.expected, fault.found);
  const { model, ...steps } = nearestLayout(found, form.layouts(settings));
  for (const [key, value] of Object.entries(steps)) expectSame(found[key], value, key);
  for (const [key, value] of Object.entries(model)) {
    expectSame(foundModel[key], value, `model.${key}`);
  }
  const { vocab } = foundModel;
  if (!Array.isArray(vocab)) fail("model.vocab", "a list of pieces", kindOf(vocab));
  const pieces = learnedPieces(vocab, settings, form);
  form.reserved(settings, unknownScoreOf(pieces)).forEach((entry, id) =>
    expectSame(vocab[id], entry, `model.vocab[${id}]`)
  );
  return { pieces, settings };
}

/** The layout that a file has, else the one that is written now. */
function nearestLayout(
  found: Record<string, unknown>,
  layouts: readonly FileLayout[],
): FileLayout {
  return layouts.find(({ decoder }) => isSame(found.decoder, decoder)) ?? layouts.at(-1)!;
}

/** The settings that the file seems to be made with. The caller checks that the whole file fits them. */
function settingsOf(
  file: Record<string, unknown>,
  model: Record<string, unknown>,
  form: FileForm,
): UnigramSettings {
  const added = Array.isArray(file.added_tokens)
    ? file.added_tokens.slice(specialPieces.length)
    : [];
  const symbols = (special: boolean): string[] =>
    added.filter((token) => token?.special === special && typeof token.content === "string")
      .map((token) => token.content);
  const settings: UnigramSettings = {
    ...unigramDefaults,
    byteFallback: form === byteLevelForm || model.byte_fallback !== false,
    controlSymbols: symbols(true),
    userDefinedSymbols: symbols(false),
  };
  const candidates = normalizationRules.flatMap((normalizationRule) =>
    [false, true].flatMap((removeExtraWhitespaces) =>
      [false, true].map((addDummyPrefix) => ({
        ...settings,
        normalizationRule,
        removeExtraWhitespaces,
        addDummyPrefix,
      }))
    )
  );
  const layoutOf = (candidate: UnigramSettings) => form.layouts(candidate)[0];
  const one = candidates.find((one) => isSame(file.normalizer, layoutOf(one).normalizer)) ??
    settings;
  const unsplit = { ...one, splitByWhitespace: false };
  return isSame(file.pre_tokenizer, layoutOf(unsplit).pre_tokenizer) ? unsplit : one;
}

function learnedPieces(
  vocab: readonly unknown[],
  settings: UnigramSettings,
  form: FileForm,
): UnigramPiece[] {
  const { learned: firstLearned } = idLayout(settings);
  const pieces = vocab.slice(firstLearned).map((entry, i): UnigramPiece => {
    const place = `model.vocab[${firstLearned + i}]`;
    const isPair = Array.isArray(entry) && entry.length === 2 && typeof entry[0] === "string" &&
      typeof entry[1] === "number";
    if (!isPair) fail(place, "[piece, log probability]", JSON.stringify(entry));
    const [piece, logProb] = entry as [string, number];
    try {
      return { text: form.read(piece), logProb };
    } catch (error) {
      fail(place, messageOf(error), JSON.stringify(piece));
    }
  });
  const bad = findBadPiece(pieces);
  if (bad) fail(`model.vocab[${firstLearned + bad.index}]`, bad.expected, bad.found);
  return pieces;
}

function objectAt(value: unknown, place: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  fail(place, "an object", kindOf(value));
}

function isSame(found: unknown, expected: Json): boolean {
  return canonicalJson(found ?? null) === canonicalJson(expected);
}

function expectSame(found: unknown, expected: Json, place: string): void {
  if (found !== undefined && isSame(found, expected)) return;
  const text = found === undefined ? "nothing" : canonicalJson(found);
  fail(place, canonicalJson(expected), text);
}

function kindOf(value: unknown): string {
  return value === undefined ? "nothing" : JSON.stringify(value).slice(0, 40);
}

function fail(place: string, expected: string, found: string): never {
  throw new BadFile(`, ${place}: expected ${expected}, found ${found}`);
}

/** What is wrong and where, still without the file's name. */
class BadFile extends Error {
  override readonly name = "BadFile";
}
