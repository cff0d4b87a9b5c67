/**
 * `tokenizer.json`: a vocabulary in the layout of Hugging Face's `tokenizers`, so that other programs can load it.
 *
 * The settings beside the vocabulary say what our encoder does: words as in `words.ts`, a space written `▁`, characters
 * without a piece in bytes. Other programs differ where text looks like the file's own signs: they take `</s>` or
 * `<0x0A>` for those pieces, and a `▁` for a space.
 */
import { join } from "node:path";
import {
  canonicalJson,
  type Json,
  messageOf,
  StageError,
  writeFileAtomic,
} from "../../pipeline/base/mod.ts";
import { firstByteId, specialIds, specialPieces } from "../tokenizer.ts";
import { firstLearnedId } from "./config.ts";
import { byteName, findBadPiece, type UnigramPiece, unwritten } from "./pieces.ts";
import { UnigramTokenizer } from "./unigram_tokenizer.ts";
import { wordPattern } from "./words.ts";

/** Name of the file in a tokenizer's folder. */
export const tokenizerFile = "tokenizer.json";

/** Writes `tokenizer.json` into a folder that exists. The same tokenizer gives the same bytes. */
export function saveTokenizer(folder: string, tokenizer: UnigramTokenizer): void {
  writeFileAtomic(join(folder, tokenizerFile), tokenizerJson(tokenizer));
}

/**
 * Reads `tokenizer.json` from a folder. Saving it again gives the same bytes.
 *
 * @throws StageError with the place of whatever is not as `saveTokenizer` writes it
 */
export function loadTokenizer(folder: string): UnigramTokenizer {
  const path = join(folder, tokenizerFile);
  try {
    return new UnigramTokenizer(parseTokenizer(Deno.readTextFileSync(path)));
  } catch (error) {
    if (!(error instanceof BadFile)) throw error;
    throw new StageError(`Cannot read tokenizer "${path}"${error.message}`, { cause: error.cause });
  }
}

function tokenizerJson(tokenizer: UnigramTokenizer): string {
  const vocabulary = Array.from({ length: tokenizer.vocabSize }, (_, id) => {
    const logProb = id < firstLearnedId ? 0 : tokenizer.learned[id - firstLearnedId].logProb;
    return `[${JSON.stringify(tokenizer.piece(id))},${JSON.stringify(logProb)}]`;
  });
  const { model, ...settings } = layout();
  const members = Object.entries(settings).map(([key, value]) =>
    `"${key}":${canonicalJson(value)}`
  );
  const parameters = canonicalJson(model).slice(1, -1); // a piece a line, so that people can read and compare
  return `{\n${members.join(",\n")},\n"model":{${parameters},"vocab":[\n${
    vocabulary.join(",\n")
  }\n]}}\n`;
}

/** The file without its vocabulary. */
function layout() {
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: specialPieces.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        { type: "Split", pattern: { Regex: wordPattern }, behavior: "Isolated", invert: false },
        { type: "Metaspace", replacement: "▁", prepend_scheme: "never", split: false },
      ],
    },
    post_processor: null,
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Metaspace", replacement: "▁", prepend_scheme: "never", split: false },
        { type: "ByteFallback" },
        { type: "Fuse" },
      ],
    },
    model: { type: "Unigram", unk_id: specialIds.unknown, byte_fallback: true },
  } satisfies Json;
}

function parseTokenizer(text: string): UnigramPiece[] {
  let file: unknown;
  try {
    file = JSON.parse(text);
  } catch (error) {
    fail("", "JSON", messageOf(error), error);
  }
  const { model, ...settings } = layout();
  const found = objectAt(file, "the file");
  for (const [key, value] of Object.entries(settings)) expectSame(found[key], value, key);
  const foundModel = objectAt(found.model, "model");
  for (const [key, value] of Object.entries(model)) {
    expectSame(foundModel[key], value, `model.${key}`);
  }
  const { vocab } = foundModel;
  if (!Array.isArray(vocab)) fail("model.vocab", "a list of pieces", kindOf(vocab));
  return learnedPieces(vocab);
}

function learnedPieces(vocab: readonly unknown[]): UnigramPiece[] {
  for (let id = 0; id < firstLearnedId; id++) {
    const piece = id < firstByteId ? specialPieces[id] : byteName(id - firstByteId);
    expectSame(vocab[id], [piece, 0], `model.vocab[${id}]`);
  }
  const pieces = vocab.slice(firstLearnedId).map((entry, i): UnigramPiece => {
    const isPair = Array.isArray(entry) && entry.length === 2 && typeof entry[0] === "string" &&
      typeof entry[1] === "number";
    if (!isPair) {
      fail(`model.vocab[${firstLearnedId + i}]`, "[piece, log probability]", JSON.stringify(entry));
    }
    const [piece, logProb] = entry as [string, number];
    if (piece.includes(" ")) {
      fail(`model.vocab[${firstLearnedId + i}]`, "spaces written as ▁", JSON.stringify(piece));
    }
    return { text: unwritten(piece), logProb };
  });
  const bad = findBadPiece(pieces);
  if (bad) fail(`model.vocab[${firstLearnedId + bad.index}]`, bad.expected, bad.found);
  return pieces;
}

function objectAt(value: unknown, place: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  fail(place, "an object", kindOf(value));
}

function expectSame(found: unknown, expected: Json, place: string): void {
  const text = found === undefined ? "nothing" : canonicalJson(found as Json);
  if (text !== canonicalJson(expected)) fail(place, canonicalJson(expected), text);
}

function kindOf(value: unknown): string {
  return value === undefined ? "nothing" : JSON.stringify(value).slice(0, 40);
}

function fail(place: string, expected: string, found: string, cause?: unknown): never {
  const where = place === "" ? "" : `, ${place}`;
  throw new BadFile(`${where}: expected ${expected}, found ${found}`, { cause });
}

/** What is wrong and where, still without the file's name. */
class BadFile extends Error {}
