/**
 * Pre-trains a variant: rounds of local training and outer averaging, or the same steps on a mixture.
 *
 * in   train/<source>, validation/<source>  token shards of the variant's vocabulary
 *      statistics/<source>                  token counts: V_k
 *      rate                                 the peak rate, where the recipe has it tuned
 * out  last, best  checkpoints: `model` is shared, `local-<source>` a source's own; best by mean validation loss
 *      metrics     `metrics.jsonl`: a row per round and source, and per round
 *
 * Source: DEPT Algorithm 1.
 */
import { engineModule } from "../engine/mod.ts";
import { readFileSync } from "node:fs";
import { canonicalJson, writeFileSynced } from "../pipeline/base/mod.ts";
import type { OutputRef, Stage, StageContext, StageSummary } from "../pipeline/stage.ts";
import {
  fillCheckpoint,
  pretrain as trainRounds,
  pretrainSeeds,
  type PretrainSettings,
  variantEntry,
  variantModule,
} from "../training/mod.ts";
import {
  engineClaims,
  type EngineParams,
  hasNativeEngine,
  type Recipe,
  sourcesOf,
} from "./recipe.ts";
import { trainingForecast } from "./training_cost.ts";
import { withTraining } from "./training_inputs.ts";

export interface PretrainParams extends Omit<PretrainSettings, "checkpointEverySteps"> {
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

export type PretrainHints = Pick<PretrainSettings, "checkpointEverySteps">;

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
    const { validationWindows, outer, nonFinite, forgetting } = pretrain;
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
      validationWindows,
      engine,
    };
  },
  hints: ({ pretrain: { checkpointEverySteps } }) => ({ checkpointEverySteps }),
  forecast(recipe, [variant]) {
    const { rounds, localSteps, sourcesPerRound, batchSize } = recipe.pretrain;
    const perStep = variantEntry(variant).batches === "round" ? sourcesPerRound : 1;
    const tokens = rounds * localSteps * perStep * batchSize * recipe.model.seqLen;
    return trainingForecast(recipe, { tokens, models: 2 });
  },
  seeds: pretrainSeeds,
  isNative: hasNativeEngine,
  claims: engineClaims,
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
  return await withTraining(context, async (training) => {
    const result = await trainRounds({
      ...context,
      ...training,
      settings: { ...params, ...hints as PretrainHints, inner },
    });
    fillCheckpoint(outputs.last, result.last);
    fillCheckpoint(outputs.best, result.best);
    const lines = result.metrics.map((row) => canonicalJson(row) + "\n").join("");
    writeFileSynced(`${outputs.metrics}/metrics.jsonl`, lines);
    return { bestRound: result.bestRound, validationLossNats: result.bestLossNats };
  });
}

function tunedRate(folder: string): number {
  return JSON.parse(readFileSync(`${folder}/rate.json`, "utf8")).peakLearningRate;
}
