/**
 * Token statistics of a training split: a folder with
 *   counts.arrow    Arrow IPC file, column `count` (float64), a row per piece of the vocabulary
 *   statistics.json see `TokenStatistics`
 */
import { Field, Float64, Schema } from "apache-arrow";
import { join } from "node:path";
import { StageError, writeFileSynced } from "../base/mod.ts";
import { ArrowFileReader, ArrowFileWriter, float64Column } from "./arrow_file.ts";
import { readJsonFile } from "./json_file.ts";
import { batchTokens, type TokenShards } from "./token_shards.ts";

export interface TokenStatistics {
  readonly format: 1;
  readonly vocabSize: number;
  /** With the end symbols. */
  readonly tokens: number;
  readonly documents: number;
  /** UTF-8 bytes of all texts. */
  readonly bytes: number;
  /** V_k as the paper counts it: distinct tokens that occur. */
  readonly distinctTokens: number;
  /** Rows of a local embedding: distinct tokens and all reserved pieces. */
  readonly localVocabSize: number;
  /** Ids below this are in every local vocabulary. */
  readonly reservedPieces: number;
  readonly unknownTokens: number;
  /** Byte pieces, which stand for characters without a piece. */
  readonly fallbackTokens: number;
  /** Unigram cross-entropy in nats a token: of the training text under its own frequencies, so their entropy. */
  readonly unigramNats: number;
  /** Null when there is no validation split. */
  readonly validation: SplitStatistics | null;
}

/** Text that the counts were not taken from. */
interface SplitStatistics {
  readonly tokens: number;
  readonly bytes: number;
  /** Tokens whose piece does not occur in the training text. */
  readonly unseenTokens: number;
  /** Unigram cross-entropy in nats a token, frequencies from the training text with one added to each count. */
  readonly unigramNats: number;
}

interface StatisticsOptions {
  /** Ids below this are special and byte pieces: a local vocabulary has them whether they occur or not. */
  readonly reservedPieces: number;
  readonly unknownId: number;
  /** The first of the 256 byte pieces' ids. */
  readonly firstByteId?: number;
  readonly validation?: TokenShards;
}

/** How often each id occurs: (V). */
export function countTokens(shards: TokenShards): Float64Array {
  const counts = new Float64Array(shards.vocabSize);
  for (let start = 0; start < shards.tokens; start += batchTokens) {
    const ids = shards.slice(start, Math.min(batchTokens, shards.tokens - start));
    for (let i = 0; i < ids.length; i++) counts[ids[i]]++;
  }
  return counts;
}

/** Counts the tokens of a split and writes what was found to a folder. */
export function writeStatistics(
  folder: string,
  shards: TokenShards,
  { reservedPieces, unknownId, firstByteId, validation }: StatisticsOptions,
): TokenStatistics {
  const counts = countTokens(shards);
  const bytePieces = firstByteId === undefined
    ? counts.subarray(0, 0)
    : counts.subarray(firstByteId, firstByteId + 256);
  const statistics: TokenStatistics = {
    format: 1,
    vocabSize: shards.vocabSize,
    tokens: shards.tokens,
    documents: shards.documents,
    bytes: shards.bytes,
    distinctTokens: counts.reduce((sum, count) => sum + (count > 0 ? 1 : 0), 0),
    localVocabSize: localVocabulary(counts, reservedPieces).length,
    reservedPieces,
    unknownTokens: counts[unknownId] ?? 0, // not every vocabulary has an unknown piece
    fallbackTokens: bytePieces.reduce((sum, count) => sum + count, 0),
    unigramNats: entropy(counts),
    validation: validation === undefined ? null : splitStatistics(counts, validation),
  };
  const schema = new Schema([new Field("count", new Float64(), false)]);
  using writer = new ArrowFileWriter(join(folder, "counts.arrow"), schema);
  for (let start = 0; start < counts.length; start += batchTokens) {
    writer.write([float64Column(counts.subarray(start, start + batchTokens))]);
  }
  writer.finish();
  const text = JSON.stringify(statistics, null, 2) + "\n";
  writeFileSynced(join(folder, "statistics.json"), text);
  return statistics;
}

/** −Σ p ln p of frequencies p, summed in the order of ids; 0 for no text. */
function entropy(counts: Float64Array): number {
  const tokens = counts.reduce((sum, count) => sum + count, 0);
  let nats = 0;
  for (const count of counts) if (count > 0) nats -= count / tokens * Math.log(count / tokens);
  return nats;
}

