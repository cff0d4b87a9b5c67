/**
 * Documents from records: the part that all readers share.
 */
import { StageError } from "../../base/mod.ts";
import {
  type Document,
  DocumentOfBytes,
  type DocumentReader,
  type DocumentStream,
  type ReaderOptions,
  type ReadPosition,
  type ReadProgress,
  type RecordStream,
  type SourceRecord,
} from "../document.ts";
import { type CountedInput, inputOf, type InputOrPath } from "../input.ts";
import { fieldAt, listNames, textOf } from "./fields.ts";

type OpenRecords = DocumentReader["readRecords"];

/** A `DocumentReader` of what `open` reads. @param ownField where texts are, of a format that has no other fields */
export function recordReader(format: string, open: OpenRecords, ownField?: string): DocumentReader {
  return {
    format,
    readRecords: open,
    read: (source, options) =>
      new RecordDocuments(source, { ...options, textField: ownField ?? options.textField }, open),
  };
}

class RecordDocuments implements DocumentStream {
  position: ReadPosition;
  readonly #source: InputOrPath;
  readonly #options: ReaderOptions;
  readonly #open: OpenRecords;
  #input: CountedInput | undefined;
  #documents = 0;

  constructor(source: InputOrPath, options: ReaderOptions, open: OpenRecords) {
    this.#source = source;
    this.#options = options;
    this.#open = open;
    this.position = options.from ?? { rows: 0, offset: 0 };
  }

  get progress(): ReadProgress {
    const { bytesRead = 0, size = 0 } = this.#input ?? {};
    return { documents: this.#documents, bytesRead, bytesTotal: size };
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Document> {
    const { textField, metadataFields, asBytes } = this.#options;
    await using input = await inputOf(this.#source);
    this.#input = input;
    const columns = [textField, ...metadataFields ?? []];
    const onlyText = asBytes && metadataFields === undefined ? textField : undefined;
    const records = await this.#open(input, { ...this.#options, columns, onlyText });
    const textIn = records.textOf ?? ((value) => textOf(value, textField, records.field));
    checkColumns(input.name, records, textField);
    for await (const batch of records) {
      for (const record of batch) {
        const found = "problem" in record ? record : textIn(record.value);
        this.position = record.next;
        if ("problem" in found) {
          this.#reject(`"${input.name}", ${records.unit} ${record.row}`, found.problem);
          continue;
        }
        this.#documents++;
        const id = `${input.name}:${record.row}`;
        if ("utf8" in found) yield new DocumentOfBytes(found, id);
        else if (metadataFields === undefined) yield { text: found.text, id };
        else yield { text: found.text, id, metadata: metadataOf(record, metadataFields) };
      }
    }
  }

  /** A row that is no document. @throws StageError unless such rows are to be skipped. */
  #reject(place: string, problem: string): void {
    const { badRows, onSkip } = this.#options;
    // A field is part of the place, anything else follows it.
    const reason = `${place}${/^(field|column) /.test(problem) ? "," : ":"} ${problem}`;
    if (badRows === "error") {
      throw new StageError(
        `Cannot read ${reason}; set documents.badRows to skip to go on without such rows`,
      );
    }
    onSkip?.(reason);
  }
}

/** A file that declares its columns, and lacks the wanted one, is refused at once, not row by row. */
function checkColumns(file: string, { columns = [], field }: RecordStream, wanted: string): void {
  const names = columns.map(({ name }) => name);
  if (names.length === 0 || columnsOf(names, [wanted]).length > 0) return;
  throw new StageError(
    `Cannot read "${file}": expected a ${field} "${wanted}", found ${listNames(names, wanted)}`,
  );
}

/** A row of a format whose positions are rows. @param index from 0 */
export function rowAt(index: number, value: object): SourceRecord {
  return { row: index + 1, next: { rows: index + 1, offset: 0 }, value };
}

/** A name that is wanted and that several columns have: nobody knows which is meant. */
export function repeatedName(
  names: readonly string[],
  wanted: readonly string[],
): string | undefined {
  return columnsOf(names, wanted).find((name, i, all) => all.indexOf(name) !== i);
}

/** Records are keyed by name: of columns with one name, the second is called `name#2`, so that none is lost. */
export function uniqueNames(names: readonly string[]): string[] {
  const used = new Set<string>();
  return names.map((name) => {
    let unique = name;
    for (let n = 2; used.has(unique); n++) unique = `${name}#${n}`;
    used.add(unique);
    return unique;
  });
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
