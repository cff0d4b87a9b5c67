/**
 * Pre-trains a variant: rounds of local training and outer averaging, or the same steps on a mixture.
 *
 * in   train/<source>, validation/<source>  token shards of the variant's vocabulary
 *      statistics/<source>                  token counts: V_k
 *      rate                                 the peak rate, where the recipe has it tuned
 * out  last, best  checkpoints: `model` is shared, `local-<source>` a source's own; best by mean validation loss
 *      metrics     `metrics.jsonl`: a row per round and source, and per round; `monitors.jsonl`, where the recipe has them;
 *                  both as TensorBoard events
 *
 * Source: DEPT Algorithm 1.
 */
import { engineModule } from "../engine/mod.ts";
import { readFileSync } from "node:fs";
import type { OutputRef, Stage, StageContext, StageSummary } from "../pipeline/stage.ts";
import {
  fillCheckpoint,
  type MicroBatchSize,
  pretrain as trainRounds,
  pretrainSeeds,
  type PretrainSettings,
  type TrainingSource,
  variantEntry,
  variantModule,
  writeMetrics,
} from "../training/mod.ts";
import { LocalWorkers } from "./local_workers.ts";
import {
  engineClaims,
  type EngineParams,
  hasNativeEngine,
  type Recipe,
  sourcesOf,
} from "./recipe.ts";
import { trainingForecast } from "./training_cost.ts";
import { foundMicroBatch, microBatchOf, withTraining } from "./training_inputs.ts";

export interface PretrainParams
  extends Omit<PretrainSettings, "checkpointEverySteps" | "microBatchSize"> {
  readonly microBatchSize: MicroBatchSize;
  readonly variant: string;
  readonly engine: EngineParams;
}

/** What pre-training and the search for its rate train on: the variant's tokens of its sources. */
export function pretrainInputs(
  recipe: Recipe,
  variant: string,
): Readonly<Record<string, OutputRef>> {
  const { vocabulary, onlySource } = variantEntry(variant);
  const sources = onlySource === undefined ? sourcesOf(recipe) : [onlySource];
  return Object.fromEntries(
    ["train", "validation", "statistics"].flatMap((output) =>
      sources.map((source): [string, OutputRef] => [
        `${output}/${source}`,
        `tokenize/${source}/${vocabulary}#${output}`,
      ])
    ),
  );
}

export type PretrainHints = Pick<PretrainSettings, "checkpointEverySteps"> & {
  /** Sources that are trained at once, each in a process of its own. */
  readonly parallelSources: number;
};

/** A mixture has one participant: nothing of it can be trained beside it. */
function parallelOf({ pretrain }: Recipe, variant: string): number {
  return variantEntry(variant).batches === "one" || variantEntry(variant).onlySource !== undefined
    ? 1
    : Math.min(pretrain.parallelSources, pretrain.sourcesPerRound);
}

export const pretrain: Stage<Recipe, PretrainParams> = {
  name: "pretrain",
  description:
    "Pre-trains a variant: rounds of local training and averaging, or steps on a mixture",
  module: import.meta.url,
  instances: (recipe) => recipe.pretrain.variants.map((variant) => [variant]),
  inputs(recipe, [variant]) {
    const isTuned = recipe.tune.variants.includes(variant);
    return {
      ...pretrainInputs(recipe, variant),
      ...(isTuned ? { rate: `tune/${variant}#rate` as const } : {}),
    };
  },
  outputs: ["last", "best", "metrics"],
  params({ pretrain, model, engine }, [variant]) {
    const peakLearningRate = pretrain.peakLearningRates[variant] ?? pretrain.inner.peakLearningRate;
    const { rounds, localSteps, sourcesPerRound, batchSize, microBatchSize, adamState } = pretrain;
    const { validationWindows, outer, nonFinite, forgetting, guard, monitors, warnings } = pretrain;
    return {
      variant,
      model,
      rounds,
      localSteps,
      sourcesPerRound,
      batchSize,
      microBatchSize,
      inner: { ...pretrain.inner, peakLearningRate },
      outer,
      adamState,
      nonFinite,
      forgetting,
      guard,
      monitors,
      warnings,
      validationWindows,
      engine,
    };
  },
  hints: (recipe, [variant]) => ({
    checkpointEverySteps: recipe.pretrain.checkpointEverySteps,
    parallelSources: parallelOf(recipe, variant),
  }),
  forecast(recipe, [variant]) {
    const { rounds, localSteps, sourcesPerRound, batchSize, microBatchSize } = recipe.pretrain;
    const perStep = variantEntry(variant).batches === "round" ? sourcesPerRound : 1;
    const tokens = rounds * localSteps * perStep * batchSize * recipe.model.seqLen;
    const forecast = trainingForecast(recipe, { tokens, models: 2, microBatchSize });
    return { ...forecast, memoryBytes: forecast.memoryBytes! * parallelOf(recipe, variant) };
  },
  seeds: pretrainSeeds,
  isNative: (recipe, [variant]) => hasNativeEngine(recipe) || parallelOf(recipe, variant) > 1,
  claims: (recipe, [variant]) => ({
    threads: engineClaims(recipe).threads * parallelOf(recipe, variant),
  }),
  uses: ({ engine }, [variant]) => ({
    engine: engineModule(engine.kind),
    variant: variantModule(variant),
  }),
  // A round's sources are trained one after the other.
  weight: ({ pretrain }, [variant]) =>
    10 * (variantEntry(variant).batches === "one" ? 1 : pretrain.sourcesPerRound),
};

export async function run(context: StageContext<PretrainParams>): Promise<StageSummary> {
  const { params, hints, inputs, outputs } = context;
  const inner = inputs.rate === undefined
    ? params.inner
    : { ...params.inner, peakLearningRate: tunedRate(inputs.rate) };
  const { parallelSources, ...others } = hints as unknown as PretrainHints;
  return await withTraining(context, async (training) => {
    const microBatchSize = await microBatchOf(context, training);
    const settings = { ...params, ...others, inner, microBatchSize };
    const helpers = parallelSources > 1
      ? localWorkers(context, training.sources, settings, parallelSources - 1)
      : undefined;
    const result = await trainRounds({ ...context, ...training, settings, helpers })
      .finally(() => helpers?.close());
    fillCheckpoint(outputs.last, result.last);
    fillCheckpoint(outputs.best, result.best);
    writeMetrics(outputs.metrics, result);
    return {
      bestRound: result.bestRound,
      validationLossNats: result.bestLossNats,
      ...foundMicroBatch(params.microBatchSize, microBatchSize),
    };
  });
}

function tunedRate(folder: string): number {
  return JSON.parse(readFileSync(`${folder}/rate.json`, "utf8")).peakLearningRate;
}

function localWorkers(
  { params, inputs, moduleUrls, log, signal }: StageContext<PretrainParams>,
  sources: readonly TrainingSource[],
  settings: PretrainSettings,
  lanes: number,
): LocalWorkers {
  const setup = {
    variant: params.variant,
    modules: moduleUrls,
    settings,
    engine: params.engine,
    sources: sources.map(({ name, localVocabulary }) => ({
      name,
      train: inputs[`train/${name}`],
      validation: inputs[`validation/${name}`],
      localVocabulary: [...localVocabulary],
    })),
  };
  return new LocalWorkers({ lanes, setup, log, signal });
}
