/**
 * Documents from records: the part that all readers of records share.
 */
import { StageError } from "../../base/mod.ts";
import type {
  Document,
  DocumentReader,
  DocumentStream,
  ReaderOptions,
  ReadPosition,
  ReadProgress,
  RecordOptions,
  RecordStream,
} from "../document.ts";
import { type Input, inputOf, type InputOrPath } from "../input.ts";
import { fieldAt, listNames, textOf } from "./fields.ts";
import { Rejects } from "./rejects.ts";

/** A reader's own part: the rows of an open file. Nothing is read before the first batch is asked for. */
type OpenRecords = (
  input: Input,
  options: RecordOptions,
) => RecordStream | Promise<RecordStream>;

/** A `DocumentReader` of what `open` reads. */
export function recordReader(format: string, open: OpenRecords): DocumentReader {
  return {
    format,
    read: (source, options) => new RecordDocuments(source, options, open),
    readRecords: (source, options) => new OwnedRecords(source, options, open),
  };
}

/** The part that all streams of documents share: their progress and position. */
export abstract class CountedDocuments implements DocumentStream {
  protected documents = 0;
  protected readonly options: ReaderOptions;

  constructor(options: ReaderOptions) {
    this.options = options;
  }

  abstract [Symbol.asyncIterator](): AsyncGenerator<Document>;
  protected abstract get bytes(): { readonly bytesRead: number; readonly bytesTotal: number };
  abstract get position(): ReadPosition;

  get progress(): ReadProgress {
    return { documents: this.documents, ...this.bytes };
  }
}

class RecordDocuments extends CountedDocuments {
  readonly #source: InputOrPath;
  readonly #open: OpenRecords;
  #records: RecordStream | undefined;
  #taken = 0;

  constructor(source: InputOrPath, options: ReaderOptions, open: OpenRecords) {
    super(options);
    this.#source = source;
    this.#open = open;
  }

  protected get bytes() {
    const { bytesRead = 0, bytesTotal = 0 } = this.#records ?? {};
    return { bytesRead, bytesTotal };
  }

  get position(): ReadPosition {
    return this.#records?.positionAfter(this.#taken) ?? this.options.from ?? { rows: 0, offset: 0 };
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Document> {
    const { textField, metadataFields } = this.options;
    await using input = await inputOf(this.#source);
    const { name } = input;
    const columns = [textField, ...metadataFields ?? []];
    const records = await this.#open(input, { ...this.options, columns });
    this.#records = records;
    const rejects = new Rejects(name, this.options, records);
    let isFirst = true;
    for await (const batch of records) {
      if (isFirst) checkColumns(name, records, textField);
      isFirst = false;
      for (let i = 0; i < batch.length; i++) {
        const record = batch[i];
        const found = "problem" in record ? record : textOf(record.value, textField, records.field);
        this.#taken = i + 1;
        if ("problem" in found) {
          rejects.add(record.row, found.problem);
          continue;
        }
        this.documents++;
        const id = `${name}:${record.row}`;
        yield metadataFields === undefined
          ? { text: found.text, id }
          : { text: found.text, id, metadata: metadataOf(record, metadataFields) };
      }
    }
    if (this.documents === 0) rejects.failEmpty();
  }
}

/** A file that declares its columns, and lacks the wanted one, is refused at once, not row by row. */
function checkColumns(file: string, { columns, field }: RecordStream, wanted: string): void {
  if (columns === undefined || columns.length === 0) return;
  const names = columns.map(({ name }) => name);
  if (columnsOf(names, [wanted]).length > 0) return;
  throw new StageError(
    `Cannot read "${file}": expected a ${field} "${wanted}", found ${listNames(names, wanted)}`,
  );
}

/** Top-level names that the paths may begin with, in the file's order. */
export function columnsOf(
  names: readonly string[],
  paths: readonly string[] | undefined,
): string[] {
  if (paths === undefined) return [...names];
  return names.filter((name) => paths.some((path) => path === name || path.startsWith(`${name}.`)));
}

function metadataOf(record: object, fields: readonly string[]): Record<string, unknown> {
  const { value } = record as { value: unknown };
  return Object.fromEntries(fields.map((path) => [path, fieldAt(value, path) ?? null]));
}

/** Records of a source that is opened when they are asked for, and closed after them. */
class OwnedRecords implements RecordStream {
  readonly #source: InputOrPath;
  readonly #options: RecordOptions;
  readonly #open: OpenRecords;
  #records: RecordStream | undefined;

  constructor(source: InputOrPath, options: RecordOptions, open: OpenRecords) {
    this.#source = source;
    this.#options = options;
    this.#open = open;
  }

  async *[Symbol.asyncIterator]() {
    await using input = await inputOf(this.#source);
    this.#records = await this.#open(input, this.#options);
    yield* this.#records;
  }

  positionAfter(taken: number): ReadPosition {
    return this.#records?.positionAfter(taken) ?? this.#options.from ?? { rows: 0, offset: 0 };
  }

  get unit() {
    return this.#records?.unit ?? "row";
  }
  get field() {
    return this.#records?.field ?? "field";
  }
  get bytesRead() {
    return this.#records?.bytesRead ?? 0;
  }
  get bytesTotal() {
    return this.#records?.bytesTotal ?? 0;
  }
  get columns() {
    return this.#records?.columns;
  }
  get totalRows() {
    return this.#records?.totalRows;
  }
}
