/**
 * A document, and what reads documents from a file.
 */
import type { Input, InputOrPath } from "./input.ts";

export interface Document {
  readonly text: string;
  /** The text in UTF-8, where that is there already; valid until the next document. */
  readonly utf8?: Uint8Array;
  /** Code points of the text, where they were counted. */
  readonly characters?: number;
  /** Where it comes from, unique within a source's split: `train.jsonl.gz:17`, `generated:5`. No path of this machine. */
  readonly id: string;
  /** The source that it belongs to, as the recipe names it; readers of a file do not know it. */
  readonly source?: string;
  /** The fields that `ReaderOptions.metadataFields` asked for, by the path that was asked for; null where a record has none. */
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** A text in UTF-8, valid until the next one is read. */
export interface EncodedText {
  readonly utf8: Uint8Array;
  /** Code points. */
  readonly characters: number;
}

/** A decoder drops a byte order mark otherwise. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** A document of bytes: its text becomes a string when it is asked for, which must be before the next document. */
export class DocumentOfBytes implements Document {
  readonly utf8: Uint8Array;
  readonly characters: number;

  constructor({ utf8, characters }: EncodedText, readonly id: string, readonly source?: string) {
    this.utf8 = utf8;
    this.characters = characters;
  }

  get text(): string {
    return decoder.decode(this.utf8);
  }
}

/** Where a reader stands in one file: plain data for checkpoints. */
export interface ReadPosition {
  /** Rows (lines, values) that are done, from the start of the file. */
  readonly rows: number;
  /** Of formats that are text: the byte, after decompression, at which the next row starts. Else 0. */
  readonly offset: number;
}

/** How far a reader is, for people; results do not depend on it. */
export interface ReadProgress {
  readonly documents: number;
  /** Bytes of the file, as stored, that have been read. */
  readonly bytesRead: number;
  readonly bytesTotal: number;
}

/** Documents of one file, to be iterated once. Between two documents it says where it stands. */
export interface DocumentStream extends AsyncIterable<Document> {
  /** Reading continues after the last document that was given: pass it as `ReaderOptions.from`. */
  readonly position: ReadPosition;
  readonly progress: ReadProgress;
}

export interface ReaderOptions {
  /** Name of the text field of a record, or its path: `text`, `meta.body`. A name with dots comes before a path. */
  readonly textField: string;
  /** Names or paths of further fields that documents carry, as in `meta.pile_set_name`. */
  readonly metadataFields?: readonly string[];
  /** Where to go on; from the start without it. */
  readonly from?: ReadPosition;
  /** What a bad row does: `error` stops with its place; `skip` drops it and reports it to `onSkip`. */
  readonly badRows: "error" | "skip";
  /** How plain text is cut: a blank line ends a document, each line is one, or the file is one. */
  readonly textDocuments: "blank-line" | "line" | "file";
  /** A row longer than this many bytes is an error: readers hold one row in memory. */
  readonly maxRowBytes: number;
  /** Documents may have their text as bytes that are valid until the next document: see `DocumentOfBytes`. */
  readonly asBytes?: boolean;
  onSkip?(reason: string): void;
}

export const readerDefaults: Omit<ReaderOptions, "onSkip" | "from" | "metadataFields"> = {
  textField: "text",
  badRows: "error",
  textDocuments: "blank-line",
  maxRowBytes: 64 * 1024 * 1024,
};

/**
 * What a module of `readers/` exports as `reader`: documents of one file, in the file's order, in bounded memory.
 *
 * Errors are `StageError`s that name file (base name as given), row or line, and field.
 */
export interface DocumentReader {
  /** `jsonl`, `text`, `json`, `csv`, `tsv`, `parquet`, `arrow`. */
  readonly format: string;
  /** @param source a path, or an input that its opener closes */
  read(source: InputOrPath, options: ReaderOptions): DocumentStream;
  /** Whole rows, for `dataset inspect` and `dataset cat`; no text field is needed. The input stays the caller's to close. */
  readRecords(input: Input, options: RecordOptions): RecordStream | Promise<RecordStream>;
}

/** The options of reading rows, of which documents are made. */
export interface RecordOptions extends Pick<ReaderOptions, "maxRowBytes" | "from"> {
  readonly textDocuments?: ReaderOptions["textDocuments"];
  /** Top-level fields that are wanted; all without it. Formats by columns read no others. */
  readonly columns?: readonly string[];
  /** Only this field is wanted, by `RecordStream.textOf`. Formats that read it no faster than a record give records. */
  readonly onlyText?: string;
}

/** A row of a file, or why there is none. */
export type SourceRecord =
  & {
    readonly row: number;
    /** Where reading goes on after it. */
    readonly next: ReadPosition;
  }
  & ({ readonly value: object } | { readonly problem: string });

/** The text of a record, or why it has none. */
export type FoundText = EncodedText | { readonly text: string } | { readonly problem: string };

/** A column as the file declares it. */
export interface ColumnDescription {
  readonly name: string;
  /** In the file's own words: `string`, `list<int64>`, `utf8`. */
  readonly type: string;
}

/** Rows of one file in batches, to be iterated once. */
export interface RecordStream extends AsyncIterable<readonly SourceRecord[]> {
  /** What a row is called in messages. */
  readonly unit: "line" | "row" | "value";
  /** What a field is called in messages. */
  readonly field: "field" | "column";
  /** What the file declares; undefined in formats without a schema. */
  readonly columns?: readonly ColumnDescription[];
  /** Rows in the file, where it says so. */
  readonly totalRows?: number;
  /** The text of a record's value, before the next record; there if `onlyText` was asked for, and the value is no record then. */
  textOf?(value: object): FoundText;
}

/**
 * What a module of `generators/` exports as `source`: an endless, seeded supply of documents with
 * known entropy. `options` is the source's own part of the recipe.
 */
export interface GeneratedSource<Options> {
  /**
   * Documents number `first` (0 without it), `first` + 1, … of `split`; a document depends only on options, the seed and its
   * number. With options that let a source drift it also depends on `count`, how many documents the split has.
   */
  documents(
    options: Options,
    split: string,
    seed: import("../base/mod.ts").Seed,
    first?: number,
    count?: number,
  ): Iterable<Document>;
  /**
   * Entropy of the text in bits per UTF-8 byte, computed from the rules that make it (not measured on a sample):
   * no model can have an expected code length below it.
   */
  entropyBitsPerByte(options: Options): number;
}
