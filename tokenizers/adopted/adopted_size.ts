/**
 * How many rows a tokenizer of others will have in a run, read from its file alone, for forecasts, which load no library.
 */
import { readSpecialRoles } from "../config_files.ts";
import { parseModel } from "../sentencepiece/model_file.ts";
import { specialPieces } from "../tokenizer.ts";
import { byteNames } from "../unigram/pieces.ts";
import { isOurLayout } from "../unigram/tokenizer_file.ts";
import { readJsonFile, readModelFile } from "../read_files.ts";

/** The rows that `adoptTokenizer` makes of a file. @throws if the file is not there or no tokenizer */
export function adoptedVocabSize(path: string): number {
  if (path.endsWith(".model")) {
    return rowsOf(parseModel(readModelFile(path)).pieces.map(({ text }) => text), 1);
  }
  const file = readJsonFile(path).value as TokenizerJson;
  const { vocab, unk_id, unk_token } = file.model;
  if (isOurLayout(file)) return Object.keys(vocab).length;
  const listed: [string, number][] = Array.isArray(vocab)
    ? vocab.map(([piece], id) => [piece, id])
    : Object.entries(vocab);
  const ids = new Map(listed);
  for (const { content, id } of file.added_tokens ?? []) ids.set(content, id);
  const unknown = unk_id ??
    (typeof unk_token === "string" ? ids.get(unk_token) : unknownRole(path, ids));
  return rowsOf([...ids.keys()], unknown === undefined ? 0 : 1);
}

interface TokenizerJson {
  readonly model: {
    readonly vocab: readonly [string, number][] | Readonly<Record<string, number>>;
    readonly unk_id?: number | null;
    readonly unk_token?: string | null;
  };
  readonly added_tokens?: readonly { readonly content: string; readonly id: number }[];
}

function unknownRole(path: string, ids: ReadonlyMap<string, number>): number | undefined {
  return readSpecialRoles(path, (piece) => ids.get(piece)).unknown;
}

/** Special pieces, bytes, then each other piece except the unknown ones. */
function rowsOf(pieces: readonly string[], unknown: number): number {
  const all = new Set(pieces);
  const hasBytes = byteNames().some((names) => names.every((name) => all.has(name)));
  return specialPieces.length + (hasBytes ? 0 : 256) + all.size - unknown;
}
