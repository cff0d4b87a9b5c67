/**
 * A vocabulary of others with this project's ids, so that all that trains on ours trains on it: the special pieces at 0 to 6,
 * the 256 bytes after them, then the pieces of the given vocabulary in their order.
 *
 * Bytes are the given vocabulary's own: its `<0x00>` … `<0xFF>`, or, of BPE on bytes, the pieces of one byte. One that has no
 * such pieces leaves these rows unused. Its unknown piece is `<unk>` here; its other special pieces are rows that no
 * text gives, unless the text spells them out where the file says that this counts.
 */
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { openTokenizer } from "../open_tokenizer.ts";
import type { OpenedTokenizer, TextsTokenizer } from "../opened_tokenizer.ts";
import type { ForeignTokenizer } from "../foreign/mod.ts";
import { specialIds, specialPieces } from "../tokenizer.ts";
import { saveTokenizer, UnigramTokenizer } from "../unigram/mod.ts";
import { readJsonFile } from "../read_files.ts";
import { byteNames } from "../unigram/pieces.ts";
import {
  AdoptedPieces,
  type AdoptedRow,
  isAdopted,
  readAdopted,
  writeAdopted,
} from "./adopted_file.ts";
import { isKept } from "./kept_file.ts";
import { openKept } from "./kept_tokenizer.ts";

/**
 * Puts a tokenizer's file into a folder as a vocabulary for a run. A file of ours is copied unchanged.
 *
 * @param path of a file; its name says whether it is a SentencePiece model
 * @returns rows of the vocabulary. @throws StageError for a file that is no tokenizer
 */
export async function adoptTokenizer(path: string, folder: string): Promise<number> {
  using given = await openTokenizer(path);
  if (given instanceof UnigramTokenizer) {
    saveTokenizer(folder, given);
    return given.vocabSize;
  }
  const file = path.endsWith(".model") ? "tokenizer.model" : "tokenizer.json";
  copyFileSync(path, join(folder, file));
  const givenUnknown = given.kind === "foreign"
    ? foreignUnknown(path, given)
    : given.roles.unknown ?? -1;
  const rows = rowsOf(given, givenUnknown);
  writeAdopted(folder, { file, givenUnknown, rows });
  return specialPieces.length + rows.length;
}

/** Opens what `adoptTokenizer` or `keepTokenizer` has written, or a vocabulary of ours. */
export async function openAdopted(folder: string): Promise<TextsTokenizer> {
  if (isKept(folder)) return await openKept(folder);
  if (!isAdopted(folder)) return await openTokenizer(folder);
  const adopted = readAdopted(folder);
  const given = await openTokenizer(join(folder, adopted.file));
  const pieces = new AdoptedPieces(adopted);
  const idOf = new Int32Array(given.vocabSize).fill(specialIds.unknown);
  adopted.rows.forEach((row, i) => {
    if (row.given >= 0) idOf[row.given] = specialPieces.length + i;
  });
  return {
    vocabSize: pieces.vocabSize,
    piece: (id) => pieces.piece(id),
    byteLength: (id) => pieces.byteLength(id),
    encode: (text) => given.encode(text).map((id) => idOf[id]),
    encodeTexts(texts) {
      const { ids, ends } = given.encodeTexts(texts);
      return { ids: ids.map((id) => idOf[id]), ends };
    },
    decode(ids) {
      const known = Array.from(ids, (id) => pieces.row(id)?.given ?? -1).filter((id) => id >= 0);
      return given.decode(known);
    },
    [Symbol.dispose]: () => given[Symbol.dispose](),
  };
}

/** A row for each byte, then one for each other piece except the unknown one. */
function rowsOf(given: OpenedTokenizer, unknown: number): AdoptedRow[] {
  // A file may leave ids without a piece.
  const isThere = (id: number) => given.kind !== "foreign" || (given as ForeignTokenizer).has(id);
  const ids = Array.from({ length: given.vocabSize }, (_, id) => id)
    .filter((id) => id !== unknown && isThere(id));
  const idOf = new Map(ids.map((id) => [given.piece(id), id]));
  const row = (id: number) => ({
    given: id,
    piece: given.piece(id),
    byteLength: given.byteLength(id),
  });
  const bytes = byteNames().map((names) =>
    names.map((name) => idOf.get(name)).filter((id) => id !== undefined)
  ).find((found) => found.length === 256);
  const taken = new Set(bytes);
  const missing = byteNames()[0].map((piece) => ({ given: -1, piece, byteLength: 1 }));
  return [...bytes?.map(row) ?? missing, ...ids.filter((id) => !taken.has(id)).map(row)];
}

/** The unknown piece of a `tokenizer.json`, as its model names it. */
function foreignUnknown(path: string, given: OpenedTokenizer): number {
  const { model } = readJsonFile(path).value as {
    model?: { unk_token?: unknown; unk_id?: unknown };
  };
  if (typeof model?.unk_id === "number") return model.unk_id;
  const { unk_token: text } = model ?? {};
  const id = typeof text === "string"
    ? (given as ForeignTokenizer).idOf(text)
    : given.roles.unknown;
  return id ?? -1;
}
