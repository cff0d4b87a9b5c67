/**
 * Plain text, cut into documents at blank lines, at every line, or not at all. Lines of a document are joined by LF.
 */
import { Buffer } from "node:buffer";
import { formatBytes } from "../../base/mod.ts";
import {
  type Document,
  type DocumentReader,
  readerDefaults,
  type ReaderOptions,
  type ReadPosition,
  type RecordStream,
} from "../document.ts";
import { inputOf, type InputOrPath } from "../input.ts";
import { CountedDocuments } from "./documents.ts";
import { Rejects } from "./rejects.ts";
import { RowSource } from "./rows.ts";

export const reader: DocumentReader = {
  format: "text",
  read: (source, options) => new TextDocuments(source, options),
  readRecords(source, options): RecordStream {
    return recordsOf(new TextDocuments(source, { ...readerDefaults, ...options }));
  },
};

class TextDocuments extends CountedDocuments {
  readonly #source: InputOrPath;
  #rows: RowSource | undefined;
  #bytesTotal = 0;
  /** Rows of the batch up to where the last document was closed. */
  #taken = 0;

  constructor(source: InputOrPath, options: ReaderOptions) {
    super(options);
    this.#source = source;
  }

  protected get bytes() {
    return { bytesRead: this.#rows?.bytesRead ?? 0, bytesTotal: this.#bytesTotal };
  }

  get position(): ReadPosition {
    return this.#rows?.positionAfter(this.#taken) ?? this.options.from ?? { rows: 0, offset: 0 };
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Document> {
    const { textDocuments, maxRowBytes, from } = this.options;
    await using input = await inputOf(this.#source);
    const { name } = input;
    this.#bytesTotal = input.size;
    this.#rows = new RowSource(input, maxRowBytes, from);
    const rejects = new Rejects(name, this.options, { unit: "line" });
    let open: OpenDocument | undefined;
    const take = (): Document[] => {
      const closed = open;
      open = undefined;
      if (closed === undefined || closed.isBad) return [];
      const text = closed.lines.join("\n");
      if (text.trim() === "") return [];
      this.documents++;
      return [{ text, id: `${name}:${closed.line}` }];
    };

    for await (const rows of this.#rows.batches()) {
      for (let i = 0; i < rows.length; i++) {
        const row = rows[i];
        this.#taken = i + 1;
        if ("problem" in row) {
          rejects.add(row.line, row.problem);
          // The document lacks this row, so the rest of it is dropped too.
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
    if (this.documents === 0) rejects.failEmpty();
  }
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

/** Documents as records with one field, `text`. */
function recordsOf(documents: TextDocuments): RecordStream {
  return {
    unit: "line",
    field: "field",
    get bytesRead() {
      return documents.progress.bytesRead;
    },
    get bytesTotal() {
      return documents.progress.bytesTotal;
    },
    positionAfter: () => documents.position,
    async *[Symbol.asyncIterator]() {
      for await (const { text, id } of documents) {
        yield [{ row: Number(id.slice(id.lastIndexOf(":") + 1)), value: { text } }];
      }
    },
  };
}
