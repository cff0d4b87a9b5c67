/**
 * An adopted tokenizer as a `tokenizer.json` of its own: with the ids of the run, for programs that know nothing of `adopted.json`.
 */
import { join } from "node:path";
import { StageError } from "../../base/mod.ts";
import { readJsonFile } from "../read_files.ts";
import { specialIds, specialPieces } from "../tokenizer.ts";
import { readAdopted } from "./adopted_file.ts";

interface AddedToken {
  readonly id: number;
  readonly content: string;
}

interface ForeignFile {
  readonly model: {
    readonly type?: unknown;
    readonly vocab?: unknown;
    readonly unk_token?: unknown;
  };
  readonly added_tokens?: readonly AddedToken[];
  readonly post_processor?: { readonly type?: unknown } | null;
}

/** Kinds of models whose vocabulary is a map from pieces to ids, so that ids can be other ones. */
const kindsWithMap = ["BPE", "WordPiece", "WordLevel"];

/**
 * The text of the file. What stands before a text or after it in the given file is left out: texts have none here.
 * @throws StageError for a vocabulary that is no such map, and one that has pieces of our names already
 */
export function shiftedTokenizerJson(folder: string): string {
  const { file, givenUnknown, rows } = readAdopted(folder);
  const path = join(folder, file);
  const fail = (expected: string, found: string): never => {
    throw new StageError(
      `Cannot give the ids of this run to tokenizer "${path}": expected ${expected}, found ${found}`,
    );
  };
  if (!file.endsWith(".json")) fail("a tokenizer.json", file);
  const given = readJsonFile(path).value as ForeignFile;
  const { type, vocab } = given.model;
  if (!kindsWithMap.includes(String(type)) || typeof vocab !== "object" || vocab === null) {
    fail(`a model of kind ${kindsWithMap.join(", ")}`, `one of kind ${type}`);
  }
  const idOf = new Map([[givenUnknown, specialIds.unknown as number]]);
  rows.forEach(({ given }, i) => {
    if (given >= 0) idOf.set(given, specialPieces.length + i);
  });
  const pieces = Object.entries(vocab as Record<string, number>);
  const shifted = new Map(pieces.map(([piece, id]) => [piece, idOf.get(id)!]));
  const added = (given.added_tokens ?? []).map((token) => ({ ...token, id: idOf.get(token.id)! }));
  const taken = new Set([...shifted.keys(), ...added.map(({ content }) => content)]);
  const special = specialPieces.map((content, id) => ({ id, content }))
    .filter(({ id }) => id !== specialIds.unknown || givenUnknown < 0);
  for (const { id, content } of special) {
    if (taken.has(content)) fail(`no piece "${content}", which has an id of its own here`, "one");
    shifted.set(content, id);
  }
  const { post_processor: post = null } = given;
  return JSON.stringify({
    ...given,
    truncation: null,
    padding: null,
    added_tokens: [
      ...special.map((token) => ({
        ...token,
        ...{ single_word: false, lstrip: false, rstrip: false, normalized: false, special: true },
      })),
      ...added,
    ].sort((a, b) => a.id - b.id),
    post_processor: post?.type === "ByteLevel" ? post : null,
    model: { ...given.model, dropout: undefined, vocab: Object.fromEntries(shifted) },
  });
}
