/**
 * Documents of a split as the pipeline keeps them: a folder with
 *   documents.arrow Arrow IPC file, columns `text` and `id` (utf8), a row per document
 *   report.json     what was read and what was dropped: see `DocumentsReport`
 * Both ways go batch by batch, so a split of any size needs the memory of one batch.
 */
import { type Data, Field, makeData, Schema, Utf8 } from "apache-arrow";
import { isUtf8 } from "node:buffer";
import { join } from "node:path";
import { StageError, writeFileSynced } from "../base/mod.ts";
import { ArrowFileReader, ArrowFileWriter, type ArrowPosition } from "./arrow_file.ts";
import type { Document } from "./document.ts";
import type { FilterReport } from "./document_filter.ts";
import { readJsonFile } from "./json_file.ts";
import { Utf8Buffer } from "./utf8_buffer.ts";

/** A batch is full at this many documents or bytes of text, whichever comes first. */
const batchDocuments = 1024;
const batchBytes = 4 * 1024 * 1024;

/** A report names the places of this many dropped rows, and this many empty files; the rest are counted. */
const namedSkips = 20;

/** Facts about a split's text. */
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
  /** Of generated test text only: no model can have an expected code length below it. */
  readonly entropyBitsPerByte?: number;
  /** What was dropped or changed between reading and writing; absent where nothing was asked for. */
  readonly filter?: FilterReport;
  /** Remote files that were read, in order. */
  readonly files?: readonly SourceFile[];
  /** Files that gave no document; absent where each gave one. */
  readonly empty?: EmptyFiles;
}

/** How many files gave no document, and the names of the first. */
export interface EmptyFiles {
  readonly files: number;
  readonly first: readonly string[];
}

/** Counts one file more. */
export function withEmpty({ files, first }: EmptyFiles, name: string): EmptyFiles {
  return { files: files + 1, first: first.length < namedSkips ? [...first, name] : first };
}

/** A remote file as it was when it was read. */
export interface SourceFile {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

export interface WriteDocumentsOptions {
  /** Rows that the reader drops; filled while documents are read. */
  readonly skips?: SkipLog;
  readonly entropyBitsPerByte?: number;
  readonly filter?: FilterReport;
  readonly files?: readonly SourceFile[];
  readonly empty?: EmptyFiles;
  /** Take only the first documents; null takes all. */
  readonly maxDocuments?: number | null;
  /** Called after each document. */
  onDocument?(done: number): void;
}

/** Counts dropped rows and keeps the first reasons. */
export class SkipLog {
  rows: number;
  readonly first: string[];

  /** @param from goes on from what a log knew */
  constructor(from: DocumentsReport["skipped"] = { rows: 0, first: [] }) {
    this.rows = from.rows;
    this.first = [...from.first];
  }

  add(reason: string): void {
    this.rows++;
    if (this.first.length < namedSkips) this.first.push(reason);
  }

  /** What it knows now. Plain data. */
  report(): DocumentsReport["skipped"] {
    return { rows: this.rows, first: [...this.first] };
  }
}

/** Documents between two looks at signals. */
export const documentsAPause = 250;

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
  using writer = new DocumentsWriter(folder);
  for await (const document of documents) {
    writer.add(document);
    options.onDocument?.(writer.count);
    if (writer.count >= limit) break;
    if (writer.count % documentsAPause === 0) await pause();
  }
  return writer.finish(options);
}

/** Where a writer stands between two documents: plain data for checkpoints, at most a batch of documents. */
export interface DocumentsWriterState {
  readonly arrow: ArrowPosition;
  /** Text and id of the documents after the last whole batch. */
  readonly pending: readonly (readonly [text: string, id: string])[];
  readonly count: number;
  readonly bytes: number;
  readonly characters: number;
  readonly shortestBytes: number;
  readonly longestBytes: number;
}

const noSums = {
  count: 0,
  bytes: 0,
  characters: 0,
  shortestBytes: Number.MAX_VALUE,
  longestBytes: 0,
};

/** Writes documents one by one. Batches depend on the documents alone, so that going on from a state gives the same bytes. */
export class DocumentsWriter implements Disposable {
  readonly #folder: string;
  readonly #writer: ArrowFileWriter;
  readonly #texts = new Utf8Column();
  readonly #ids = new Utf8Column();
  #sums: Omit<DocumentsWriterState, "arrow" | "pending">;

