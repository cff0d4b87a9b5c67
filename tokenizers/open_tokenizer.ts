/**
 * Any tokenizer by its path: our own, a SentencePiece model, or a `tokenizer.json` of another kind.
 */
import { join } from "node:path";
import { messageOf, StageError } from "../base/mod.ts";
import { readSpecialRoles, type SpecialRoles } from "./config_files.ts";
import type { EncodedLines, Encoding } from "./detailed_tokenizer.ts";
import { specialIds, type Tokenizer } from "./tokenizer.ts";

export interface OpenOptions {
  /** For SentencePiece models: ids equal to SentencePiece's to the last one, ties included. */
  readonly exactTies?: boolean;
}

/** A tokenizer of any kind that can be opened. Disposing ends the worker that some kinds need. */
export interface OpenedTokenizer extends Tokenizer, Disposable {
  /** `unigram` for our own. */
  readonly kind: "unigram" | "sentencepiece" | "foreign";
  readonly tokenizer: Tokenizer;
  /** Ids of pieces with a part of their own, such as the end of a document. */
  readonly roles: SpecialRoles;
  encodeLines(bytes: Uint8Array, invalid?: "error" | "replace"): EncodedLines;
  encodeBatch(texts: readonly string[]): EncodedLines;
  encodeWithOffsets(text: string): Encoding;
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
    const tokenizer = loadSentencePiece(file, { exactTies });
    return opened("sentencepiece", tokenizer, tokenizer.roles);
  }
  if (exactTies) {
    throw new StageError(
      `Cannot use exact ties with tokenizer "${path}": expected a SentencePiece .model, found another kind`,
    );
  }
  const { isOurLayout, loadTokenizerFile } = await import("./unigram/mod.ts");
  if (isOurLayout(readJson(file))) {
    const { unknown, begin, end, pad } = specialIds;
    return opened("unigram", loadTokenizerFile(file), { unknown, begin, end, pad });
  }
  const { ForeignTokenizer } = await import("./foreign/mod.ts");
  const tokenizer = new ForeignTokenizer(file);
  try {
    return opened("foreign", tokenizer, readSpecialRoles(file, (piece) => tokenizer.idOf(piece)));
  } catch (error) {
    tokenizer[Symbol.dispose]();
    throw error;
  }
}

/** The file of a tokenizer's folder, or the file itself. @throws StageError where there is none */
export function tokenizerFileOf(path: string): string {
  let isFolder: boolean;
  try {
    isFolder = Deno.statSync(path).isDirectory;
  } catch (cause) {
    const found = cause instanceof Deno.errors.NotFound ? "nothing there" : messageOf(cause);
    throw new StageError(
      `Cannot read tokenizer "${path}": expected a folder or a file, found ${found}`,
      { cause },
    );
  }
  if (!isFolder) return path;
  const names = new Set([...Deno.readDirSync(path)].map(({ name }) => name));
  const name = fileNames.find((name) => names.has(name)) ??
    [...names].filter((name) => name.endsWith(".model")).sort()[0];
  if (name !== undefined) return join(path, name);
  throw new StageError(
    `Cannot read tokenizer "${path}": expected one of ${
      fileNames.join(", ")
    } in the folder, found ${[...names].sort().slice(0, 5).join(", ") || "nothing"}`,
  );
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(Deno.readTextFileSync(file));
  } catch (cause) {
    throw new StageError(
      `Cannot read tokenizer "${file}": expected JSON (or a name that ends in .model), found ${
        messageOf(cause)
      }`,
      { cause },
    );
  }
}

type Offered =
  & Tokenizer
  & Pick<OpenedTokenizer, "encodeLines" | "encodeBatch" | "encodeWithOffsets">;

function opened(
  kind: OpenedTokenizer["kind"],
  tokenizer: Offered & Partial<Disposable>,
  roles: SpecialRoles,
): OpenedTokenizer {
  return {
    kind,
    tokenizer,
    roles,
    vocabSize: tokenizer.vocabSize,
    encode: (text) => tokenizer.encode(text),
    decode: (ids) => tokenizer.decode(ids),
    piece: (id) => tokenizer.piece(id),
    byteLength: (id) => tokenizer.byteLength(id),
    encodeLines: (bytes, invalid) => tokenizer.encodeLines(bytes, invalid),
    encodeBatch: (texts) => tokenizer.encodeBatch(texts),
    encodeWithOffsets: (text) => tokenizer.encodeWithOffsets(text),
    [Symbol.dispose]: () => tokenizer[Symbol.dispose]?.(),
  };
}
