/**
 * Evaluates a model on the test text of every source, held-out ones too: after continuation, at the end of pre-training
 * (`evaluate/<variant>/pretraining`; `.../stitching` with one table of its sources' own), or as it was imported
 * (`evaluate/external/<name>/pretraining`).
 *
 * in   model                checkpoint: with a global embedding, or with one of each source's own
 *      test/<source>        token shards of the model's vocabulary
 *      statistics/<source>  token counts of the training text: the unigram baseline, V_k
 *      tokenizer            pieces, for their bytes; `tokenizer/<source>` where each source has its own
 * out  losses  `documents.arrow`: a row per document; `summary.json`: sums, measures and intervals per source
 *
 * Source: DEPT §4 (perplexity, UNIGRAM-CE).
 */
import { localVocabulary, openTokenShards, readStatistics, unigramModel } from "../datasets/mod.ts";
import { engineModule, type Program } from "../engine/mod.ts";
import { languageModelGraph, type ModelConfig } from "../model/mod.ts";
import { StageError } from "../base/mod.ts";
import {
  group,
  type OutputRef,
  type Stage,
  type StageContext,
  type StageSummary,
} from "../pipeline/stage.ts";
import { loadPieces } from "../tokenizers/mod.ts";
import {
  type DocumentLosses,
  documentLosses,
  readCheckpoint,
  type SourceVocabulary,
  sourceVocabulary,
  type Tensors,
  type Variant,
  variantNamed,
  writeTensors,
} from "../training/mod.ts";
import { continuedModels, impossibleStart } from "./continue.ts";
import { writeLosses } from "./evaluated_losses.ts";
import { EvaluationProgress } from "./evaluation_progress.ts";
import {
  continuedExternals,
  externalModels,
  impossibleExternal,
  isExternal,
  modelFirst,
  partsOf,
  pretrainingEnd,
} from "./external_models.ts";
import { stitchedStart, stitchedVariants, stitchingEnd } from "./own_tables.ts";
import { engineClaims, type EngineParams, hasNativeEngine, type Recipe } from "./recipe.ts";
import { allSources, sourcesOf } from "./sources.ts";
import { checkEvaluationText, evaluatedSplit } from "./text_checks.ts";
import { evaluationForecast } from "./training_cost.ts";
import { type EngineModules, tokenShards } from "./training_inputs.ts";

type EvaluateParams = Omit<Recipe["evaluate"], "reference"> & {
  /** Of a model at the end of pre-training: whose vocabulary its tokens are of, and what each source keeps to itself. */
  readonly variant?: Variant;
  /** Of an import: windows are as long as those of other models, where its positions reach as far. */
  readonly seqLen?: number;
  readonly engine: EngineParams;
};
type Context = StageContext<EvaluateParams, object, EngineModules>;

export const evaluate: Stage<Recipe, EvaluateParams, object, EngineModules> = {
  name: "evaluate",
  description: "Evaluates a model on the test text of every source",
  module: import.meta.url,
  instances: (recipe) => [
    ...recipe.pretrain.variants.map((variant) => [variant, pretrainingEnd]),
    ...stitchedVariants(recipe).map((variant) => [variant, stitchingEnd]),
    ...continuedModels(recipe),
    ...externalModels(recipe).map((id) => partsOf([id, pretrainingEnd])),
    ...continuedExternals(recipe).map(partsOf),
  ],
  impossible(recipe, parts) {
    const [id, start] = modelFirst(parts);
    if (isExternal(id)) return impossibleExternal(recipe, [id, start]);
    return impossibleStart(recipe, id, start === stitchingEnd ? stitchedStart : start);
  },
  check: (_declaration, inputs) => checkEvaluationText(inputs),
  declare(recipe, parts) {
    const [id, start] = modelFirst(parts);
    const { engine } = recipe;
    const given = textAndSettings(recipe, id, start);
    const texts = Object.keys(given.inputs).filter((name) => name.startsWith(`${evaluatedSplit}/`));
    return {
      ...given,
      outputs: ["losses"],
      seeds: ["evaluate/bootstrap"],
      uses: { engine: engineModule(engine.kind) },
      isNative: hasNativeEngine(recipe),
      claims: engineClaims(recipe),
      weight: 1.5,
      // An import has a network and a tokenizer of its own.
      forecast: isExternal(id) ? {} : evaluationForecast(recipe, texts),
    };
  },
};

function textAndSettings(recipe: Recipe, id: string, start: string) {
  if (isExternal(id)) return declareExternal(recipe, id, start);
  if (start === pretrainingEnd) return declarePretrained(recipe, id);
  const model: OutputRef = start === stitchingEnd
    ? `stitch/${id}#model`
    : `continue/${id}/${start}#model`;
  return {
    inputs: { model, ...globalText(recipe) },
    params: { ...settingsOf(recipe), engine: recipe.engine },
  } as const;
}

/** The settings of evaluation itself: tables have their own. */
function settingsOf({ evaluate: { batchSize, bootstrapSamples } }: Recipe) {
  return { batchSize, bootstrapSamples };
}

function globalText(recipe: Recipe) {
  return {
    tokenizer: "vocabulary/global#tokenizer",
    ...tokenShards([evaluatedSplit, "statistics"], allSources(recipe), "global"),
  } as const;
}

