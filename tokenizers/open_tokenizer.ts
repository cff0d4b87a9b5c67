/**
 * Any tokenizer by its path: our own, a SentencePiece model, or a `tokenizer.json` of another kind.
 */
import { join } from "node:path";
import { messageOf, StageError } from "../base/mod.ts";
import type { OpenedTokenizer } from "./opened_tokenizer.ts";
import { readJsonFile } from "./read_files.ts";
import { isOurLayout, loadTokenizerFile } from "./unigram/tokenizer_file.ts";

export interface OpenOptions {
  /** For SentencePiece models: ids equal to SentencePiece's to the last one, ties included. */
  readonly exactTies?: boolean;
}

/** Files that a folder is searched for, in this order. */
const fileNames = ["tokenizer.json", "spiece.model", "tokenizer.model", "sentencepiece.bpe.model"];

/**
 * Opens a tokenizer's folder or file.
 *
 * @throws StageError that says what was expected there and what was found
 */
export async function openTokenizer(
  path: string,
  { exactTies = false }: OpenOptions = {},
): Promise<OpenedTokenizer> {
  const file = tokenizerFileOf(path);
  if (file.endsWith(".model")) {
    const { loadSentencePiece } = await import("./sentencepiece/mod.ts");
    return loadSentencePiece(file, { exactTies });
  }
  if (exactTies) {
    throw new StageError(
      `Cannot use exact ties with tokenizer "${path}": expected a SentencePiece .model, found another kind`,
    );
  }
  const json = readJsonFile(file, "JSON (or a name that ends in .model)");
  if (isOurLayout(json.value)) return loadTokenizerFile(file, json);
  const { ForeignTokenizer } = await import("./foreign/mod.ts");
  return new ForeignTokenizer(file, json);
}

/**
 * Whether a folder or file is a tokenizer for the npm package `tokenizers`, which ends the whole process at a file or a text that it does not
 * expect. False for what cannot be read: who opens it says why.
 */
export function isForeign(path: string): boolean {
  try {
    const file = tokenizerFileOf(path);
    return !file.endsWith(".model") && !isOurLayout(readJsonFile(file).value);
  } catch (error) {
    if (error instanceof StageError) return false;
    throw error;
  }
}

/** The file of a tokenizer's folder, or the file itself. @throws StageError where there is none, or no plain one */
export function tokenizerFileOf(path: string): string {
  if (!checkedKind(path).isDirectory) return path;
  const names = new Set([...Deno.readDirSync(path)].map(({ name }) => name));
  const name = fileNames.find((name) => names.has(name)) ??
    [...names].filter((name) => name.endsWith(".model")).sort()[0];
  if (name === undefined) {
    throw new StageError(
      `Cannot read tokenizer "${path}": expected one of ${
        fileNames.join(", ")
      } in the folder, found ${[...names].sort().slice(0, 5).join(", ") || "nothing"}`,
    );
  }
  const file = join(path, name);
  checkedKind(file);
  return file;
}

/** A pipe could be read only once, and a device has no end. */
function checkedKind(path: string): Deno.FileInfo {
  let found = "a pipe or device; write it to a file first";
  try {
    const info = Deno.statSync(path);
    if (info.isFile || info.isDirectory) return info;
  } catch (cause) {
    found = cause instanceof Deno.errors.NotFound ? "nothing there" : messageOf(cause);
  }
  throw new StageError(
    `Cannot read tokenizer "${path}": expected a folder or a file, found ${found}`,
  );
}
