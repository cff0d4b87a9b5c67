/**
 * From a source's files to its documents on disk. A kill at any instant costs little: started again, the work goes
 * on from the last checkpoint and ends with the bytes of a run that was never stopped.
 *
 *   <checkpoint folder>/
 *     reading.json   where reading, filtering and writing stand, between two documents
 *     reading.tmp/   documents.arrow and the index of duplicates, which grow; what they hold after the checkpoint is dropped
 */
import { SavePoints, type Seed, StageError } from "../base/mod.ts";
import type { Document, ReaderOptions } from "./document.ts";
import { DocumentFilter, type FilterOptions, type FilterState } from "./document_filter.ts";
import {
  type DocumentsPosition,
  type DocumentsReport,
  DocumentsWriter,
  type DocumentsWriterState,
  pause,
  readDocumentsFrom,
  SkipLog,
} from "./documents.ts";
import { resumableFolder } from "./resumable_folder.ts";
import {
  type SourceCondition,
  type SourcePart,
  type SourcePosition,
  SourceReader,
} from "./source_reader.ts";

/** Documents between two looks at signals, which take 2 ms; most readers wait for their file meanwhile. */
const documentsAPause = 2048;

interface SourceDocumentsOptions {
  /** Name of the source. */
  readonly source: string;
  readonly parts: readonly SourcePart[];
  readonly reading: Omit<ReaderOptions, "onSkip" | "from" | "metadataFields">;
  readonly where: SourceCondition | null;
  /** The filter between reading and writing; null is none. */
  readonly filter: FilterOptions | null;
  /** Folder of training documents: a text that repeats one of them is dropped; null is none. */
  readonly training: string | null;
  /** Of the permutations that find near duplicates. */
  readonly seed: Seed;
  /** Take only the first documents; null takes all. */
  readonly maxDocuments: number | null;
  readonly checkpointFolder: string;
  /** Shorter costs time, longer costs work after a kill; results do not depend on it. */
  readonly checkpointEveryMs: number;
  readonly signal: AbortSignal;
  /** Called after each document that was kept. */
  onDocument?(done: number): void;
}

interface ReadingState {
  /** Names of the files: the state is of no use for others. */
  readonly names: readonly string[];
  /** How far the training documents are known. */
  readonly training: DocumentsPosition;
  readonly reading: SourcePosition;
  readonly filter: FilterState | null;
  readonly skipped: DocumentsReport["skipped"];
  readonly writer: DocumentsWriterState;
}

/**
 * Writes the documents of a source to a folder.
 * @throws StageError for a bad row (unless reading skips them), a file that cannot be fetched, and when there is no document.
 */
export async function writeSourceDocuments(
  folder: string,
  options: SourceDocumentsOptions,
): Promise<DocumentsReport> {
  const { parts, reading, where, training, maxDocuments, checkpointFolder } = options;
  const names = parts.map(({ name }) => name);
  const work = resumableFolder<ReadingState>(checkpointFolder, "reading", {
    "documents.arrow": ({ writer }) => writer.arrow.bytes,
  });
  const from = work.state?.names.join("\n") === names.join("\n") ? work.state : undefined;
  if (from === undefined) work.clear();

  const skips = new SkipLog(from?.skipped);
  const { source: name } = options;
  const source = new SourceReader(parts, {
    source: name,
    reading,
    where,
    skips,
    from: from?.reading,
    signal: options.signal,
  });
  using filter = options.filter === null
    ? undefined
    : new DocumentFilter(options.filter, options.seed, work.folder, from?.filter ?? undefined);
  using writer = new DocumentsWriter(work.folder, from?.writer);

  let known = from?.training ?? { batch: 0, row: 0 };
  const save = () =>
    work.save({
      names,
      training: known,
      reading: source.position,
      // The order matters: the state may only tell of bytes that are on disk.
      writer: writer.state(),
      filter: filter?.state() ?? null,
      skipped: skips.report(),
    });
  const { signal, checkpointEveryMs: everyMs } = options;
  const points = new SavePoints({ signal, everyMs, save });
  if (training !== null) {
    for await (const { text, id, next } of readDocumentsFrom(training, known)) {
      filter?.know({ text, id: `training ${id}` });
      known = next;
      points.pass();
    }
  }
  let read = 0;
  const isFull = () => writer.count >= (maxDocuments ?? Infinity);
  for await (const given of isFull() ? [] : keptAtStop(source, signal, save)) {
    const document = filter === undefined ? given : filter.apply(given);
    if (document !== undefined) {
      writer.add(document);
      options.onDocument?.(writer.count);
      if (isFull()) break;
    }
    if (++read % documentsAPause === 0) await pause();
    points.pass();
  }
  if (writer.count === 0) {
    const isTest = options.filter?.split?.keep === "test";
    const wayOut = isTest ? "; name test files, or raise documents.testShare" : "";
    throw new StageError(nothingLeft(name, names, skips.rows, filter) + wayOut);
  }
  const { opened, empty } = source.position;
  const report = writer.finish({
    skips,
    filter: filter?.report(),
    files: opened.length > 0 ? opened : undefined,
    empty: empty.files > 0 ? empty : undefined,
  });
  work.publish(folder, ["documents.arrow", "report.json"]);
  return report;
}

/** The documents of a source. Where it is stopped before it gives the next one, `save` is called first. */
async function* keptAtStop(
  source: SourceReader,
  signal: AbortSignal,
  save: () => void,
): AsyncGenerator<Document> {
  try {
    yield* source;
  } catch (error) {
    if (signal.aborted && error === signal.reason) save();
    throw error;
  }
}

/** Why a source has no document: its files have none, or all were left out. */
function nothingLeft(
  source: string,
  files: readonly string[],
  badRows: number,
  filter: DocumentFilter | undefined,
): string {
  const { duplicates, rejected = {}, otherSplits = 0 } = filter?.report() ?? {};
  const reasons = Object.entries({
    "bad rows": badRows,
    "exact duplicates": duplicates?.exact.documents ?? 0,
    "near duplicates": duplicates?.near.documents ?? 0,
    "of other splits": otherSplits,
    ...Object.fromEntries(
      Object.entries(rejected).map(([reason, { documents }]) => [`with ${reason}`, documents]),
    ),
  }).filter(([, count]) => count > 0).map(([reason, count]) => `${count} ${reason}`);
  const place = files.length === 1 ? `"${files[0]}"` : `${files.length} files`;
  const why = reasons.length === 0 ? `in ${place}` : `(left out: ${reasons.join(", ")})`;
  return `Cannot write documents of source "${source}": expected at least one document, found none ${why}`;
}
