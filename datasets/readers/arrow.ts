/**
 * Arrow IPC files and streams, a record batch at a time; text may be nested: `meta.body` names a field of a struct.
 *
 * Limits: a batch has at most 1 GB, a column of it 2^23 values, a compressed buffer 256 MB. Metadata of V4 and V5.
 */
import { messageOf } from "../../base/mod.ts";
import type { SourceRecord } from "../document.ts";
import { ColumnarRecords } from "./columnar_records.ts";
import { type ArrowMessages, type BatchMessage, openArrow } from "./arrow_messages.ts";
import { type ArrowField, arrowTypeName } from "./arrow_schema.ts";
import { BatchDecoder, type Values } from "./arrow_values.ts";
import { DataError, fileError } from "./data_error.ts";
import { columnsOf, recordReader } from "./documents.ts";

export const reader = recordReader("arrow", (input, options) => new ArrowRecords(input, options));

/** Rows a batch of ours at most. */
const batchRows = 1024;

class ArrowRecords extends ColumnarRecords {
  override async *[Symbol.asyncIterator](): AsyncGenerator<SourceRecord[]> {
    const { name } = this.input;
    try {
      const file = await openArrow(this.input);
      const { fields } = file.schema;
      this.columns = fields.map((field) => ({ name: field.name, type: arrowTypeName(field) }));
      const names = fields.map((field) => field.name);
      const wanted = new Set(columnsOf(names, this.options.columns));
      let isEmpty = true;
      for await (const { row, columns, rows } of this.#batches(file, wanted)) {
        for (let at = Math.max(0, this.start - row); at < rows; at += batchRows) {
          isEmpty = false;
          this.start = row + at;
          yield records(columns, row, at, Math.min(rows, at + batchRows));
        }
      }
      if (isEmpty) yield [];
    } catch (cause) {
      throw fileError(name, "", cause);
    }
  }

  /** Record batches behind the start, with the wanted columns of each. */
  async *#batches(file: ArrowMessages, wanted: ReadonlySet<string>) {
    const dictionaries = new Map<number, Values>();
    let row = 0;
    for await (const message of file.messages()) {
      if (message.dictionary !== undefined) {
        await addDictionary(file, message, dictionaries);
        continue;
      }
      const { rows } = message.batch;
      const first = row;
      row += rows;
      if (row <= this.start) continue;
      const columns = await decoded(message, async () => {
        const body = await message.body();
        const { isLittleEndian, fields } = file.schema;
        const decoder = new BatchDecoder(message.batch, body, isLittleEndian, dictionaries);
        const found: [string, Values][] = [];
        for (const field of fields) {
          // Each column says where the next begins, so none can be left out.
          const values = decoder.column(field);
          if (values.length !== rows) {
            throw new DataError(
              `column "${field.name}": expected ${rows} rows, found ${values.length}`,
            );
          }
          if (wanted.has(field.name)) found.push([field.name, values]);
        }
        return found;
      });
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

async function addDictionary(
  { schema }: ArrowMessages,
  message: BatchMessage,
  dictionaries: Map<number, Values>,
): Promise<void> {
  const { id, isDelta } = message.dictionary!;
  await decoded(message, async () => {
    const field = fieldOfDictionary(schema.fields, id);
    if (field === undefined) {
      throw new DataError(`expected a column with dictionary ${id}, found none`);
    }
    const body = await message.body();
    const decoder = new BatchDecoder(message.batch, body, schema.isLittleEndian, dictionaries);
    const values = decoder.column({ name: field.name, type: field.type, children: field.children });
    dictionaries.set(id, isDelta ? [...dictionaries.get(id) ?? [], ...values] : values);
  });
}

function fieldOfDictionary(fields: readonly ArrowField[], id: number): ArrowField | undefined {
  for (const field of fields) {
    if (field.dictionary?.id === id) return field;
    const found = fieldOfDictionary(field.children, id);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Decoding, with the batch as the place of what is wrong. */
async function decoded<T>(message: BatchMessage, decode: () => Promise<T>): Promise<T> {
  try {
    return await decode();
  } catch (cause) {
    if (cause instanceof DataError) {
      throw new DataError(`${message.place}: ${cause.message}`, { cause });
    }
    if (cause instanceof RangeError || cause instanceof TypeError) {
      throw new DataError(
        `${message.place}: expected well-formed data, found damaged data (${messageOf(cause)})`,
        { cause },
      );
    }
    throw cause;
  }
}
