/**
 * Trains unigram tokenizers: one on all sources, and one for each source where a variant needs it. The one for all may be
 * adopted instead: a tokenizer of others by its file, as the paper's own are, or that of an import which pre-training goes on from.
 *
 * in   documents/<source>  training documents; none for a tokenizer that is adopted
 *      kept                an import's tokenizer
 * out  tokenizer           `tokenizer.json`: pieces with log probabilities, exactly `vocabSize` of them; or the adopted file
 *                          and `adopted.json`, its rows
 *
 * Source: DEPT §2.3 (SPEC-OPT trains a vocabulary for each source); Kudo 2018, §3.2.
 */
import { join, resolve } from "node:path";
import { isRemote, remotePath } from "../datasets/hub/mod.ts";
import { readDocuments, readDocumentsReport } from "../datasets/mod.ts";
import { StageError, UsageError } from "../base/mod.ts";
import {
  group,
  type OutputRef,
  type Stage,
  type StageContext,
  type StageSummary,
} from "../pipeline/stage.ts";
import {
  saveTokenizer,
  tokenizerFileOf,
  trainUnigram,
  type UnigramConfig,
  unigramConfigOf,
} from "../tokenizers/mod.ts";
import type { Recipe } from "./recipe.ts";
import { listRemote, type RemoteHints, remoteHints } from "./remote_files.ts";
import { sourcesWithOwnVocabulary, trainedText } from "./sources.ts";
import { importedStart } from "./starting_model.ts";
import {
  type AdoptedModules,
  adoptedModules,
  hasNativeVocabulary,
  vocabularyFile,
} from "./vocabulary_file.ts";

/** A tokenizer of others: a remote name, or null for a file of this machine, whose content is in the key. */
interface AdoptedParams {
  readonly adopted: string | null;
}

/** The tokenizer of an import, as its stage keeps it. */
interface KeptParams {
  readonly kept: true;
}

type VocabularyParams = UnigramConfig | AdoptedParams | KeptParams;

interface VocabularyHints extends RemoteHints {
  readonly threads: number;
}

type Context = StageContext<VocabularyParams, VocabularyHints, AdoptedModules>;

export const vocabulary: Stage<Recipe, VocabularyParams, VocabularyHints, AdoptedModules> = {
  name: "vocabulary",
  description: "Train a tokenizer on all sources, and one for each source that needs its own",
  module: import.meta.url,
  sharesProcess: true,
  instances: (recipe) => [
    ["global"],
    ...sourcesWithOwnVocabulary(recipe).map((source) => [source]),
  ],
  declare(recipe, [scope]) {
    const { engine, vocabulary: { global, own } } = recipe;
    const place = scope === "global" ? placeOf(recipe) : undefined;
    const imported = scope === "global" ? importedStart(recipe) : undefined;
    if (imported !== undefined) return declareImported(recipe, imported);
    const sources = scope !== "global"
      ? [scope]
      : place === undefined
      ? vocabularySources(recipe)
      : [];
    const files: Record<string, string> = place === undefined || isRemote(place)
      ? {}
      : { tokenizer: place };
    return {
      inputs: Object.fromEntries(
        sources.map((source): [string, OutputRef] => [
          `documents/${source}`,
          `documents/${source}/train#documents`,
        ]),
      ),
      files,
      outputs: ["tokenizer"],
      params: place !== undefined
        ? { adopted: isRemote(place) ? place : null }
        : scope === "global"
        ? unigramConfigOf(global, "vocabulary.global")
        : unigramConfigOf(own, "vocabulary.own"),
      hints: { threads: engine.threads, ...remoteHints(recipe) }, // any number of threads gives the same bytes
      uses: scope === "global" ? adoptedModules(recipe) : {},
      isNative: place !== undefined && (isRemote(place) || hasNativeVocabulary(recipe)),
      claims: { threads: engine.threads },
    };
  },
};

/** The vocabulary of an import that pre-training goes on from. */
function declareImported(recipe: Recipe, imported: `external/${string}`) {
  return {
    inputs: { kept: `${imported}#tokenizer` },
    outputs: ["tokenizer"],
    params: { kept: true },
    hints: { threads: 1, ...remoteHints(recipe) },
    weight: 0.1,
  } as const;
}

/** The sources that the vocabulary of all sources is trained on. */
function vocabularySources(recipe: Recipe): readonly string[] {
  return recipe.vocabulary.sources ?? trainedText(recipe);
}

export async function run(context: Context): Promise<StageSummary> {
  const { params, inputs, outputs } = context;
  if ("kept" in params) {
    for (const { name } of Deno.readDirSync(inputs.kept)) {
      Deno.copyFileSync(join(inputs.kept, name), join(outputs.tokenizer, name));
    }
    return {};
  }
  return "adopted" in params ? await adopt(context, params.adopted) : await train(context, params);
}

async function train(
  { inputs, outputs, hints, checkpointFolder, log, signal }: Context,
  params: UnigramConfig,
): Promise<StageSummary> {
  const folders = [...group(inputs, "documents").values()]; // sorted by source
  const documents = evenShares(folders, params.maxTextBytes);
  const config = { ...params, maxTextBytes: Number.MAX_SAFE_INTEGER }; // the shares are the limit
  const tokenizer = await trainUnigram(documents, config, {
    log,
    signal,
    threads: hints.threads,
    checkpointFolder,
    totalBytes: folders.reduce((sum, folder) => sum + shareOf(folder), 0),
  });
  saveTokenizer(outputs.tokenizer, tokenizer);
  return { pieces: tokenizer.vocabSize };

  function shareOf(folder: string): number {
    return Math.min(readDocumentsReport(folder).bytes, params.maxTextBytes / folders.length);
  }
}

async function adopt(
  context: Context,
  name: string | null,
): Promise<StageSummary> {
  const path = name === null ? context.files.tokenizer : await fetched(context, name);
  return {
    pieces: await context.modules.vocabulary!.adoptTokenizer(path, context.outputs.tokenizer),
  };
}

async function fetched(context: Context, name: string): Promise<string> {
  const [file, ...others] = await listRemote(context, name);
  if (others.length > 0) {
    throw new StageError(
      `Cannot read tokenizer "${name}": expected one file, found ${1 + others.length}`,
    );
  }
  // A tokenizer is told by its file's name, which the cache does not keep.
  const path = join(context.checkpointFolder, file.name);
  Deno.copyFileSync((await file.fetch()).path, path);
  return path;
}

/** Where the tokenizer is that is adopted: a file of this machine, absolute, or a remote name. */
function placeOf(recipe: Recipe): string | undefined {
  const place = vocabularyFile(recipe);
  if (place === undefined) return undefined;
  if (isRemote(place)) {
    if (/\.(json|model)$/.test(remotePath(place))) return place;
    throw new UsageError(
      `Cannot accept vocabulary.global.file "${place}": expected the name of a file that ends in .json or .model`,
    );
  }
  try {
    return tokenizerFileOf(resolve(place));
  } catch (cause) {
    if (!(cause instanceof StageError)) throw cause;
    throw new UsageError(`${cause.message} (vocabulary.global.file)`, { cause });
  }
}

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
