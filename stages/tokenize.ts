/**
 * Turns a source's text into token shards: one instance per source with the global tokenizer and, where a variant needs
 * it, one with the source's own.
 *
 * in   train, validation  documents
 *      tokenizer          pieces
 * out  train, validation  token shards, the end symbol after each document
 *      statistics         counts of each piece in the training text, V_k
 *
 * Source: DEPT §2.2 (TRIM: V_k), §2.3 (SPEC-OPT: a tokenizer for each source).
 */
import {
  type EncodedDocument,
  openTokenShards,
  readDocuments,
  readDocumentsReport,
  writeStatistics,
  writeTokenShards,
} from "../datasets/mod.ts";
import type { OutputRef, Stage, StageContext, StageSummary } from "../pipeline/stage.ts";
import { firstByteId, loadTokenizer, specialIds, type Tokenizer } from "../tokenizers/mod.ts";
import { allSources, type Recipe, sourcesOf } from "./recipe.ts";

/** Special pieces and the 256 byte pieces: rows of every local vocabulary. */
const reservedPieces = firstByteId + 256;

export const tokenize: Stage<Recipe> = {
  name: "tokenize",
  description: "Turns the text of a source into token shards",
  module: import.meta.url,
  instances: (recipe) => [
    ...allSources(recipe).map((source) => [source, "global"]),
    ...(needsOwn(recipe) ? sourcesOf(recipe).map((source) => [source, "own"]) : []),
  ],
  impossible: (recipe, [source, vocabulary]) =>
    vocabulary === "own" && recipe.outOfDistribution.includes(source)
      ? `source "${source}" is out of distribution: nothing is trained on it, so it has no vocabulary of its own`
      : undefined,
  inputs(_recipe, [source, vocabulary]): Record<string, OutputRef> {
    return {
      train: `documents/${source}/train#documents`,
      validation: `documents/${source}/validation#documents`,
      tokenizer: `vocabulary/${vocabulary === "own" ? source : "global"}#tokenizer`,
    };
  },
  outputs: ["train", "validation", "statistics"],
  params: () => ({}),
  weight: () => 0.5,
};

export async function run(context: StageContext): Promise<StageSummary> {
  const { inputs, outputs } = context;
  const tokenizer = loadTokenizer(inputs.tokenizer);
  const { vocabSize } = tokenizer;
  for (const split of ["train", "validation"]) {
    const encoded = encodedDocuments(context, split, tokenizer);
    await writeTokenShards(outputs[split], encoded, { vocabSize, endId: specialIds.end });
  }
  const shards = openTokenShards(outputs.train);
  try {
    const { tokens, bytes, distinctTokens } = writeStatistics(outputs.statistics, shards, {
      reservedPieces,
      unknownId: specialIds.unknown,
    });
    return { tokens, bytesPerToken: Number((bytes / tokens).toFixed(3)), distinctTokens };
  } finally {
    shards.close();
  }
}

async function* encodedDocuments(
  { inputs, signal, log }: StageContext,
  split: string,
  tokenizer: Tokenizer,
): AsyncGenerator<EncodedDocument> {
  const { documents: total } = readDocumentsReport(inputs[split]);
  const encoder = new TextEncoder();
  let done = 0;
  for await (const { text } of readDocuments(inputs[split])) {
    signal.throwIfAborted();
    yield { ids: tokenizer.encode(text), bytes: encoder.encode(text).length };
    if (++done % 500 === 0) log.progress({ done, total, unit: "documents", note: split });
  }
}

function needsOwn(recipe: Recipe): boolean {
  return recipe.pretrain.variants.includes("spec-opt");
}
