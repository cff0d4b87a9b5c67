/**
 * Parquet files, some pages of each wanted column at a time; text may be nested: `meta.body` names a field of a struct.
 *
 * Limits: a page has at most 256 MB and 2^23 values. A nested column of a row group must fit into memory, and has at most 512 MB.
 * Encrypted files are refused.
 */
import type { DecodedArray, SchemaTree } from "hyparquet";
import type { RecordStream, SourceRecord } from "../document.ts";
import type { Input } from "../input.ts";
import { fileError } from "./data_error.ts";
import { columnsOf, recordReader, rowAt } from "./documents.ts";
import { columnRows } from "./parquet_columns.ts";
import { openParquet, type ParquetFile } from "./parquet_file.ts";
import { typeName } from "./parquet_types.ts";

/** A batch has at most this many rows. */
const batchRows = 1024;

export const reader = recordReader("parquet", async (input, options): Promise<RecordStream> => {
  const file = await openParquet(input).catch((cause) => {
    throw fileError(input.name, "", cause);
  });
  const columns = file.columns.map((tree) => ({ name: tree.element.name, type: typeName(tree) }));
  const wanted = new Set(columnsOf(columns.map(({ name }) => name), options.columns));
  const totalRows = file.rows;
  return { unit: "row", field: "column", columns, totalRows, [Symbol.asyncIterator]: batches };

  async function* batches(): AsyncGenerator<SourceRecord[]> {
    const start = options.from?.rows ?? 0;
    let row = 0;
    for (const [group, { rows }] of file.rowGroups.entries()) {
      const skip = Math.min(rows, Math.max(0, start - row));
      let at = row + skip;
      row += rows;
      if (skip === rows) continue;
      for await (const values of groupRows(input, file, group, wanted, skip)) {
        const first = at;
        at += values.length;
        yield values.map((value, i) => rowAt(first + i, value));
      }
    }
  }
});

/** Rows of a group from row `skip` on, a batch at a time. */
async function* groupRows(
  input: Input,
  file: ParquetFile,
  group: number,
  wanted: ReadonlySet<string>,
  skip: number,
): AsyncGenerator<Record<string, unknown>[]> {
  const { rows } = file.rowGroups[group];
  const columns = file.columns.filter(({ element }) => wanted.has(element.name))
    .map((tree) => new ColumnCursor(input, file, group, tree, skip));
  for (let given = skip; given < rows;) {
    for (const column of columns) await column.fill();
    const ready = columns.map(({ values, at }) => values.length - at);
    const count = Math.min(batchRows, rows - given, ...ready);
    yield Array.from({ length: count }, (_, i) => {
      const record: Record<string, unknown> = {};
      for (const { name, values, at } of columns) record[name] = values[at + i] ?? null;
      return record;
    });
    for (const column of columns) column.at += count;
    given += count;
  }
  for (const column of columns) await column.end();
}

/** A column of a row group, with its rows that have been read and not yet given. */
class ColumnCursor {
  readonly name: string;
  /** Rows that have been read; those from `at` on have not been given. */
  values: DecodedArray = [];
  at = 0;
  readonly #rows: AsyncIterator<DecodedArray>;
  readonly #fail: (cause: unknown) => never;

  constructor(input: Input, file: ParquetFile, group: number, tree: SchemaTree, skip: number) {
    this.name = tree.element.name;
    this.#rows = columnRows(input, file, group, tree, skip);
    this.#fail = (cause) => {
      throw fileError(input.name, `row group ${group}, column "${this.name}"`, cause);
    };
  }

  /** Makes at least one row ready; the column itself checks how many it has. */
  async fill(): Promise<void> {
    while (this.at >= this.values.length) {
      const { done, value } = await this.#rows.next().catch(this.#fail);
      if (done) return;
      this.values = value;
      this.at = 0;
    }
  }

  /** Reads to the end, after the last row: what follows is one too many. */
  async end(): Promise<void> {
    await this.#rows.next().catch(this.#fail);
  }
}
