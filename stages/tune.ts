/**
 * Searches for the peak learning rate of a variant: whole runs, each at a lower rate, until one survives.
 *
 * in   train/<source>, validation/<source>, statistics/<source>  as `pretrain`
 * out  rate  `rate.json`: the rate that survived, and every one that was tried
 *
 * Source: DEPT App. A.1 (tuned baselines).
 */
import { writeFileSynced } from "../base/mod.ts";
import type { Stage, StageContext, StageSummary } from "../pipeline/stage.ts";
import { pretrainSeeds, tuneLearningRate, type TuneSettings } from "../training/mod.ts";
import { pretrain, type PretrainHints, pretrainInputs, type PretrainParams } from "./pretrain.ts";
import type { Recipe } from "./recipe.ts";
import { microBatchOf, withTraining } from "./training_inputs.ts";

export interface TuneParams extends PretrainParams {
  readonly tune: TuneSettings;
}

export const tune: Stage<Recipe, TuneParams> = {
  name: "tune",
  description: "Searches for the peak learning rate of a variant",
  module: import.meta.url,
  instances: (recipe) => recipe.tune.variants.map((variant) => [variant]),
  impossible: (recipe, [variant]) =>
    recipe.pretrain.variants.includes(variant)
      ? `recipe "${recipe.name}" asks for no search; add ${variant} to tune.variants`
      : undefined,
  inputs: (recipe, [variant]) => pretrainInputs(recipe, variant),
  outputs: ["rate"],
  params(recipe, parts) {
    const { variants: _, ...tune } = recipe.tune;
    return { ...pretrain.params(recipe, parts), tune };
  },
  hints: (recipe, parts) => pretrain.hints!(recipe, parts),
  forecast: (recipe, parts) => pretrain.forecast!(recipe, parts),
  seeds: pretrainSeeds,
  isNative: (recipe, parts) => pretrain.isNative!(recipe, parts),
  claims: (recipe, parts) => pretrain.claims!(recipe, parts),
  uses: (recipe, parts) => pretrain.uses!(recipe, parts),
  weight: (recipe, parts) => 2 * pretrain.weight!(recipe, parts),
};

export async function run(context: StageContext<TuneParams>): Promise<StageSummary> {
  const { params, hints, outputs } = context;
  return await withTraining(context, async (training) => {
    const microBatchSize = await microBatchOf(context, training);
    const result = await tuneLearningRate({
      ...context,
      ...training,
      settings: { ...params, ...hints as unknown as PretrainHints, microBatchSize },
      tune: params.tune,
    });
    writeFileSynced(`${outputs.rate}/rate.json`, JSON.stringify(result, null, 2) + "\n");
    return { peakLearningRate: result.peakLearningRate, attempts: result.attempts.length };
  });
}
