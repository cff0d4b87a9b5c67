/**
 * JSON lines: an object a line, whose text field is a document.
 */
import type { RecordOptions, RecordStream, SourceRecord } from "../document.ts";
import type { Input } from "../input.ts";
import { recordReader } from "./documents.ts";
import { parseRow } from "./json_value.ts";
import { lines, piecesOf } from "./pieces.ts";

export const reader = recordReader("jsonl", jsonLines);

/** The lines of a file as values; blank lines are left out. */
export function jsonLines(input: Input, { maxRowBytes, from }: RecordOptions): RecordStream {
  return { unit: "line", field: "field", [Symbol.asyncIterator]: batches };

  async function* batches(): AsyncGenerator<SourceRecord[]> {
    let row = from?.rows ?? 0;
    for await (const pieces of piecesOf(input, lines, maxRowBytes, from?.offset)) {
      const records: SourceRecord[] = [];
      for (const piece of pieces) {
        const next = { rows: ++row, offset: piece.end };
        if ("problem" in piece) records.push({ row, next, problem: piece.problem });
        else if (!isBlank(piece.text)) records.push({ row, next, ...parseRow(piece.text) });
      }
      if (records.length > 0) yield records;
    }
  }
}

function isBlank(row: string): boolean {
  return row.length === 0 || (row.charCodeAt(0) <= 0x20 && row.trim() === "");
}
