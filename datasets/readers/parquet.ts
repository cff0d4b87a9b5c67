/**
 * Parquet files, a page of each wanted column at a time; text may be nested: `meta.body` names a field of a struct.
 *
 * Limits: a page has at most 256 MB and 2^23 values, a nested column at most 512 MB a row group. Encrypted files are refused.
 */
import type { DecodedArray, SchemaTree } from "hyparquet";
import type { SourceRecord } from "../document.ts";
import type { Input } from "../input.ts";
import { ColumnarRecords } from "./columnar_records.ts";
import { DataError, fileError } from "./data_error.ts";
import { columnsOf, recordReader } from "./documents.ts";
import { type ColumnRows, columnRows } from "./parquet_columns.ts";
import { openParquet, type ParquetFile } from "./parquet_file.ts";
import { typeName } from "./parquet_types.ts";

export const reader = recordReader(
  "parquet",
  (input, options) => new ParquetRecords(input, options),
);

/** Rows a batch at most. */
const batchRows = 1024;

class ParquetRecords extends ColumnarRecords {
  totalRows: number | undefined;

  override async *[Symbol.asyncIterator](): AsyncGenerator<SourceRecord[]> {
    const { name } = this.input;
    const file = await openParquet(this.input).catch((cause) => {
      throw fileError(name, "", cause);
    });
    this.columns = file.columns.map((tree) => ({ name: tree.element.name, type: typeName(tree) }));
    this.totalRows = file.rows;
    const names = this.columns.map((column) => column.name);
    const wanted = new Set(columnsOf(names, this.options.columns));
    let row = 0;
    let isEmpty = true;
    for (let g = 0; g < file.rowGroups.length; g++) {
      const { rows } = file.rowGroups[g];
      const skip = Math.min(rows, Math.max(0, this.start - row));
      let at = row + skip;
      row += rows;
      if (skip === rows) continue;
      for await (const values of groupRows(this.input, file, g, wanted, skip)) {
        const first = at;
        this.start = first;
        at += values.length;
        isEmpty = false;
        yield values.map((value, i) => ({ row: first + i + 1, value }));
      }
    }
    // Whoever only wants to know the columns learns them from an empty file too.
    if (isEmpty) yield [];
  }
}

interface OpenColumn {
  readonly name: string;
  readonly rows: ColumnRows;
  /** Rows that have been read and not yet given, from `at` on. */
  ready: DecodedArray;
  at: number;
  skip: number;
  /** Rows that were read or skipped. */
  seen: number;
}

async function* groupRows(
  input: Input,
  file: ParquetFile,
  group: number,
  wanted: ReadonlySet<string>,
  skip: number,
): AsyncGenerator<Record<string, unknown>[]> {
  const { rows, chunks } = file.rowGroups[group];
  const columns = file.columns.filter(({ element }) => wanted.has(element.name))
    .map((tree) => openColumn(input, file, tree, chunks, skip));
  for (let given = skip; given < rows;) {
    let count = Math.min(batchRows, rows - given);
    for (const column of columns) {
      const place = `row group ${group}, column "${column.name}"`;
      try {
        await fill(column, rows);
      } catch (cause) {
        throw fileError(input.name, place, cause);
      }
      count = Math.min(count, column.ready.length - column.at);
    }
    const batch: Record<string, unknown>[] = new Array(count);
    for (let i = 0; i < count; i++) {
      const record: Record<string, unknown> = {};
      for (const { name, ready, at } of columns) record[name] = ready[at + i] ?? null;
      batch[i] = record;
    }
    for (const column of columns) column.at += count;
    given += count;
    yield batch;
  }
  for (const column of columns) {
    if (column.seen === rows) continue;
    throw fileError(
      input.name,
      `row group ${group}, column "${column.name}"`,
      new DataError(`expected ${rows} rows, found ${column.seen}`),
    );
  }
}

function openColumn(
  input: Input,
  file: ParquetFile,
  tree: SchemaTree,
  chunks: ParquetFile["rowGroups"][number]["chunks"],
  skip: number,
): OpenColumn {
  const { name } = tree.element;
  const leaves = file.leaves.map((leaf, i) => ({ leaf, chunk: chunks[i] }))
    .filter(({ leaf }) => leaf.path[0] === name);
  return { name, rows: columnRows(input, tree, leaves), ready: [], at: 0, skip, seen: 0 };
}

/** Makes at least one row ready. */
async function fill(column: OpenColumn, rows: number): Promise<void> {
  while (column.at >= column.ready.length) {
    const next = await column.rows.next(column.skip);
    if (next === undefined) {
      throw new DataError(`expected ${rows} rows, found ${column.seen}`);
    }
    if ("skipped" in next) {
      column.skip -= next.skipped;
      column.seen += next.skipped;
      continue;
    }
    column.seen += next.rows.length;
    if (column.seen > rows) {
      throw new DataError(`expected ${rows} rows, found ${column.seen} or more`);
    }
    const skipped = Math.min(column.skip, next.rows.length);
    column.skip -= skipped;
    column.ready = next.rows;
    column.at = skipped;
  }
}
