/**
 * Rows as a file by columns, of any size: one pass over the rows finds names and types, a second writes them a group at a
 * time. Nested values become JSON text.
 */
import { Bool, Field, Float64, Int64, Schema, Utf8, vectorFromArray } from "apache-arrow";
import type { SchemaElement } from "hyparquet";
import { fileWriter, ParquetWriter } from "hyparquet-writer";
import { ArrowFileWriter, JsonNumber, unicodeProblem } from "../datasets/mod.ts";
import { StageError } from "../base/mod.ts";
import { jsonValue } from "./json_values.ts";

type Row = Readonly<Record<string, unknown>>;
type ColumnType = "BOOLEAN" | "INT64" | "DOUBLE" | "STRING";
type Value = boolean | bigint | number | string | null;

interface Column {
  readonly name: string;
  readonly type: ColumnType;
}

/** Takes the values of each column for one group after another; `finish` makes the file whole. */
interface GroupWriter extends Disposable {
  write(groups: readonly (readonly Value[])[]): void | Promise<void>;
  finish(): void | Promise<void>;
}

/** A row group is written at so many rows, or characters of text. */
const groupRows = 10_000;
const groupCharacters = 32 * 1024 * 1024;

/**
 * Writes an Arrow IPC file, or a parquet file compressed with snappy.
 * @param rows gives the same rows each time it is called. @throws StageError when there is none
 */
export async function writeColumnFile(
  path: string,
  format: "arrow" | "parquet",
  rows: () => AsyncIterable<Row>,
): Promise<void> {
  const columns = await columnsOf(rows());
  using writer = format === "arrow" ? arrowWriter(path, columns) : parquetWriter(path, columns);
  let groups: Value[][] = columns.map(() => []);
  let characters = 0;
  for await (const row of rows()) {
    for (const [i, { name, type }] of columns.entries()) {
      const value = valueOf(Object.hasOwn(row, name) ? row[name] ?? null : null, type);
      if (typeof value === "string") characters += value.length;
      groups[i].push(value);
    }
    if (groups[0].length < groupRows && characters < groupCharacters) continue;
    await writer.write(groups);
    groups = columns.map(() => []);
    characters = 0;
  }
  if (groups[0].length > 0) await writer.write(groups);
  await writer.finish();
}

function arrowWriter(path: string, columns: readonly Column[]): GroupWriter {
  const fields = columns.map(({ name, type }) => new Field(name, new arrowTypes[type](), true));
  const writer = new ArrowFileWriter(path, new Schema(fields));
  return {
    write: (groups) =>
      writer.write(groups.map((values, i) => vectorFromArray(values, fields[i].type).data[0])),
    finish: () => writer.finish(),
    [Symbol.dispose]: () => writer[Symbol.dispose](),
  };
}

const arrowTypes = { BOOLEAN: Bool, INT64: Int64, DOUBLE: Float64, STRING: Utf8 };

function parquetWriter(path: string, columns: readonly Column[]): GroupWriter {
  const schema: SchemaElement[] = [
    { name: "root", num_children: columns.length },
    ...columns.map(({ name, type }): SchemaElement => ({
      name,
      repetition_type: "OPTIONAL",
      ...(type === "STRING" ? { type: "BYTE_ARRAY", converted_type: "UTF8" } : { type }),
    })),
  ];
  const writer = new ParquetWriter({ writer: fileWriter(path), schema });
  return {
    write(groups) {
      const columnData = columns.map(({ name }, i) => ({ name, data: [...groups[i]] }));
      return writer.write({ columnData, rowGroupSize: groups[0].length });
    },
    finish: () => writer.finish(),
    [Symbol.dispose]() {}, // it opens its file for each write
  };
}

/** Names and types of all rows. */
async function columnsOf(rows: AsyncIterable<Row>): Promise<Column[]> {
  const kinds = new Map<string, Set<string>>();
  let number = 0;
  for await (const row of rows) {
    number++;
    const problem = unicodeProblem(row, "field");
    if (problem !== undefined) throw new StageError(`Cannot write row ${number}, ${problem}`);
    for (const [name, value] of Object.entries(row)) {
      let known = kinds.get(name);
      if (known === undefined) kinds.set(name, known = new Set());
      if (value !== null && value !== undefined) known.add(kindOf(value));
    }
  }
  if (kinds.size === 0) {
    throw new StageError("Cannot write rows: expected at least one row with a field, found none");
  }
  return [...kinds].map(([name, kinds]) => ({ name, type: typeOf([...kinds]) }));
}

function kindOf(value: unknown): string {
  if (typeof value === "boolean") return "boolean";
  if (typeof value === "bigint") return BigInt.asIntN(64, value) === value ? "long" : "other";
  if (typeof value === "number") {
    return Number.isSafeInteger(value) && !Object.is(value, -0) ? "integer" : "double";
  }
  return value instanceof JsonNumber ? kindOfNumber(String(value)) : "other";
}

/** Digits that a double has at most, and the least size at which it has all: other numbers stay text. */
const doubleDigits = 17;
const leastNormal = 2 ** -1022;

/** @param text a number of JSON that no double is equal to */
function kindOfNumber(text: string): string {
  const digits = text.replace(/[eE].*/, "").replace(/\D/g, "").replace(/^0+/, "");
  if (digits === "") return "double"; // -0
  if (/^-?\d+$/.test(text)) return kindOf(BigInt(text));
  const size = Math.abs(Number(text));
  const isInside = size >= leastNormal && size <= Number.MAX_VALUE;
  return isInside && digits.length <= doubleDigits ? "double" : "other";
}

function typeOf(kinds: readonly string[]): ColumnType {
  const isOnly = (...allowed: string[]) =>
    kinds.length > 0 && kinds.every((kind) => allowed.includes(kind));
  if (isOnly("boolean")) return "BOOLEAN";
  if (isOnly("integer", "long")) return "INT64";
  return isOnly("integer", "double") ? "DOUBLE" : "STRING";
}

function valueOf(value: unknown, type: ColumnType): Value {
  if (value === null) return null;
  if (type === "INT64") return BigInt(String(value));
  if (type === "DOUBLE") return Number(value);
  if (type === "BOOLEAN") return value as boolean;
  const plain = jsonValue(value);
  return typeof plain === "string" ? plain : JSON.stringify(plain);
}
