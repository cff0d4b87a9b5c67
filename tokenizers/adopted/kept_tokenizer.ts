/**
 * A tokenizer of others beside the weights that it was trained with: its ids are rows of their tables, so they stay.
 */
import { copyFileSync, existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { StageError } from "../../base/mod.ts";
import { configFileNames } from "../config_files.ts";
import type { ForeignTokenizer } from "../foreign/mod.ts";
import { openTokenizer } from "../open_tokenizer.ts";
import type { OpenedTokenizer, TextsTokenizer } from "../opened_tokenizer.ts";
import { type SpecialIds, specialIds, specialPieces } from "../tokenizer.ts";
import { saveTokenizer, UnigramTokenizer } from "../unigram/mod.ts";
import { KeptPieces, type KeptRow, readKept, writeKept } from "./kept_file.ts";

/**
 * Puts a tokenizer's file, with the files beside it that say which pieces are special, into a folder. A file of ours is copied
 * unchanged.
 *
 * @param rows of the tables: at least as many as there are pieces
 * @param endId of the end of a text, where the tokenizer's files do not say it
 * @returns pieces. @throws StageError for a file that is no tokenizer, or that does not fit the tables
 */
export async function keepTokenizer(
  path: string,
  folder: string,
  { rows, endId }: { readonly rows: number; readonly endId?: number },
): Promise<number> {
  using given = await openTokenizer(path);
  const fail = (expected: string, found: string): never => {
    throw new StageError(`Cannot use tokenizer "${path}": expected ${expected}, found ${found}`);
  };
  if (given.vocabSize > rows) {
    fail(`at most ${rows} pieces, a row of the model's table each`, `${given.vocabSize}`);
  }
  if (given instanceof UnigramTokenizer && given.vocabSize === rows) {
    saveTokenizer(folder, given);
    return rows;
  }
  const has = (id: number) =>
    id < given.vocabSize && (given.kind !== "foreign" || (given as ForeignTokenizer).has(id));
  const end = given.roles.end ?? endId;
  if (end === undefined || !has(end)) {
    return fail(
      "a piece that ends a text (eos_token in tokenizer_config.json, or eos_token_id in config.json)",
      end === undefined ? "none" : `id ${end}`,
    );
  }
  const file = path.endsWith(".model") ? "tokenizer.model" : "tokenizer.json";
  copyFileSync(path, join(folder, file));
  for (const name of configFileNames) {
    const beside = join(dirname(path), name);
    if (existsSync(beside)) copyFileSync(beside, join(folder, name));
  }
  writeKept(folder, {
    file,
    special: specialOf(given, end),
    rows: Array.from(
      { length: rows },
      (_, id): KeptRow => has(id) ? [given.piece(id), given.byteLength(id)] : ["", 0],
    ),
  });
  return given.vocabSize;
}

/** Opens what `keepTokenizer` has written of others. */
export async function openKept(folder: string): Promise<TextsTokenizer> {
  const kept = readKept(folder);
  const given = await openTokenizer(join(folder, kept.file));
  const pieces = new KeptPieces(kept);
  return {
    vocabSize: pieces.vocabSize,
    special: pieces.special,
    piece: (id) => pieces.piece(id),
    byteLength: (id) => pieces.byteLength(id),
    encode: (text) => given.encode(text),
    encodeTexts: (texts) => given.encodeTexts(texts),
    decode: (ids) => given.decode(Array.from(ids).filter((id) => pieces.piece(id) !== "")),
    [Symbol.dispose]: () => given[Symbol.dispose](),
  };
}

/** Pieces of our names where the vocabulary has them; else the end of a text has their part. */
function specialOf(given: OpenedTokenizer, end: number): SpecialIds {
  const { unknown = -1, begin = end, pad = end } = given.roles;
  const named = (part: keyof typeof specialIds) =>
    given.kind === "foreign"
      ? (given as ForeignTokenizer).idOf(specialPieces[specialIds[part]])
      : undefined;
  return {
    unknown,
    begin,
    end,
    pad,
    start: named("start") ?? end,
    delimiter: named("delimiter") ?? end,
    extract: named("extract") ?? end,
  };
}
