/**
 * What the evaluation of a model gives, for stages that evaluate: a folder with
 *   documents.arrow  a row per document of each source
 *   summary.json     sums, measures and intervals of each source
 */
import type { Seed } from "../base/mod.ts";
import { writeFileSynced } from "../base/mod.ts";
import type { StageLog, StageSummary } from "../pipeline/stage.ts";
import {
  type DocumentLosses,
  encodeDocumentLosses,
  type SourceSummary,
  summarise,
} from "../training/mod.ts";

/** Writes what was found of each source, and sums it up. */
export function writeLosses(
  folder: string,
  losses: ReadonlyMap<string, DocumentLosses>,
  { bootstrapSamples, seed, log }: {
    readonly bootstrapSamples: number;
    readonly seed: Seed;
    readonly log: StageLog;
  },
): StageSummary {
  const sources: Record<string, SourceSummary> = {};
  for (const [source, ofDocuments] of losses) {
    sources[source] = summarise(source, ofDocuments, { bootstrapSamples, seed });
    log.info(source, { bitsPerByte: sources[source].bitsPerByte });
  }
  writeFileSynced(`${folder}/documents.arrow`, encodeDocumentLosses(losses));
  const text = JSON.stringify({ format: 1, sources }, null, 2) + "\n";
  writeFileSynced(`${folder}/summary.json`, text);
  const bits = Object.values(sources).map(({ bitsPerByte }) => bitsPerByte);
  return { meanBitsPerByte: bits.reduce((sum, value) => sum + value, 0) / bits.length };
}
