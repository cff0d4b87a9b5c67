/**
 * The documents of a source: its files one after another, with a position from which reading goes on.
 */
import {
  type Document,
  DocumentOfBytes,
  type DocumentReader,
  type ReaderOptions,
  type ReadPosition,
} from "./document.ts";
import { type EmptyFiles, type SkipLog, type SourceFile, withEmpty } from "./documents.ts";
import type { Input } from "./input.ts";
import { openSharedSplit } from "./shared_split.ts";

/** A file of a source. */
export interface SourcePart {
  /** Base name, as ids have it. */
  readonly name: string;
  readonly reader: DocumentReader;
  /** Opens the file, fetching it first where it is elsewhere. */
  open(): Promise<OpenPart>;
}

interface OpenPart {
  readonly input: Input;
  /** Of the bytes; asked for only where it is needed. */
  sha256(): string;
  /** What tells this state of the file from all others; asked for only where it is needed. */
  state(): string;
  /** Whether the report names the file; files of this machine are in the run's record. */
  readonly isRemote: boolean;
}

/** Which documents of the files belong to the source: those whose field has one of the values. */
export interface SourceCondition {
  readonly field: string;
  readonly values: readonly string[];
  /** Where files are sorted by the field, once for all sources that share them. */
  readonly folder: string;
}

/** Between two documents. Plain data. */
export interface SourcePosition {
  /** Files that are done. */
  readonly file: number;
  /** In the next file; null is its start. */
  readonly at: ReadPosition | null;
  /** Documents of the next file that were given, where the source shares it with others. */
  readonly taken: number;
  /** Remote files that were opened so far. */
  readonly opened: readonly SourceFile[];
  /** Files that were read to their end and gave no document. */
  readonly empty: EmptyFiles;
}

interface SourceReaderOptions {
  /** Name of the source: its documents carry it. */
  readonly source: string;
  readonly reading: Omit<ReaderOptions, "onSkip" | "from" | "metadataFields">;
  readonly where: SourceCondition | null;
  readonly skips: SkipLog;
  readonly from?: SourcePosition;
  /** Heard where a file is sorted for all sources that share it, which takes long. */
  readonly signal?: AbortSignal;
}

const start: SourcePosition = {
  file: 0,
  at: null,
  taken: 0,
  opened: [],
  empty: { files: 0, first: [] },
};

/** Documents are valid until the next one: they may be a `DocumentOfBytes`. */
export class SourceReader implements AsyncIterable<Document> {
  readonly #parts: readonly SourcePart[];
  readonly #options: SourceReaderOptions;
  #position: () => SourcePosition;

  constructor(parts: readonly SourcePart[], options: SourceReaderOptions) {
    this.#parts = parts;
    this.#options = options;
    this.#position = () => options.from ?? start;
  }

  /** The place after the last document that was given. */
  get position(): SourcePosition {
    return this.#position();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Document> {
    const { source, reading, where, skips, from = start, signal } = this.#options;
    // Files of one name in different folders: their place among the files tells their documents apart.
    const isAmbiguous = new Set(this.#parts.map(({ name }) => name)).size < this.#parts.length;
    const opened = [...from.opened];
    let { empty } = from;
    for (let file = from.file; file < this.#parts.length; file++) {
      const { at, taken } = file === from.file ? from : start;
      const part = this.#parts[file];
      const open = await part.open();
      await using input = open.input;
      if (open.isRemote && opened.length === file) {
        opened.push({ name: part.name, bytes: input.size, sha256: open.sha256() });
      }
      const known = { opened: [...opened], empty };
      const named = (document: Document): Document => {
        const id = isAmbiguous ? `${file}/${document.id}` : document.id;
        if (document instanceof DocumentOfBytes) return new DocumentOfBytes(document, id, source);
        return { text: document.text, id, source };
      };
      if (where !== null) {
        const { folder, field, values } = where;
        const sharing = { folder, field, values, reader: part.reader, reading, signal };
        const split = await openSharedSplit(input, open.state(), sharing);
        if (taken === 0) split.index.skipped.first.forEach((reason) => skips.add(reason));
        if (taken === 0) skips.rows += split.index.skipped.rows - split.index.skipped.first.length;
        let given = taken;
        this.#position = () => ({ file, at: null, taken: given, ...known });
        for (const document of split.documents(values, taken)) {
          given++;
          yield named(document);
        }
      } else {
        const onSkip = (reason: string) => skips.add(reason);
        const options = { ...reading, onSkip, asBytes: true, from: at ?? undefined };
        const stream = part.reader.read(input, options);
        this.#position = () => ({ file, at: stream.position, taken: 0, ...known });
        let isEmpty = at === null;
        for await (const document of stream) {
          isEmpty = false;
          yield named(document);
        }
        if (isEmpty) empty = withEmpty(empty, part.name);
      }
      const after = { opened: known.opened, empty };
      this.#position = () => ({ file: file + 1, at: null, taken: 0, ...after });
    }
  }
}