  /** @param from goes on with the files of the folder from there */
  constructor(folder: string, from?: DocumentsWriterState) {
    this.#folder = folder;
    this.#writer = new ArrowFileWriter(
      join(folder, "documents.arrow"),
      documentSchema(),
      from?.arrow,
    );
    const { arrow: _, pending = [], ...sums }: Partial<DocumentsWriterState> = from ?? {};
    for (const [text, id] of pending) {
      this.#texts.add(text);
      this.#ids.add(id);
    }
    this.#sums = { ...noSums, ...sums };
  }

  get count(): number {
    return this.#sums.count;
  }

  get bytes(): number {
    return this.#sums.bytes;
  }

  /** Appends a document. @throws StageError for a text that UTF-8 has no form for. */
  add(document: Document): void {
    const { id, utf8 } = document;
    if (utf8 === undefined && !document.text.isWellFormed()) {
      throw new StageError(
        `Cannot write document "${id}": expected well-formed Unicode, found a lone surrogate`,
      );
    }
    const size = this.#texts.add(utf8 ?? document.text);
    this.#ids.add(id);
    const { count, bytes, characters, shortestBytes, longestBytes } = this.#sums;
    this.#sums = {
      count: count + 1,
      bytes: bytes + size,
      characters: characters + (document.characters ?? codePoints(document.text, size)),
      shortestBytes: Math.min(shortestBytes, size),
      longestBytes: Math.max(longestBytes, size),
    };
    if (this.#texts.length === batchDocuments || this.#texts.bytes >= batchBytes) this.#flush();
  }

  /** Waits until all whole batches have reached the disk. */
  state(): DocumentsWriterState {
    const ids = this.#ids.strings();
    const pending = this.#texts.strings().map((text, i) => [text, ids[i]] as const);
    return { arrow: this.#writer.position(), pending, ...this.#sums };
  }

  /** Makes the file whole and writes the report. @throws StageError when there is no document. */
  finish(
    { skips = new SkipLog(), entropyBitsPerByte, filter, files, empty }: Omit<
      WriteDocumentsOptions,
      "maxDocuments"
    > = {},
  ): DocumentsReport {
    if (this.count === 0) {
      throw new StageError("Cannot write documents: expected at least one document, found none");
    }
    if (this.#texts.length > 0) this.#flush();
    this.#writer.finish();
    const { count, bytes, characters, shortestBytes, longestBytes } = this.#sums;
    const report: DocumentsReport = {
      format: 1,
      documents: count,
      bytes,
      characters,
      shortestBytes,
      longestBytes,
      skipped: skips.report(),
      entropyBitsPerByte,
      filter,
      files,
      empty,
    };
    writeFileSynced(join(this.#folder, "report.json"), JSON.stringify(report, null, 2) + "\n");
    return report;
  }

  [Symbol.dispose](): void {
    this.#writer[Symbol.dispose]();
  }

  #flush(): void {
    this.#writer.write([this.#texts.take(), this.#ids.take()]);
  }
}

/** A place between two documents of a folder. */
export interface DocumentsPosition {
  readonly batch: number;
  readonly row: number;
}

/** The documents of a folder that `writeDocuments` made, in order. @throws StageError when a file is damaged. */
export async function* readDocuments(folder: string): AsyncGenerator<Document> {
  for await (const { text, id } of readDocumentsFrom(folder, { batch: 0, row: 0 })) {
    yield { text, id };
  }
}

/** The same from a position; each document comes with the position after it. */
export async function* readDocumentsFrom(
  folder: string,
  from: DocumentsPosition,
): AsyncGenerator<Document & { readonly next: DocumentsPosition }> {
  let { batch } = from;
  for await (const { text, id } of batchesOf(folder, batch)) {
    for (let row = batch === from.batch ? from.row : 0; row < text.length; row++) {
      yield { text: text.get(row), id: id.get(row), next: { batch, row: row + 1 } };
    }
    batch++;
  }
}

/** The texts of a batch as they lie in the file. */
export interface DocumentTexts {
  /** Their UTF-8, joined, in memory that nothing else uses. */
  readonly pool: Uint8Array<ArrayBuffer>;
  /** Text i is `pool[starts[i] … starts[i + 1]]`. */
  readonly starts: Int32Array<ArrayBuffer>;
  /** How many batches are done with this one: where reading goes on. */
  readonly next: number;
}

/** The texts of the same documents from a batch on, without making strings of them. @throws StageError when a file is damaged. */
export async function* readDocumentTexts(folder: string, from = 0): AsyncGenerator<DocumentTexts> {
  let next = from;
  for await (const { text } of batchesOf(folder, from)) {
    const damaged = (found: string) =>
      new StageError(`Cannot read "documents.arrow", record batch ${next}: ${found}`);
    const { values, valueOffsets } = text.data[0];
    const starts: Int32Array<ArrayBuffer> = valueOffsets.slice(0, text.length + 1);
    const pool: Uint8Array<ArrayBuffer> = values.subarray(0, starts[text.length]);
    if (!starts.every((start, i) => start >= (starts[i - 1] ?? 0) && start <= values.length)) {
      throw damaged("expected texts one after the other, found places that do not ascend");
    }
    if (!isUtf8(pool) || starts.some((start) => (pool[start] & 0xc0) === 0x80)) {
      throw damaged("expected UTF-8, found other bytes");
    }
    yield { pool, starts, next: ++next };
  }
}

/** The columns of the file from a batch on. */
async function* batchesOf(folder: string, from: number) {
  using reader = new ArrowFileReader(join(folder, "documents.arrow"), {
    text: "Utf8",
    id: "Utf8",
  });
  const { documents } = readDocumentsReport(folder);
  let done = 0;
  for (let index = from; index < reader.batches; index++) {
    const batch = reader.batch(index);
    done += batch.text.length;
    yield batch;
    await pause();
  }
  // A reader that starts in the middle does not know how many came before.
  if (from === 0 && done !== documents) {
    throw new StageError(
      `Cannot read "documents.arrow": expected ${documents} documents, found ${done}`,
    );
  }
}

/** The report of a folder that `writeDocuments` made. @throws StageError when it is damaged. */
export function readDocumentsReport(folder: string): DocumentsReport {
  return readJsonFile<DocumentsReport>(join(folder, "report.json"), ["documents", "bytes"]);
}

/** Lets signals be heard: work in memory waits for nothing, so that nothing else would have its turn. */
export function pause(): Promise<void> {
  return new Promise((go) => setTimeout(go, 0));
}

function documentSchema(): Schema {
  return new Schema([new Field("text", new Utf8(), false), new Field("id", new Utf8(), false)]);
}

/** A decoder drops a byte order mark otherwise. */
const keepAll = { ignoreBOM: true };

/** A column of strings that is being filled. */
class Utf8Column {
  readonly #values = new Utf8Buffer();
  #ends: number[] = [0];

  get length(): number {
    return this.#ends.length - 1;
  }

  get bytes(): number {
    return this.#values.length;
  }

  /** Appends a string, or its UTF-8; returns its bytes. */
  add(value: string | Uint8Array): number {
    const before = this.#values.length;
    this.#values.add(value);
    this.#ends.push(this.#values.length);
    return this.#values.length - before;
  }

  /** The strings so far. */
  strings(): string[] {
    const decoder = new TextDecoder("utf-8", keepAll);
    const { bytes } = this.#values;
    return this.#ends.slice(1).map((end, i) => decoder.decode(bytes.subarray(this.#ends[i], end)));
  }

  /** The column so far, valid until something is added to the next one, which begins. */
  take(): Data<Utf8> {
    const valueOffsets = Int32Array.from(this.#ends);
    const [length, data] = [this.length, this.#values.bytes];
    this.#ends = [0];
    this.#values.clear();
    return makeData({ type: new Utf8(), length, nullCount: 0, valueOffsets, data });
  }
}

const firstOfPair = /[\ud800-\udbff]/g;

/** Code points of well-formed text of so many bytes: UTF-16 units less one for each pair of surrogates. */
function codePoints(text: string, bytes: number): number {
  let count = text.length;
  // A pattern finds them several times as fast as a loop over the units.
  if (bytes > count) { while (firstOfPair.test(text)) count--; }
  return count;
}
