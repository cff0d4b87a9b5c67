/**
 * Plain text, cut into documents at blank lines, at every line, or not at all. Lines of a document are joined by LF.
 */
import { Buffer } from "node:buffer";
import { basename } from "node:path";
import { formatBytes } from "../../pipeline/base/mod.ts";
import type { Document, DocumentReader, ReaderOptions } from "../document.ts";
import { Rejects } from "./_rejects.ts";
import { readRows } from "./_rows.ts";

export const reader: DocumentReader = { format: "text", read };

async function* read(path: string, options: ReaderOptions): AsyncGenerator<Document> {
  const file = basename(path);
  const rejects = new Rejects(file, options);
  const { textDocuments, maxRowBytes } = options;
  let isEmpty = true;
  let open: OpenDocument | undefined;
  const take = (): Document[] => {
    const closed = open;
    open = undefined;
    if (closed === undefined || closed.isBad) return [];
    const text = closed.lines.join("\n");
    if (text.trim() === "") return [];
    isEmpty = false;
    return [{ text, id: `${file}:${closed.line}` }];
  };

  for await (const rows of readRows(path, maxRowBytes)) {
    for (const row of rows) {
      if ("problem" in row) {
        rejects.add(row.line, row.problem);
        // The document that the row belongs to is not the one that was written: none of it is kept.
        open = { line: open?.line ?? row.line, lines: [], bytes: 0, isBad: true };
      } else if (row.text.trim() === "" && textDocuments !== "file") {
        yield* take();
      } else {
        open ??= { line: row.line, lines: [], bytes: 0, isBad: false };
        if (!open.isBad && !append(open, row.text, maxRowBytes)) {
          rejects.add(
            open.line,
            `expected a document of at most ${formatBytes(maxRowBytes)}, found a longer one`,
          );
        }
      }
      if (textDocuments === "line") yield* take();
    }
  }
  yield* take();
  if (isEmpty) rejects.failEmpty();
}

/** A document whose end has not been read yet. */
interface OpenDocument {
  /** Of its first row. */
  readonly line: number;
  lines: string[];
  bytes: number;
  isBad: boolean;
}

/** Appends a line; false when that makes the document too long. */
function append(open: OpenDocument, text: string, maxBytes: number): boolean {
  open.bytes += Buffer.byteLength(text) + (open.lines.length > 0 ? 1 : 0);
  open.isBad = open.bytes > maxBytes;
  if (open.isBad) open.lines = [];
  else open.lines.push(text);
  return !open.isBad;
}
