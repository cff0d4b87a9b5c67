/**
 * Arrow IPC files and streams, a record batch at a time; text may be nested: `meta.body` names a field of a struct.
 *
 * Limits: a batch must fit into memory and has at most 1 GB, a column of it 2^23 values, a compressed buffer 256 MB. Metadata
 * of V4 and V5. What `apache-arrow` cannot read is refused: big-endian data, list views, run-end encoding, unions before V5.
 */
import { RecordBatchReader, type Vector } from "apache-arrow";
import type { SourceRecord } from "../document.ts";
import { ColumnarRecords } from "./columnar_records.ts";
import { registerCodecs } from "./arrow_codecs.ts";
import { type ArrowBatches, openArrow } from "./arrow_messages.ts";
import { ColumnDecoder, uniqueNames, type Values } from "./arrow_values.ts";
import { fileError } from "./data_error.ts";
import { columnsOf, recordReader } from "./documents.ts";

export const reader = recordReader("arrow", (input, options) => new ArrowRecords(input, options));

/** A batch of ours has at most this many rows. */
const batchRows = 1024;

class ArrowRecords extends ColumnarRecords {
  override async *[Symbol.asyncIterator](): AsyncGenerator<SourceRecord[]> {
    try {
      const file = await openArrow(this.input);
      const { fields } = file.schema;
      const names = uniqueNames(fields);
      this.columns = names.map((name, i) => ({ name, type: String(fields[i].type) }));
      const wanted = new Set(columnsOf(names, this.options.columns));
      let isEmpty = true;
      for await (const { row, columns, rows } of this.#batches(file, names, wanted)) {
        for (let at = Math.max(0, this.start - row); at < rows; at += batchRows) {
          isEmpty = false;
          this.start = row + at;
          yield records(columns, row, at, Math.min(rows, at + batchRows));
        }
      }
      if (isEmpty) yield [];
    } catch (cause) {
      throw fileError(this.input.name, "", cause);
    }
  }

  /** Record batches after the start, with the wanted columns of each. */
  async *#batches(file: ArrowBatches, names: readonly string[], wanted: ReadonlySet<string>) {
    registerCodecs();
    const decoder = new ColumnDecoder();
    const dictionaries = new Map<number, Vector>();
    let row = 0;
    for await (const { rows, place, read } of file.batches()) {
      const first = row;
      row += rows ?? 0;
      if (rows !== undefined && row <= this.start) continue;
      const bytes = await read();
      const columns: [string, Values][] = [];
      let inside = place;
      try {
        const reader = RecordBatchReader.from(bytes).open();
        for (const [id, words] of dictionaries) reader.dictionaries.set(id, words);
        const { value: batch } = reader.next();
        for (const [id, words] of reader.dictionaries) dictionaries.set(id, words);
        if (rows === undefined) continue;
        for (const [i, name] of names.entries()) {
          if (!wanted.has(name)) continue;
          inside = `${place}, column "${name}"`;
          columns.push([name, decoder.values(batch.data.children[i])]);
        }
      } catch (cause) {
        throw fileError(this.input.name, inside, cause);
      }
      yield { row: first, rows, columns };
    }
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
    batch.push({ row: row + i + 1, value });
  }
  return batch;
}
