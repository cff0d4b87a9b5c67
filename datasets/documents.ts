/**
 * Documents of a split as the pipeline keeps them: a folder with
 *   documents.arrow Arrow IPC file, columns `text` and `id` (utf8), a row per document
 *   report.json     what was read and what was dropped: see `DocumentsReport`
 * Both ways go batch by batch, so a split of any size needs the memory of one batch.
 */
import { type Data, Field, makeData, Schema, Utf8 } from "apache-arrow";
import { join } from "node:path";
import { StageError, writeFileSynced } from "../pipeline/base/mod.ts";
import { ArrowFileReader, ArrowFileWriter } from "./arrow_file.ts";
import type { Document } from "./document.ts";
import { readJsonFile } from "./json_file.ts";

/** A batch is full at this many documents or bytes of text, whichever comes first. */
const batchDocuments = 1024;
const batchBytes = 4 * 1024 * 1024;

/** A report names the places of this many dropped rows; the rest are counted. */
const namedSkips = 20;

/** What is known of a split's text. */
export interface DocumentsReport {
  readonly format: 1;
  readonly documents: number;
  /** UTF-8 bytes of all texts. */
  readonly bytes: number;
  /** Unicode code points of all texts. */
  readonly characters: number;
  /** UTF-8 bytes of the shortest and the longest document. */
  readonly shortestBytes: number;
  readonly longestBytes: number;
  /** Rows that were dropped, and the reasons for the first of them. */
  readonly skipped: { readonly rows: number; readonly first: readonly string[] };
  /** Of generated text only: no model can have an expected code length below it. */
  readonly entropyBitsPerByte?: number;
}

export interface WriteDocumentsOptions {
  /** Rows that the reader drops; filled while documents are read. */
  readonly skips?: SkipLog;
  readonly entropyBitsPerByte?: number;
  /** Take only the first documents; null takes all. */
  readonly maxDocuments?: number | null;
  /** Called after each document. */
  onDocument?(done: number): void;
}

/** Counts dropped rows and keeps the first reasons. */
export class SkipLog {
  rows = 0;
  readonly first: string[] = [];

  add(reason: string): void {
    this.rows++;
    if (this.first.length < namedSkips) this.first.push(reason);
  }
}

/**
 * Writes documents to a folder, in their order, and says what they are.
 *
 * @throws StageError for a text that UTF-8 has no form for, and when there is no document.
 */
export async function writeDocuments(
  folder: string,
  documents: AsyncIterable<Document> | Iterable<Document>,
  options: WriteDocumentsOptions = {},
): Promise<DocumentsReport> {
  const limit = options.maxDocuments ?? Infinity;
  let count = 0, bytes = 0, characters = 0, shortestBytes = Infinity, longestBytes = 0;
  using writer = new ArrowFileWriter(join(folder, "documents.arrow"), documentSchema());
  const texts = new Utf8Column();
  const ids = new Utf8Column();
  const flush = () => writer.write([texts.take(), ids.take()]);
  for await (const { text, id } of documents) {
    if (!text.isWellFormed()) {
      throw new StageError(
        `Cannot write document "${id}": expected well-formed Unicode, found a lone surrogate`,
      );
    }
    const size = texts.add(text);
    ids.add(id);
    count++;
    bytes += size;
    characters += codePoints(text);
    shortestBytes = Math.min(shortestBytes, size);
    longestBytes = Math.max(longestBytes, size);
    if (texts.length === batchDocuments || texts.bytes >= batchBytes) flush();
    options.onDocument?.(count);
    if (count >= limit) break;
  }
  if (count === 0) {
    throw new StageError("Cannot write documents: expected at least one document, found none");
  }
  if (texts.length > 0) flush();
  writer.finish();
  const { rows, first } = options.skips ?? new SkipLog();
  const report: DocumentsReport = {
    format: 1,
    documents: count,
    bytes,
    characters,
    shortestBytes,
    longestBytes,
    skipped: { rows, first: [...first] },
    entropyBitsPerByte: options.entropyBitsPerByte,
  };
  writeFileSynced(join(folder, "report.json"), JSON.stringify(report, null, 2) + "\n");
  return report;
}

/** The documents of a folder that `writeDocuments` made, in order. @throws StageError when a file is damaged. */
export async function* readDocuments(folder: string): AsyncGenerator<Document> {
  using reader = new ArrowFileReader(join(folder, "documents.arrow"), {
    text: "Utf8",
    id: "Utf8",
  });
  const { documents } = readDocumentsReport(folder);
  let done = 0;
  for (let index = 0; index < reader.batches; index++) {
    const { text, id } = reader.batch(index);
    for (let row = 0; row < text.length; row++) yield { text: text.get(row), id: id.get(row) };
    done += text.length;
  }
  if (done !== documents) {
    throw new StageError(
      `Cannot read "documents.arrow": expected ${documents} documents, found ${done}`,
    );
  }
}

/** The report of a folder that `writeDocuments` made. @throws StageError when it is damaged. */
export function readDocumentsReport(folder: string): DocumentsReport {
  return readJsonFile<DocumentsReport>(join(folder, "report.json"), ["documents", "bytes"]);
}

function documentSchema(): Schema {
  return new Schema([new Field("text", new Utf8(), false), new Field("id", new Utf8(), false)]);
}

/** A column of strings that is being filled. */
class Utf8Column {
  #values: Uint8Array[] = [];
  #ends: number[] = [0];
  bytes = 0;

  get length(): number {
    return this.#values.length;
  }

  /** Appends a string; returns its UTF-8 bytes. */
  add(text: string): number {
    const value = new TextEncoder().encode(text);
    this.#values.push(value);
    this.#ends.push(this.bytes += value.length);
    return value.length;
  }

  /** The column so far; what follows starts a new one. */
  take(): Data<Utf8> {
    const data = new Uint8Array(this.bytes);
    this.#values.forEach((value, i) => data.set(value, this.#ends[i]));
    const valueOffsets = Int32Array.from(this.#ends);
    const { length } = this;
    this.#values = [];
    this.#ends = [0];
    this.bytes = 0;
    return makeData({ type: new Utf8(), length, nullCount: 0, valueOffsets, data });
  }
}

/** Code points of well-formed text: UTF-16 units less one for each pair of surrogates. */
function codePoints(text: string): number {
  let count = text.length;
  for (let i = 0; i < text.length; i++) {
    if ((text.charCodeAt(i) & 0xfc00) === 0xd800) count--;
  }
  return count;
}
