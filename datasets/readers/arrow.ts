/**
 * Arrow IPC files and streams, a record batch at a time; text may be nested: `meta.body` names a field of a struct.
 *
 * Limits: a batch must fit into memory and has at most 1 GB, a column of it 2^23 values, a compressed buffer 256 MB. Metadata
 * of V4 and V5. What `apache-arrow` cannot read is refused: big-endian data, list views, run-end encoding, unions before V5.
 */
import { RecordBatchReader, type Vector } from "apache-arrow";
import type { RecordStream, SourceRecord } from "../document.ts";
import { registerCodecs } from "./arrow_codecs.ts";
import { type ArrowBatches, openArrow } from "./arrow_messages.ts";
import { ColumnDecoder, namesOf, type Values } from "./arrow_values.ts";
import { DataError, fileError } from "./data_error.ts";
import { columnsOf, recordReader, repeatedName, rowAt, uniqueNames } from "./documents.ts";

/** A batch of ours has at most this many rows. */
const batchRows = 1024;

export const reader = recordReader("arrow", async (input, options): Promise<RecordStream> => {
  const fail = (cause: unknown): never => {
    throw fileError(input.name, "", cause);
  };
  const file = await openArrow(input).catch(fail);
  const { fields } = file.schema;
  const declared = namesOf(fields);
  const repeated = options.columns && repeatedName(declared, options.columns);
  if (repeated !== undefined) {
    fail(new DataError(`expected names of columns that differ, found "${repeated}" twice`));
  }
  const names = uniqueNames(declared);
  const columns = names.map((name, i) => ({ name, type: String(fields[i].type) }));
  const wanted = new Set(columnsOf(names, options.columns));
  const start = options.from?.rows ?? 0;
  return { unit: "row", field: "column", columns, [Symbol.asyncIterator]: batches };

  async function* batches(): AsyncGenerator<SourceRecord[]> {
    try {
      for await (
        const { row, rows, columns } of columnBatches(input.name, file, names, wanted, start)
      ) {
        for (let at = Math.max(0, start - row); at < rows; at += batchRows) {
          yield records(columns, row, at, Math.min(rows, at + batchRows));
        }
      }
    } catch (cause) {
      fail(cause);
    }
  }
});

/** Record batches that go on after row `start`, with the wanted columns of each. */
async function* columnBatches(
  name: string,
  file: ArrowBatches,
  names: readonly string[],
  wanted: ReadonlySet<string>,
  start: number,
) {
  registerCodecs();
  const decoder = new ColumnDecoder();
  const dictionaries = new Map<number, Vector>();
  let row = 0;
  for await (const { rows, place, read } of file.batches()) {
    const first = row;
    row += rows ?? 0;
    if (rows !== undefined && row <= start) continue;
    const bytes = await read();
    const columns: [string, Values][] = [];
    let inside = place;
    try {
      const reader = RecordBatchReader.from(bytes).open();
      for (const [id, words] of dictionaries) reader.dictionaries.set(id, words);
      const { value: batch } = reader.next();
      for (const [id, words] of reader.dictionaries) dictionaries.set(id, words);
      if (rows === undefined) continue;
      for (const [i, column] of names.entries()) {
        if (!wanted.has(column)) continue;
        inside = `${place}, column "${column}"`;
        columns.push([column, decoder.values(batch.data.children[i])]);
      }
    } catch (cause) {
      throw fileError(name, inside, cause);
    }
    yield { row: first, rows, columns };
  }
}

function records(
  columns: readonly [string, Values][],
  row: number,
  from: number,
  to: number,
): SourceRecord[] {
  const batch: SourceRecord[] = [];
  for (let i = from; i < to; i++) {
    const value: Record<string, unknown> = {};
    for (const [name, values] of columns) value[name] = values[i];
    batch.push(rowAt(row + i, value));
  }
  return batch;
}
