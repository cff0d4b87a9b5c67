/**
 * Text and tokens on disk: readers, documents, token shards, and the order in which training sees them.
 *
 * ```ts
 * import { openTokenShards, openTokenStream, writeTokenShards } from "./mod.ts";
 *
 * const folder = Deno.makeTempDirSync();
 * const documents = [{ ids: [7, 8, 9], bytes: 3 }, { ids: [9, 8], bytes: 2 }];
 * await writeTokenShards(folder, documents, { vocabSize: 10, endId: 2 });
 * const shards = openTokenShards(folder);
 * console.log(shards.slice(0, 7)); // Int32Array(7) [ 7, 8, 9, 2, 9, 8, 2 ]
 * const stream = openTokenStream(shards, { seqLen: 3, seed: [1, 2, 3, 4] });
 * console.log(stream.next(), stream.position.taken); // one of two windows, 1
 * shards.close();
 * ```
 */
export {
  type ColumnDescription,
  type Document,
  type DocumentReader,
  type GeneratedSource,
  readerDefaults,
  type ReaderOptions,
  type ReadPosition,
  type RecordStream,
  type SourceRecord,
} from "./document.ts";
export { ArrowFileWriter } from "./arrow_file.ts";
export {
  assignBalanced,
  balancedKMeans,
  type SparseVector,
  squaredDistances,
} from "./balanced_k_means.ts";
export { type CleanRule, cleanRules } from "./clean_text.ts";
export type { FilterOptions, Places, SplitShares } from "./document_filter.ts";
export { pieceCounts, pieceWeights, weightedVector } from "./document_vectors.ts";
export {
  type DocumentsReport,
  type DocumentTexts,
  readDocuments,
  readDocumentsReport,
  readDocumentTexts,
  SkipLog,
  writeDocuments,
} from "./documents.ts";
export { writeGeneratedDocuments } from "./generated_documents.ts";
export { type Input, inputOf, openLocal } from "./input.ts";
export { type Mixture, type MixturePosition, mixtureWeights, openMixture } from "./mixture.ts";
export { hasReader, listLocalFiles } from "./local_files.ts";
export { type ResumableFolder, resumableFolder } from "./resumable_folder.ts";
export { seededPermutation } from "./permutation.ts";
export { adjustedRandIndex } from "./rand_index.ts";
export { bytesOf } from "./readers/bytes.ts";
export { fieldAt, isRecord, kindOf, unicodeProblem } from "./readers/fields.ts";
export { JsonNumber } from "./readers/json_number.ts";
export { readerModule } from "./readers/mod.ts";
export { writeSourceDocuments } from "./source_documents.ts";
export type { SourcePart } from "./source_reader.ts";
export { ScriptCounter } from "./text_scripts.ts";
export {
  countTokens,
  localVocabulary,
  readStatistics,
  type TokenStatistics,
  unigramDivergence,
  type UnigramModel,
  unigramModel,
  unigramNats,
  writeStatistics,
} from "./statistics.ts";
export type { GeneratedTask, TaskDescription, TaskExample } from "./task.ts";
export { openTokenShards, readTokenCounts } from "./token_shard_reader.ts";
export {
  type EncodedDocument,
  type TokenShardState,
  TokenShardWriter,
  writeTokenShards,
} from "./token_shard_writer.ts";
export { tokenList } from "./token_list.ts";
export { batchTokens, type TokenShards, type TokenStream } from "./token_shards.ts";
export { NgramModel, windowScorer } from "./ngram.ts";
export {
  heldBackWindows,
  openTokenStream,
  type StreamPart,
  type WindowOrder,
} from "./token_stream.ts";
