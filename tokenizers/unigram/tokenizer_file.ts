/**
 * `tokenizer.json`: a vocabulary in the layout of Hugging Face's `tokenizers`, so that other programs can load it.
 *
 * The settings beside the vocabulary say what our encoder does: words as in `words.ts`, a space written `▁`, characters
 * without a piece in bytes. Other programs differ where text looks like the file's own signs: they take `</s>` or
 * `<0x0A>` for those pieces, and a `▁` for a space.
 */
import { join } from "node:path";
import { canonicalJson, type Json, StageError, writeFileAtomic } from "../../base/mod.ts";
import { specialIds, specialPieces } from "../tokenizer.ts";
import { readJsonFile } from "../read_files.ts";
import { faultOf, unigramDefaults } from "./config.ts";
import { normalizationRules } from "./normalizer.ts";
import { byteName, findBadPiece, type UnigramPiece, unwritten, written } from "./pieces.ts";
import { idLayout, type UnigramSettings } from "./settings.ts";
import { UnigramTokenizer } from "./unigram_tokenizer.ts";
import { wordPattern } from "./words.ts";

/** `stretchEnd` of `words.ts` as a regular expression. */
const stretchPattern = "[^\\t\\n\\r]+|[\\t\\n\\r]+";

/** Name of the file in a tokenizer's folder. */
export const tokenizerFile = "tokenizer.json";

/** Writes `tokenizer.json` into a folder that exists. The same tokenizer gives the same bytes. */
export function saveTokenizer(folder: string, tokenizer: UnigramTokenizer): void {
  writeFileAtomic(join(folder, tokenizerFile), tokenizerJson(tokenizer));
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
function tokenizerJson(tokenizer: UnigramTokenizer): string {
  const { learned, layout: { learned: firstLearned } } = tokenizer;
  const vocabulary = Array.from({ length: tokenizer.vocabSize }, (_, id) => {
    const logProb = id < firstLearned ? 0 : learned[id - firstLearned].logProb;
    return `[${JSON.stringify(tokenizer.piece(id))},${JSON.stringify(logProb)}]`;
  });
  const { model, ...settings } = layout(tokenizer.settings);
  const members = Object.entries(settings).map(([key, value]) =>
    `"${key}":${canonicalJson(value)}`
  );
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

/** The file without its vocabulary. */
function layout(settings: UnigramSettings) {
  const metaspace = { type: "Metaspace", replacement: "▁", prepend_scheme: "never", split: false };
  const pattern = { Regex: settings.splitByWhitespace ? wordPattern : stretchPattern };
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: addedTokens(settings),
    normalizer: normalizerLayout(settings),
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        { type: "Split", pattern, behavior: "Isolated", invert: false },
        metaspace,
      ],
    },
    post_processor: null,
    decoder: {
      type: "Sequence",
      decoders: [metaspace, { type: "ByteFallback" }, { type: "Fuse" }],
    },
    model: { type: "Unigram", unk_id: specialIds.unknown, byte_fallback: settings.byteFallback },
  } satisfies Json;
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

function normalizerLayout(
  { normalizationRule, removeExtraWhitespaces, addDummyPrefix }: UnigramSettings,
): Json {
  // In that format `^` and `$` stand for the ends of every line.
  const replace = (pattern: string, content: string) => ({
    type: "Replace",
    pattern: { Regex: pattern },
    content,
  });
  const normalizers = [
    ...{
      identity: [],
      nfc: [{ type: "NFC" }],
      nfkc: [{ type: "NFKC" }],
      nmt_nfkc: [{ type: "Nmt" }, { type: "NFKC" }],
    }[normalizationRule],
    ...removeExtraWhitespaces ? [replace(" {2,}", " "), replace("\\A | \\z", "")] : [],
    ...addDummyPrefix ? [replace("\\A(?=[^ ])", " ")] : [],
  ];
  return normalizers.length === 0 ? null : { type: "Sequence", normalizers };
}

function parseTokenizer(file: unknown): { pieces: UnigramPiece[]; settings: UnigramSettings } {
  const found = objectAt(file, "the file");
  const foundModel = objectAt(found.model, "model");
  const settings = settingsOf(found, foundModel);
  const fault = faultOf({ ...unigramDefaults, ...settings });
  if (fault !== undefined) fail(`added_tokens as ${fault.name}`, fault.expected, fault.found);
  const { model, ...rest } = layout(settings);
  for (const [key, value] of Object.entries(rest)) expectSame(found[key], value, key);
  for (const [key, value] of Object.entries(model)) {
    expectSame(foundModel[key], value, `model.${key}`);
  }
  const { vocab } = foundModel;
  if (!Array.isArray(vocab)) fail("model.vocab", "a list of pieces", kindOf(vocab));
  return { pieces: learnedPieces(vocab, settings), settings };
}

/** The settings that the file seems to be made with. The caller checks that the whole file fits them. */
function settingsOf(
  file: Record<string, unknown>,
  model: Record<string, unknown>,
): UnigramSettings {
  const same = (a: unknown, b: Json) => canonicalJson(a ?? null) === canonicalJson(b);
  const added = Array.isArray(file.added_tokens)
    ? file.added_tokens.slice(specialPieces.length)
    : [];
  const symbols = (special: boolean): string[] =>
    added.filter((token) => token?.special === special && typeof token.content === "string")
      .map((token) => token.content);
  const settings: UnigramSettings = {
    ...unigramDefaults,
    byteFallback: model.byte_fallback !== false,
    controlSymbols: symbols(true),
    userDefinedSymbols: symbols(false),
  };
  const forms = normalizationRules.flatMap((normalizationRule) =>
    [false, true].flatMap((removeExtraWhitespaces) =>
      [false, true].map((addDummyPrefix) => ({
        ...settings,
        normalizationRule,
        removeExtraWhitespaces,
        addDummyPrefix,
      }))
    )
  );
  const form = forms.find((form) => same(file.normalizer, normalizerLayout(form))) ?? settings;
  const unsplit = { ...form, splitByWhitespace: false };
  return same(file.pre_tokenizer, layout(unsplit).pre_tokenizer) ? unsplit : form;
}

function learnedPieces(vocab: readonly unknown[], settings: UnigramSettings): UnigramPiece[] {
  const { learned: firstLearned } = idLayout(settings);
  const reserved = [
    ...specialPieces,
    ...settings.byteFallback ? Array.from({ length: 256 }, (_, byte) => byteName(byte)) : [],
    ...settings.controlSymbols,
    ...settings.userDefinedSymbols.map(written),
  ];
  reserved.forEach((piece, id) => expectSame(vocab[id], [piece, 0], `model.vocab[${id}]`));
  const pieces = vocab.slice(firstLearned).map((entry, i): UnigramPiece => {
    const isPair = Array.isArray(entry) && entry.length === 2 && typeof entry[0] === "string" &&
      typeof entry[1] === "number";
    if (!isPair) {
      fail(`model.vocab[${firstLearned + i}]`, "[piece, log probability]", JSON.stringify(entry));
    }
    const [piece, logProb] = entry as [string, number];
    if (piece.includes(" ")) {
      fail(`model.vocab[${firstLearned + i}]`, "spaces written as ▁", JSON.stringify(piece));
    }
    return { text: unwritten(piece), logProb };
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

function expectSame(found: unknown, expected: Json, place: string): void {
  const text = found === undefined ? "nothing" : canonicalJson(found);
  if (text !== canonicalJson(expected)) fail(place, canonicalJson(expected), text);
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