/** Source: DEPT §3.5, unigram cross-entropy. Differs: frequencies are smoothed, as validation text has tokens of its own. */
function splitStatistics(counts: Float64Array, split: TokenShards): SplitStatistics {
  const model = unigramModel(counts);
  const found = countTokens(split);
  let [nats, unseenTokens] = [0, 0];
  for (let id = 0; id < found.length; id++) {
    nats -= found[id] * model[id];
    if (counts[id] === 0) unseenTokens += found[id];
  }
  const { tokens, bytes } = split;
  return { tokens, bytes, unseenTokens, unigramNats: tokens === 0 ? 0 : nats / tokens };
}

/** What `writeStatistics` wrote, with the counts. @throws StageError when it is damaged. */
export function readStatistics(folder: string): TokenStatistics & { counts: Float64Array } {
  const statistics = readJsonFile<TokenStatistics>(join(folder, "statistics.json"), [
    "vocabSize",
    "tokens",
    "documents",
    "bytes",
    "distinctTokens",
    "localVocabSize",
    "reservedPieces",
    "unknownTokens",
    "fallbackTokens",
    "unigramNats",
  ]);
  const counts = new Float64Array(statistics.vocabSize);
  using reader = new ArrowFileReader(join(folder, "counts.arrow"), { count: "Float64" });
  let rows = 0;
  for (let index = 0; index < reader.batches; index++) {
    const { count } = reader.batch(index);
    if (rows + count.length <= counts.length) counts.set(count.toArray(), rows);
    rows += count.length;
  }
  if (rows !== counts.length) {
    throw new StageError(
      `Cannot read "counts.arrow": expected ${counts.length} rows, found ${rows}`,
    );
  }
  return { ...statistics, counts };
}

/**
 * I_k, the rows of the global embedding that a source has in TRIM: ids that occur and all reserved pieces, ascending.
 *
 * @param reservedPieces ids below it are always in: special and byte pieces
 */
export function localVocabulary(counts: ArrayLike<number>, reservedPieces: number): Int32Array {
  const ids: number[] = [];
  for (let id = 0; id < counts.length; id++) {
    if (id < reservedPieces || counts[id] > 0) ids.push(id);
  }
  return Int32Array.from(ids);
}

/** Log probability of each id in nats: (V). */
export type UnigramModel = Float64Array;

/** Add-one smoothed frequencies: (count + 1) / (tokens + V). */
export function unigramModel(counts: ArrayLike<number>): UnigramModel {
  let tokens = 0;
  for (let id = 0; id < counts.length; id++) tokens += counts[id];
  const logTotal = Math.log(tokens + counts.length);
  return Float64Array.from(counts, (count) => Math.log(count + 1) - logTotal);
}

/** Code length of ids in nats under a unigram model, summed in their order. @throws RangeError for an id that it lacks. */
export function unigramNats(model: UnigramModel, ids: ArrayLike<number>): number {
  let nats = 0;
  for (let i = 0; i < ids.length; i++) {
    const logProb = model[ids[i]];
    if (logProb === undefined) {
      throw new RangeError(
        `Cannot weigh token ${i}: expected an id in [0, ${model.length}), found ${ids[i]}`,
      );
    }
    nats -= logProb;
  }
  return nats;
}

/**
 * How far a text is from several sources by its words: nats a token that the mean of their unigram models needs for it beyond its
 * own frequencies, their Kullback-Leibler divergence. 0 only where the frequencies are those of the mean.
 *
 * @param counts Of each id in the text: (V).
 * @throws RangeError for no models
 */
export function unigramDivergence(
  counts: ArrayLike<number>,
  models: readonly UnigramModel[],
): number {
  if (models.length === 0) {
    throw new RangeError("Cannot measure a distance: expected sources, found none");
  }
  let tokens = 0;
  for (let id = 0; id < counts.length; id++) tokens += counts[id];
  let nats = 0;
  for (let id = 0; id < counts.length; id++) {
    if (counts[id] === 0) continue;
    const theirs = models.reduce((sum, model) => sum + Math.exp(model[id]), 0) / models.length;
    nats += counts[id] / tokens * Math.log(counts[id] / tokens / theirs);
  }
  return nats;
}
