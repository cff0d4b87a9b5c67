/**
 * What training and evaluation will cost, by the recipe and the tokenizer's file that it names: for forecasts of their stages.
 */
import { engineRow } from "../engine/mod.ts";
import { countParameters, flopsPerToken, type ModelConfig } from "../model/mod.ts";
import type { StageForecast } from "../pipeline/stage.ts";
import { cachedMicroBatch, type MicroBatchSize, trainingBytes } from "../training/mod.ts";
import {
  adoptedVocabSize,
  tokenizerFileOf,
  unigramConfigOf,
  unigramDefaults,
} from "../tokenizers/mod.ts";
import type { Recipe } from "./recipe.ts";
import { vocabularyFile } from "./vocabulary_file.ts";

/**
 * Training on a number of tokens with the global vocabulary's size.
 *
 * @param models Models that are kept at the end, float32.
 * @param microBatchSize Of sequences of `seqLen`, default the model's.
 */
export function trainingForecast(
  recipe: Recipe,
  { tokens, models, microBatchSize = 1, seqLen = recipe.model.seqLen }: {
    readonly tokens: number;
    readonly models: number;
    readonly microBatchSize?: number;
    readonly seqLen?: number;
  },
): StageForecast & { readonly memoryBytes: number } {
  const vocabSize = globalVocabSize(recipe);
  const config = { ...recipe.model, vocabSize };
  const parameters = countParameters(config).total;
  return {
    flops: tokens * flopsPerToken(config),
    flopsPerSecond: flopsPerSecondOf(recipe),
    bytes: models * 4 * parameters,
    memoryBytes: bytesOf({ ...config, seqLen }, microBatchSize),
  };
}

/** Bytes of a token in a shard of the global vocabulary. */
function tokenBytes(vocabSize: number): number {
  return vocabSize > 2 ** 16 ? 4 : 2;
}

/** Evaluation on texts, inputs of those names: the forward half of a step, a third of its operations, for each token. */
export function evaluationForecast(recipe: Recipe, texts: readonly string[]): StageForecast {
  const vocabSize = globalVocabSize(recipe);
  const flops = flopsPerToken({ ...recipe.model, vocabSize }) / 3 / tokenBytes(vocabSize);
  return {
    flopsPerByte: Object.fromEntries(texts.map((text) => [text, flops])),
    flopsPerSecond: flopsPerSecondOf(recipe),
  };
}

/** The micro-batch that a section of a recipe trains with, as far as it takes memory of the host: `auto` on a GPU counts as 1. */
export function plannedMicroBatch(
  { model, engine }: Recipe,
  { microBatchSize, batchSize }: {
    readonly microBatchSize: MicroBatchSize;
    readonly batchSize: number;
  },
): number {
  if (microBatchSize !== "auto") return microBatchSize;
  return engineRow(engine.kind).needsGpu ? 1 : cachedMicroBatch(batchSize, model, engine.threads);
}

/** Operations a second with the recipe's engine and its threads. */
function flopsPerSecondOf({ engine: { kind, threads }, model }: Recipe): number {
  return engineRow(kind).flopsPerSecond ?? threadFlopsPerSecond(model) * threads;
}

/**
 * Operations a second of one thread in float32 with AVX2. Narrow networks are slower: the work beside their matrix products is a larger
 * part. Measured on quiet machines: 4e10 to 6.5e10 at a width of 96 (the recipe `sample`), 1.4e11 at 256 and 768
 * (`deno task bench train`); this is within a factor of 1.6 of them all.
 */
function threadFlopsPerSecond({ dModel }: Pick<ModelConfig, "dModel">): number {
  return 1.6e11 * dModel / (dModel + 180);
}

/** Estimates by network and micro-batch: a plan asks for every instance. */
const knownBytes = new Map<string, number>();

/** From so many blocks on, each adds the same. Building a graph of all of them takes seconds for a thousand. */
const countedBlocks = 16;

function bytesOf(config: ModelConfig, microBatchSize: number): number {
  const { nLayers } = config;
  if (nLayers > countedBlocks) {
    const all = bytesOf({ ...config, nLayers: countedBlocks }, microBatchSize);
    const block = all - bytesOf({ ...config, nLayers: countedBlocks - 1 }, microBatchSize);
    return Math.round(all + (nLayers - countedBlocks) * block);
  }
  const key = JSON.stringify([config, microBatchSize]);
  const bytes = knownBytes.get(key) ?? trainingBytes(config, microBatchSize);
  knownBytes.set(key, bytes);
  return bytes;
}

/** Rows by file: a plan asks for every instance. */
const knownRows = new Map<string, number>();

/** Rows of the global vocabulary. A tokenizer that is not fetched yet, or cannot be read, counts as one that is trained. */
export function globalVocabSize(recipe: Recipe): number {
  const place = vocabularyFile(recipe);
  const { global } = recipe.vocabulary;
  if (place === undefined) return unigramConfigOf(global, "vocabulary.global").vocabSize;
  try {
    const file = tokenizerFileOf(place);
    const { size, mtime } = Deno.statSync(file);
    const key = `${file} ${size} ${mtime?.getTime()}`;
    const rows = knownRows.get(key) ?? adoptedVocabSize(file);
    knownRows.set(key, rows);
    return rows;
  } catch {
    return unigramDefaults.vocabSize; // the vocabulary's own stage says what is wrong
  }
}
