/**
 * JSON lines: an object a line, whose text field is a document.
 */
import type { RecordOptions, RecordStream, SourceRecord } from "../document.ts";
import type { Input } from "../input.ts";
import { recordReader } from "./documents.ts";
import { parseJson } from "./json_value.ts";
import { type Row, RowSource } from "./rows.ts";

export const reader = recordReader("jsonl", (input, options) => new JsonLines(input, options));

/** The lines of a file as values; blank lines are left out. */
export class JsonLines implements RecordStream {
  readonly unit = "line";
  readonly field = "field";
  readonly bytesTotal: number;
  readonly #rows: RowSource;
  /** How many rows of the batch each record ends: blank rows are no records. */
  #ends: number[] = [];

  constructor(input: Input, { maxRowBytes, from }: RecordOptions) {
    this.bytesTotal = input.size;
    this.#rows = new RowSource(input, maxRowBytes, from);
  }

  get bytesRead(): number {
    return this.#rows.bytesRead;
  }

  positionAfter(taken: number) {
    return this.#rows.positionAfter(taken === 0 ? 0 : this.#ends[taken - 1]);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<SourceRecord[]> {
    for await (const rows of this.#rows.batches()) {
      const records: SourceRecord[] = [];
      this.#ends = [];
      for (let i = 0; i < rows.length; i++) {
        const record = recordOf(rows[i]);
        if (record === undefined) continue;
        records.push(record);
        this.#ends.push(i + 1);
      }
      if (records.length > 0) yield records;
    }
  }
}

function recordOf(row: Row): SourceRecord | undefined {
  if ("problem" in row) return { row: row.line, problem: row.problem };
  if (isBlank(row.text)) return undefined;
  return { row: row.line, ...parseJson(row.text) };
}

function isBlank(row: string): boolean {
  return row.length === 0 || (row.charCodeAt(0) <= 0x20 && row.trim() === "");
}
