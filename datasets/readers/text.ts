/**
 * Plain text, cut into documents at blank lines, at every line, or not at all. Lines of a document are joined by LF.
 */
import { Buffer } from "node:buffer";
import { formatBytes } from "../../base/mod.ts";
import {
  readerDefaults,
  type ReadPosition,
  type RecordOptions,
  type RecordStream,
  type SourceRecord,
} from "../document.ts";
import type { Input } from "../input.ts";
import { recordReader } from "./documents.ts";
import { lines, piecesOf } from "./pieces.ts";

export const reader = recordReader("text", textRecords, "text");

/** A document whose end has not been read yet. */
interface OpenDocument {
  /** Of its first line. */
  readonly row: number;
  lines: string[];
  bytes: number;
  /** It lacks a line, or is too long: the rest of it is dropped too. */
  isBad: boolean;
}

/** Documents as records with one field, `text`; a record's row is its first line. */
function textRecords(input: Input, options: RecordOptions): RecordStream {
  const { textDocuments = readerDefaults.textDocuments, maxRowBytes, from } = options;
  return { unit: "line", field: "field", [Symbol.asyncIterator]: batches };

  async function* batches(): AsyncGenerator<SourceRecord[]> {
    let next: ReadPosition = from ?? { rows: 0, offset: 0 };
    let open: OpenDocument | undefined;
    let records: SourceRecord[] = [];
    const close = () => {
      const text = open === undefined || open.isBad ? "" : open.lines.join("\n");
      if (text.trim() !== "") records.push({ row: open!.row, next, value: { text } });
      open = undefined;
    };
    for await (const pieces of piecesOf(input, lines, maxRowBytes, from?.offset)) {
      for (const piece of pieces) {
        const row = next.rows + 1;
        next = { rows: row, offset: piece.end };
        if ("problem" in piece) {
          records.push({ row, next, problem: piece.problem });
          open = { row: open?.row ?? row, lines: [], bytes: 0, isBad: true };
        } else if (piece.text.trim() === "" && textDocuments !== "file") {
          close();
        } else {
          open ??= { row, lines: [], bytes: 0, isBad: false };
          if (!open.isBad && !append(open, piece.text, maxRowBytes)) {
            const limit = formatBytes(maxRowBytes);
            const problem = `expected a document of at most ${limit}, found a longer one`;
            records.push({ row: open.row, next, problem });
          }
        }
        if (textDocuments === "line") close();
      }
      yield records;
      records = [];
    }
    close();
    yield records;
  }
}

/** Appends a line; false when that makes the document too long. */
function append(open: OpenDocument, text: string, maxBytes: number): boolean {
  open.bytes += Buffer.byteLength(text) + (open.lines.length > 0 ? 1 : 0);
  open.isBad = open.bytes > maxBytes;
  if (open.isBad) open.lines = [];
  else open.lines.push(text);
  return !open.isBad;
}
