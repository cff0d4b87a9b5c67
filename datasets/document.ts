/**
 * A document, and what reads documents from a file.
 */

export interface Document {
  readonly text: string;
  /** Where it comes from, unique within a source's split: `train.jsonl.gz:17`, `generated:5`. No path of this machine. */
  readonly id: string;
}

export interface ReaderOptions {
  /** Name of the text field of a record. */
  readonly textField: string;
  /** What a bad row does: `error` stops with its place; `skip` drops it and reports it to `onSkip`. */
  readonly badRows: "error" | "skip";
  /** How plain text is cut: a blank line ends a document, each line is one, or the file is one. */
  readonly textDocuments: "blank-line" | "line" | "file";
  /** A row longer than this many bytes is an error: readers hold one row in memory. */
  readonly maxRowBytes: number;
  onSkip?(reason: string): void;
}

export const readerDefaults: Omit<ReaderOptions, "onSkip"> = {
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
  /** `jsonl`, `text`. */
  readonly format: string;
  read(path: string, options: ReaderOptions): AsyncIterable<Document>;
}

/**
 * What a module of `sources/` for generated text exports as `source`: an endless, seeded supply of documents with
 * known entropy. `options` is the source's own part of the recipe.
 */
export interface GeneratedSource<Options> {
  /** Documents number 0, 1, 2, … of `split`; a document depends only on options, the seed and its number. */
  documents(
    options: Options,
    split: string,
    seed: import("../pipeline/base/mod.ts").Seed,
  ): Iterable<Document>;
  /**
   * Entropy of the text in bits per UTF-8 byte, computed from the rules that make it (not measured on a sample):
   * no model can have an expected code length below it.
   */
  entropyBitsPerByte(options: Options): number;
}
