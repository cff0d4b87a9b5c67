/**
 * A vocabulary of others whose ids stay as they are, because rows of weights have them: the file as it was given, and
 * `kept.json`, which describes each row. Rows after the last piece fill a table up; no text gives them.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import { messageOf, StageError, writeFileAtomic } from "../../base/mod.ts";
import { type SpecialIds, specialIds } from "../tokenizer.ts";

/** A row: its piece, empty where it has none, and the UTF-8 bytes of text that it stands for. */
export type KeptRow = readonly [piece: string, byteLength: number];

export interface Kept {
  /** Name of the given file in the folder. */
  readonly file: string;
  readonly special: SpecialIds;
  /** By id. */
  readonly rows: readonly KeptRow[];
}

const name = "kept.json";

/** Whether a folder holds a vocabulary that keeps its ids. */
export function isKept(folder: string): boolean {
  return statSync(join(folder, name), { throwIfNoEntry: false })?.isFile() ?? false;
}

/** The same vocabulary gives the same bytes: a row a line. */
export function writeKept(folder: string, { file, special, rows }: Kept): void {
  const head = JSON.stringify({ format: 1, file, special }).slice(0, -1);
  const lines = rows.map((row) => JSON.stringify(row));
  writeFileAtomic(join(folder, name), `${head},"rows":[\n${lines.join(",\n")}\n]}\n`);
}

/** @throws StageError for a file that is damaged */
export function readKept(folder: string): Kept {
  const path = join(folder, name);
  try {
    const { format, file, special, rows } = JSON.parse(Deno.readTextFileSync(path));
    const parts = Object.keys(specialIds).map((part) => special?.[part]);
    if (format !== 1 || typeof file !== "string" || !parts.every(Number.isInteger)) {
      throw new SyntaxError("another format");
    }
    return { file, special, rows: rows.map(rowOf) };
  } catch (cause) {
    throw new StageError(
      `Cannot read tokenizer "${path}": expected rows of a vocabulary, found ${messageOf(cause)}`,
      { cause },
    );
  }
}

function rowOf(row: unknown, i: number): KeptRow {
  const [piece, byteLength] = Array.isArray(row) ? row : [];
  if (typeof piece === "string" && Number.isInteger(byteLength)) return [piece, byteLength];
  throw new SyntaxError(`${JSON.stringify(row)} as row ${i}`);
}

/** The pieces of a vocabulary, without an encoder. */
export class KeptPieces {
  readonly vocabSize: number;
  readonly special: SpecialIds;
  readonly #rows: readonly KeptRow[];

  constructor({ rows, special }: Kept) {
    this.#rows = rows;
    this.special = special;
    this.vocabSize = rows.length;
  }

  piece(id: number): string {
    return this.#row(id)[0];
  }

  byteLength(id: number): number {
    return this.#row(id)[1];
  }

  #row(id: number): KeptRow {
    const row = this.#rows[id];
    if (row !== undefined) return row;
    throw new RangeError(
      `Cannot look up piece ${id}: expected an id from 0 to ${this.vocabSize - 1}`,
    );
  }
}
