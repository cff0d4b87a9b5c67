/**
 * Rows that training notes between checkpoints: a JSON-lines file beside them, in which what a resumed run makes again
 * replaces what was there. Checkpoints would grow with every row.
 */
import { closeSync, fsyncSync, mkdirSync, openSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import {
  canonicalJson,
  type Json,
  readTextIfThere,
  StageError,
  writeFileAtomic,
} from "../base/mod.ts";

interface Entry<Row> {
  /** Place in the whole run; ascending. */
  readonly at: number;
  readonly row: Row;
}

export class StepRows<Row extends Json = Json> {
  readonly #path: string;
  #entries: Entry<Row>[];
  /** A kill has cut the file's last line. */
  #isCut: boolean;

  /** @throws StageError for a damaged line: its row is lost, and only training from the beginning makes it again. */
  constructor(path: string) {
    this.#path = path;
    const text = readTextIfThere(path) ?? "";
    this.#isCut = text !== "" && !text.endsWith("\n");
    this.#entries = text.slice(0, text.lastIndexOf("\n") + 1).split("\n").slice(0, -1)
      .map((line, i) => parseEntry(line, `"${path}", line ${i + 1}`));
  }

  /** Adds a row and forgets those at the same place or after it. On disk when this returns. */
  add(at: number, row: Row): void {
    const entry = { at, row };
    if (this.#isCut || (this.#entries.at(-1)?.at ?? -1) >= at) {
      this.#entries = [...this.#entries.filter((one) => one.at < at), entry];
      writeFileAtomic(this.#path, this.#entries.map(lineOf).join(""));
      this.#isCut = false;
      return;
    }
    this.#entries.push(entry);
    mkdirSync(dirname(this.#path), { recursive: true });
    const file = openSync(this.#path, "a");
    try {
      writeSync(file, lineOf(entry));
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  }

  /** In order. */
  all(): readonly Row[] {
    return this.#entries.map(({ row }) => row);
  }
}

function parseEntry<Row>(line: string, place: string): Entry<Row> {
  try {
    const entry = JSON.parse(line);
    if (Number.isSafeInteger(entry.at) && "row" in entry) return entry;
  } catch { /* as for any other line that is none of ours */ }
  throw new StageError(
    `Cannot go on with the rows of ${place}: expected a row and its place, found a damaged line; --force begins again`,
  );
}

function lineOf(entry: Entry<Json>): string {
  return canonicalJson({ ...entry }) + "\n";
}
