/**
 * Trains unigram tokenizers: one on all sources, and one for each source when SPEC-OPT is asked for.
 *
 * in   documents/<source>  training documents
 * out  tokenizer           `tokenizer.json`: pieces with log probabilities, exactly `vocabSize` of them
 *
 * Source: DEPT §2.3 (SPEC-OPT trains a vocabulary for each source); Kudo 2018, §3.2.
 */
import { readDocuments, readDocumentsReport } from "../datasets/mod.ts";
import { group, type OutputRef, type Stage, type StageRun } from "../pipeline/stage.ts";
import {
  saveTokenizer,
  trainUnigram,
  type UnigramConfig,
  unigramConfigOf,
} from "../tokenizers/mod.ts";
import { type Recipe, sourcesOf } from "./recipe.ts";

export interface VocabularyParams extends UnigramConfig {}

interface VocabularyHints {
  readonly threads: number;
}

export const vocabulary: Stage<Recipe, VocabularyParams> = {
  name: "vocabulary",
  description: "Train a tokenizer on all sources, and one for each source that needs its own",
  module: import.meta.url,
  instances(recipe) {
    const own = recipe.pretrain.variants.includes("spec-opt") ? sourcesOf(recipe) : [];
    return [["global"], ...own.map((source) => [source])];
  },
  inputs(recipe, [scope]) {
    const sources = scope === "global" ? sourcesOf(recipe) : [scope];
    return Object.fromEntries(
      sources.map((source): [string, OutputRef] => [
        `documents/${source}`,
        `documents/${source}/train#documents`,
      ]),
    );
  },
  outputs: ["tokenizer"],
  params(recipe, [scope]) {
    return scope === "global"
      ? unigramConfigOf(recipe.vocabulary.global, "vocabulary.global")
      : unigramConfigOf(recipe.vocabulary.own, "vocabulary.own");
  },
  hints: (recipe): VocabularyHints => ({ threads: recipe.engine.threads }), // any number gives the same bytes
  claims: (recipe) => ({ threads: recipe.engine.threads }),
};

export const run: StageRun<VocabularyParams> = async (
  { inputs, outputs, params, hints, checkpointFolder, log, signal },
) => {
  const folders = [...group(inputs, "documents").values()]; // sorted by source
  const documents = evenShares(folders, params.maxTextBytes);
  const config = { ...params, maxTextBytes: Number.MAX_SAFE_INTEGER }; // the shares are the limit
  const tokenizer = await trainUnigram(documents, config, {
    log,
    signal,
    threads: (hints as VocabularyHints | undefined)?.threads,
    checkpointFolder,
    totalBytes: folders.reduce((sum, folder) => sum + shareOf(folder), 0),
  });
  saveTokenizer(outputs.tokenizer, tokenizer);
  return { pieces: tokenizer.vocabSize };

  function shareOf(folder: string): number {
    return Math.min(readDocumentsReport(folder).bytes, params.maxTextBytes / folders.length);
  }
};

/** Documents of each folder in turn, until its share of the bytes is reached; the last document of a share is whole. */
async function* evenShares(
  folders: readonly string[],
  maxTextBytes: number,
): AsyncIterable<{ readonly text: string }> {
  const encoder = new TextEncoder();
  for (const folder of folders) {
    let left = maxTextBytes / folders.length;
    for await (const document of readDocuments(folder)) {
      yield document;
      left -= encoder.encode(document.text).length;
      if (left <= 0) break;
    }
  }
}
