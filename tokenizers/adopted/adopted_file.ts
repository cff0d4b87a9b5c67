/**
 * A vocabulary of others in the folder of a run: the file as it was given, and `adopted.json`, which describes each of our
 * rows. Reading that needs neither the file nor the library that understands it.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import { messageOf, StageError, writeFileAtomic } from "../../base/mod.ts";
import { specialPieces, type Tokenizer } from "../tokenizer.ts";
import { loadTokenizer } from "../unigram/mod.ts";
import { isKept, KeptPieces, readKept } from "./kept_file.ts";

/** A row after the special pieces. */
export interface AdoptedRow {
  /** Its id in the vocabulary that was given; -1 for a byte that has no piece there. */
  readonly given: number;
  readonly piece: string;
  /** UTF-8 bytes of text that it stands for. */
  readonly byteLength: number;
}

interface Adopted {
  /** Name of the given file in the folder. */
  readonly file: string;
  /** Its id of the unknown piece, which becomes `<unk>`; -1 if there is none. */
  readonly givenUnknown: number;
  /** By id here, from the first byte on. */
  readonly rows: readonly AdoptedRow[];
}

const name = "adopted.json";

/** Whether a folder holds a vocabulary of others. */
export function isAdopted(folder: string): boolean {
  return statSync(join(folder, name), { throwIfNoEntry: false })?.isFile() ?? false;
}

/** The same vocabulary gives the same bytes: a row a line. */
export function writeAdopted(folder: string, { file, givenUnknown, rows }: Adopted): void {
  const lines = rows.map(({ given, piece, byteLength }) =>
    JSON.stringify([given, piece, byteLength])
  );
  const head = JSON.stringify({ format: 1, file, givenUnknown }).slice(0, -1);
  writeFileAtomic(join(folder, name), `${head},"rows":[\n${lines.join(",\n")}\n]}\n`);
}

/** @throws StageError for a file that is damaged */
export function readAdopted(folder: string): Adopted {
  const path = join(folder, name);
  try {
    const { format, file, givenUnknown, rows } = JSON.parse(Deno.readTextFileSync(path));
    if (format !== 1 || typeof file !== "string") throw new SyntaxError("another format");
    return {
      file,
      givenUnknown,
      rows: rows.map(rowOf),
    };
  } catch (cause) {
    throw new StageError(
      `Cannot read tokenizer "${path}": expected rows of a vocabulary, found ${messageOf(cause)}`,
      { cause },
    );
  }
}

function rowOf(row: unknown, i: number): AdoptedRow {
  const [given, piece, byteLength] = Array.isArray(row) ? row : [];
  if (Number.isInteger(given) && typeof piece === "string" && Number.isInteger(byteLength)) {
    return { given, piece, byteLength };
  }
  throw new SyntaxError(`${JSON.stringify(row)} as row ${i}`);
}

/** The pieces of a vocabulary, without an encoder. */
export class AdoptedPieces {
  readonly vocabSize: number;
  readonly #rows: readonly AdoptedRow[];

  constructor({ rows }: Adopted) {
    this.#rows = rows;
    this.vocabSize = specialPieces.length + rows.length;
  }

  piece(id: number): string {
    return this.row(id)?.piece ?? specialPieces[id];
  }

  byteLength(id: number): number {
    return this.row(id)?.byteLength ?? 0;
  }

  /** Undefined for a special piece. */
  row(id: number): AdoptedRow | undefined {
    const row = this.#rows[id - specialPieces.length];
    if (row !== undefined || specialPieces[id] !== undefined) return row;
    throw new RangeError(
      `Cannot look up piece ${id}: expected an id from 0 to ${this.vocabSize - 1}`,
    );
  }
}

/** The pieces of a run's vocabulary, ours or adopted. */
export function loadPieces(folder: string): Pick<Tokenizer, "vocabSize" | "piece" | "byteLength"> {
  if (isKept(folder)) return new KeptPieces(readKept(folder));
  return isAdopted(folder) ? new AdoptedPieces(readAdopted(folder)) : loadTokenizer(folder);
}
