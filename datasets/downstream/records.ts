/**
 * Rows of a task's files, whatever their form, with checks of their fields.
 */
import { StageError } from "../../base/mod.ts";
import { type DocumentReader, readerDefaults } from "../document.ts";
import { openLocal } from "../input.ts";
import { JsonNumber } from "../readers/json_number.ts";
import { reader as jsonl } from "../readers/jsonl.ts";
import { reader as parquet } from "../readers/parquet.ts";
import { reader as tsv } from "../readers/tsv.ts";
import type { TaskFile } from "./file_task.ts";

const readers = { ".jsonl": jsonl, ".tsv": tsv, ".parquet": parquet };

/** Endings of a name, text also packed. */
const recordEndings = /\.(jsonl|tsv)(\.gz|\.zst)?$|\.parquet$/;

/** A row whose fields are asked for by name. */
export class TaskRow {
  readonly #place: string;
  readonly #value: Readonly<Record<string, unknown>>;

  constructor(place: string, value: Readonly<Record<string, unknown>>) {
    this.#place = place;
    this.#value = value;
  }

  has(field: string): boolean {
    return Object.hasOwn(this.#value, field);
  }

  raw(field: string): unknown {
    return this.#value[field];
  }

  text(field: string): string {
    const value = this.#value[field];
    if (typeof value === "string" && value.trim() !== "") return value.trim();
    return this.fail(field, "text", value);
  }

  texts(field: string): string[] {
    const value = this.#value[field];
    const isText = (item: unknown) => typeof item === "string";
    if (Array.isArray(value) && value.length > 0 && value.every(isText)) return value;
    return this.fail(field, "a list of texts", value);
  }

  /** A number within limits, as a number or as text. */
  number(field: string, least: number, most: number): number {
    const value = this.#value[field];
    const number = numberOf(value);
    if (number !== undefined && number >= least && number <= most) return number;
    return this.fail(field, `a number from ${least} to ${most}`, value);
  }

  /** The index of a class, which the file names or numbers. */
  label(field: string, names: readonly string[]): number {
    const value = this.#value[field];
    const byName = typeof value === "string" ? names.indexOf(value.trim()) : -1;
    if (byName >= 0) return byName;
    const number = numberOf(value);
    const isIndex = number !== undefined && Number.isInteger(number);
    if (isIndex && number >= 0 && number < names.length) return number;
    const hidden = isIndex && number === -1
      ? "; the labels of GLUE's test files are hidden: name the dev file as test"
      : "";
    return this.fail(field, `one of ${names.join(", ")}, or its number`, value, hidden);
  }

  fail(field: string, expected: string, value: unknown, way = ""): never {
    const found = value === undefined
      ? `none among ${Object.keys(this.#value).join(", ")}`
      : brief(value);
    throw new StageError(
      `Cannot read ${this.#place}, field "${field}": expected ${expected}, found ${found}${way}`,
    );
  }
}

/** The rows of a file. @throws StageError for one that cannot be read. */
export function taskRows(file: TaskFile): AsyncGenerator<TaskRow> {
  const { name } = file;
  const ending = Object.keys(readers).find((end) => name.replace(/\.(gz|zst)$/, "").endsWith(end));
  if (ending === undefined || !recordEndings.test(name)) {
    throw new StageError(
      `Cannot read task file "${name}": expected a name that ends in .jsonl, .tsv or .parquet, found another`,
    );
  }
  return rowsOf(file, readers[ending as keyof typeof readers]);
}

/** The rows that a reader gives. @throws StageError for a file that cannot be read. */
export async function* rowsOf(
  { name, path }: TaskFile,
  reader: DocumentReader,
): AsyncGenerator<TaskRow> {
  await using input = await openLocal(path, name);
  const { maxRowBytes } = readerDefaults;
  const records = await reader.readRecords(input, { maxRowBytes });
  for await (const batch of records) {
    for (const record of batch) {
      const place = `"${name}", ${records.unit} ${record.row}`;
      if ("problem" in record) throw new StageError(`Cannot read ${place}: ${record.problem}`);
      yield rowOf(place, record.value);
    }
  }
}

/** A row that must be an object. */
export function rowOf(place: string, value: unknown): TaskRow {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return new TaskRow(place, value as Record<string, unknown>);
  }
  throw new StageError(`Cannot read ${place}: expected an object, found ${brief(value)}`);
}

/** A number, however a format has it; undefined for what is none. */
function numberOf(value: unknown): number | undefined {
  if (typeof value === "number") return value;
  const isText = typeof value === "string" && value.trim() !== "";
  const isNumber = isText || typeof value === "bigint" || value instanceof JsonNumber;
  return isNumber ? Number(String(value)) : undefined;
}

function brief(value: unknown): string {
  if (typeof value === "bigint") return `${value}`;
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
