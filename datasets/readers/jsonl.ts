/**
 * JSON lines: an object a line, whose text field is a document.
 */
import type { FoundText, RecordOptions, RecordStream, SourceRecord } from "../document.ts";
import type { Input } from "../input.ts";
import { recordReader } from "./documents.ts";
import { textOf } from "./fields.ts";
import { parseRow } from "./json_value.ts";
import { checkLineEnds, contentOf, lines, piecesOf, type RawPiece, rawPiecesOf } from "./pieces.ts";
import { RowTexts } from "./row_texts.ts";

export const reader = recordReader("jsonl", jsonLines);

/** The lines of a file as values, or as texts where nothing else is wanted; blank lines are left out. */
export function jsonLines(input: Input, options: RecordOptions): RecordStream {
  return options.onlyText === undefined ? lineValues(input, options) : lineTexts(input, options);
}

function lineValues(input: Input, { maxRowBytes, from }: RecordOptions): RecordStream {
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

/** The value of a record is the line as it stands. */
function lineTexts(
  input: Input,
  { maxRowBytes, from, onlyText = "" }: RecordOptions,
): RecordStream {
  const texts = new RowTexts(onlyText);
  const content = (line: RawPiece, row: number) => {
    const found = contentOf(line, maxRowBytes, true, row === 1);
    if (line.isOnlyLine) checkLineEnds(input.name, found);
    return found;
  };
  const parsed = (line: RawPiece, row: number) => {
    const found = content(line, row);
    return "text" in found ? parseRow(found.text) : found;
  };
  const isEmpty = (line: RawPiece, row: number) => {
    // Most begin with a brace.
    if (line.bytes === undefined || line.bytes[0] > 0x20 && line.bytes[0] < 0x80) return false;
    const found = content(line, row);
    return "text" in found && isBlank(found.text);
  };
  return { unit: "line", field: "field", textOf: find, [Symbol.asyncIterator]: batches };

  async function* batches(): AsyncGenerator<SourceRecord[]> {
    let row = from?.rows ?? 0;
    for await (const { pieces } of rawPiecesOf(input, lines, maxRowBytes, from?.offset)) {
      const records: SourceRecord[] = [];
      for (const line of pieces) {
        const next = { rows: ++row, offset: line.end };
        if (!isEmpty(line, row)) records.push({ row, next, value: { line, row } });
      }
      if (records.length > 0) yield records;
    }
  }

  function find(value: object): FoundText {
    const { line, row } = value as { line: RawPiece; row: number };
    const text = line.bytes === undefined ? undefined : texts.textOf(line.bytes);
    if (text !== undefined) return text;
    const found = parsed(line, row);
    return "problem" in found ? found : textOf(found.value, onlyText, "field");
  }
}

function isBlank(row: string): boolean {
  return row.length === 0 || (row.charCodeAt(0) <= 0x20 && row.trim() === "");
}