/** An import as it came, or continued: with its own tokenizer unless it has new embeddings. */
function declareExternal(recipe: Recipe, id: string, start: string) {
  const text = start === "random" ? globalText(recipe) : {
    tokenizer: `${id}#tokenizer`,
    ...tokenShards([evaluatedSplit, "statistics"], allSources(recipe), id as `external/${string}`),
  } as const;
  return {
    inputs: {
      model: start === pretrainingEnd
        ? `${id}#model` as const
        : `continue/${id}/${start}#model` as const,
      ...text,
    },
    params: {
      ...settingsOf(recipe),
      seqLen: recipe.model.seqLen,
      engine: recipe.engine,
    },
  } as const;
}

function declarePretrained(recipe: Recipe, id: string) {
  const { training: variant } = variantNamed(id);
  const sources = sourcesOf(recipe);
  const splits = [evaluatedSplit, "statistics"];
  const own = () => ({
    ...Object.fromEntries(
      sources.map((source) => [`tokenizer/${source}`, `vocabulary/${source}#tokenizer`] as const),
    ),
    ...tokenShards(splits, sources, "own"),
  });
  return {
    inputs: {
      model: `pretrain/${id}#best`,
      ...(variant.vocabulary === "own" ? own() : globalText(recipe)),
    },
    params: { ...settingsOf(recipe), variant, engine: recipe.engine },
  } as const;
}

export async function run(context: Context): Promise<StageSummary> {
  const { params, inputs, outputs, seed, log } = context;
  const { groups, state: { model } } = readCheckpoint<{ model: ModelConfig }>(inputs.model);
  const texts = group(inputs, evaluatedSplit);
  const names = [...texts.keys()];
  const { variant } = params;
  const progress = new EvaluationProgress(context, texts);
  const losses = new Map<string, DocumentLosses>();
  if (variant === undefined || variant.sharesEmbeddings) {
    const read = { ...model, seqLen: windowLength(params, model) };
    await withProgram(context, model, groups.model, async (program) => {
      for (const name of names) {
        // A source that joined and has taken part in no round has a table of its own.
        const own = groups[`local-${name}`];
        if (own !== undefined) await writeTensors(program, { ...groups.model, ...own });
        losses.set(name, await evaluateSource(context, progress, name, program, read));
        if (own !== undefined) await writeTensors(program, groups.model);
      }
    });
  } else {
    for (const name of names) {
      const local = groups[`local-${name}`];
      if (local === undefined) continue; // it was never drawn
      const vocabulary = vocabularyOf(context, variant, name);
      const config = { ...model, vocabSize: vocabulary.size };
      await withProgram(context, config, { ...groups.model, ...local }, async (program) => {
        losses.set(
          name,
          await evaluateSource(context, progress, name, program, config, vocabulary),
        );
      });
    }
  }
  const { bootstrapSamples } = params;
  return writeLosses(outputs.losses, losses, {
    bootstrapSamples,
    seed: seed("evaluate/bootstrap"),
    log,
  });
}

/** Tokens of a window: as many as the model's context, of an import no more than the recipe's. */
function windowLength({ seqLen }: EvaluateParams, config: ModelConfig): number {
  return Math.min(seqLen ?? config.seqLen, config.seqLen);
}

/** Calls `use` with a program that holds a model, and disposes of it after that. */
async function withProgram(
  { params, modules: { engine: { engine } } }: Context,
  config: ModelConfig,
  tensors: Tensors,
  use: (program: Program) => Promise<void>,
): Promise<void> {
  const program = await engine.compile(
    languageModelGraph(config, params.batchSize, {
      sequenceLength: windowLength(params, config),
    }),
    params.engine,
  );
  try {
    await writeTensors(program, tensors);
    await use(program);
  } finally {
    await program.dispose();
  }
}

/** The vocabulary of a source's own table. */
function vocabularyOf({ inputs }: Context, variant: Variant, name: string): SourceVocabulary {
  const { counts, vocabSize, reservedPieces } = readStatistics(inputs[`statistics/${name}`]);
  return sourceVocabulary(variant, {
    vocabSize,
    localVocabulary: localVocabulary(counts, reservedPieces),
  });
}

/** @param vocabulary Of the source's own table; the model's when absent */
async function evaluateSource(
  { inputs, params }: Context,
  progress: EvaluationProgress,
  name: string,
  program: Program,
  { seqLen, vocabSize }: ModelConfig,
  vocabulary?: SourceVocabulary,
): Promise<DocumentLosses> {
  const known = progress.lossesOf(name, seqLen);
  if (known !== undefined) return known;
  const tokenizer = loadPieces(inputs[`tokenizer/${name}`] ?? inputs.tokenizer);
  const { counts } = readStatistics(inputs[`statistics/${name}`]);
  const text = openTokenShards(inputs[`${evaluatedSplit}/${name}`]);
  try {
    if (vocabulary === undefined && text.vocabSize !== vocabSize) {
      throw new StageError(
        `Cannot evaluate source "${name}": expected tokens of the model's vocabulary of ${vocabSize}, ` +
          `found ${text.vocabSize}`,
      );
    }
    const source = {
      name,
      text,
      byteLength: (id: number) => tokenizer.byteLength(id),
      unigram: unigramModel(counts),
    };
    return await documentLosses(program, source, {
      batchSize: params.batchSize,
      seqLen,
      vocabulary,
      sums: progress.sumsOf(source),
      onBatch: (tokens) => progress.passed(name, tokens),
    });
  } finally {
    text.close();
  }
}
