/**
 * Documents of a generator on disk. Started again, the work goes on from where it was stopped, without making the documents
 * before: each depends on its number alone.
 *
 *   <checkpoint folder>/
 *     reading.json   where writing stands
 *     reading.tmp/   documents.arrow, which grows
 */
import { SavePoints, type Seed } from "../base/mod.ts";
import type { GeneratedSource } from "./document.ts";
import {
  documentsAPause,
  type DocumentsReport,
  DocumentsWriter,
  type DocumentsWriterState,
  pause,
} from "./documents.ts";
import { resumableFolder } from "./resumable_folder.ts";

interface GeneratedDocumentsOptions<Options> {
  readonly source: GeneratedSource<Options>;
  readonly options: Options;
  readonly split: string;
  readonly seed: Seed;
  /** Documents to make, at least one. */
  readonly documents: number;
  /** Whether the report says the entropy of the rules: all of their branches are made for it, which takes longer than some documents. */
  readonly tellsEntropy: boolean;
  readonly checkpointFolder: string;
  readonly checkpointEveryMs: number;
  readonly signal: AbortSignal;
  /** Called after each document. */
  onDocument?(done: number): void;
}

/** Writes the first documents of a generator to a folder. @throws signal.reason when aborted, after a checkpoint. */
export async function writeGeneratedDocuments<Options>(
  folder: string,
  { source, options, split, seed, documents, tellsEntropy, onDocument, ...kept }:
    GeneratedDocumentsOptions<Options>,
): Promise<DocumentsReport> {
  const work = resumableFolder<DocumentsWriterState>(kept.checkpointFolder, "reading", {
    "documents.arrow": ({ arrow }) => arrow.bytes,
  });
  using writer = new DocumentsWriter(work.folder, work.state);
  const points = new SavePoints({
    signal: kept.signal,
    everyMs: kept.checkpointEveryMs,
    save: () => work.save(writer.state()),
  });
  for (const document of source.documents(options, split, seed, writer.count, documents)) {
    writer.add(document);
    onDocument?.(writer.count);
    if (writer.count >= documents) break;
    if (writer.count % documentsAPause === 0) await pause();
    points.pass();
  }
  const entropyBitsPerByte = tellsEntropy ? source.entropyBitsPerByte(options) : undefined;
  const report = writer.finish({ entropyBitsPerByte });
  work.publish(folder, ["documents.arrow", "report.json"]);
  return report;
}
