/**
 * Rows as a file by columns: types are those of the values; nested ones become JSON text.
 */
import {
  Bool,
  Float64,
  Int64,
  Table,
  tableToIPC,
  Utf8,
  type Vector,
  vectorFromArray,
} from "apache-arrow";
import { parquetWriteBuffer } from "hyparquet-writer";
import { StageError } from "../base/mod.ts";
import { jsonValue } from "./_json_values.ts";

type Row = Readonly<Record<string, unknown>>;
type ColumnType = "BOOLEAN" | "INT64" | "DOUBLE" | "STRING";

interface Column {
  readonly name: string;
  readonly type: ColumnType;
  readonly values: (boolean | bigint | number | string | null)[];
}

/** An Arrow IPC file with one record batch. @throws StageError when there is no row */
export function arrowFile(rows: readonly Row[]): Uint8Array {
  const vectors: Record<string, Vector> = {};
  for (const { name, type, values } of columnsOf(rows)) vectors[name] = vectorOf(type, values);
  return tableToIPC(new Table(vectors), "file");
}

/** A parquet file, snappy-compressed. @throws StageError when there is no row */
export function parquetFile(rows: readonly Row[]): Uint8Array {
  const columnData = columnsOf(rows).map(({ name, type, values }) => ({
    name,
    type,
    data: values,
    nullable: true,
  }));
  return new Uint8Array(parquetWriteBuffer({ columnData }));
}

function vectorOf(type: ColumnType, values: Column["values"]): Vector {
  switch (type) {
    case "BOOLEAN":
      return vectorFromArray(values, new Bool());
    case "INT64":
      return vectorFromArray(values, new Int64());
    case "DOUBLE":
      return vectorFromArray(values, new Float64());
    case "STRING":
      return vectorFromArray(values, new Utf8());
  }
}

function columnsOf(rows: readonly Row[]): Column[] {
  const names = new Set(rows.flatMap((row) => Object.keys(row)));
  if (names.size === 0) {
    throw new StageError("Cannot write rows: expected at least one row, found none");
  }
  return [...names].map((name) => columnOf(name, rows.map((row) => row[name] ?? null)));
}

function columnOf(name: string, values: readonly unknown[]): Column {
  const present = values.filter((value) => value !== null);
  const isAll = (test: (value: unknown) => boolean) => present.length > 0 && present.every(test);
  const isLong = (value: unknown) =>
    typeof value === "bigint" && BigInt.asIntN(64, value) === value;
  if (isAll((value) => typeof value === "boolean")) {
    return { name, type: "BOOLEAN", values: values as (boolean | null)[] };
  }
  if (isAll((value) => isLong(value) || Number.isSafeInteger(value))) {
    const longs = values.map((value) => value === null ? null : BigInt(value as number | bigint));
    return { name, type: "INT64", values: longs };
  }
  if (isAll((value) => typeof value === "number")) {
    return { name, type: "DOUBLE", values: values as (number | null)[] };
  }
  const texts = values.map((value) => {
    const plain = jsonValue(value);
    return plain === null || typeof plain === "string" ? plain : JSON.stringify(plain);
  });
  return { name, type: "STRING", values: texts };
}
