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
import { tuneLearningRate, type TuneSettings } from "../training/mod.ts";
import { pretrain, type PretrainHints, type PretrainParams } from "./pretrain.ts";
import type { Recipe } from "./recipe.ts";
import { type EngineModules, microBatchOf, withTraining } from "./training_inputs.ts";

type TuneParams = PretrainParams & { readonly tune: TuneSettings };

export const tune: Stage<Recipe, TuneParams, PretrainHints, EngineModules> = {
  name: "tune",
  description: "Searches for the peak learning rate of a variant",
  module: import.meta.url,
  instances: (recipe) => recipe.tune.variants.map((variant) => [variant]),
  impossible: (recipe, [variant]) =>
    recipe.pretrain.variants.includes(variant)
      ? `recipe "${recipe.name}" asks for no search; add ${variant} to tune.variants`
      : undefined,
  // Not `pretrain.check`: reading a member might do something, so it would count as code of `run`.
  check: (declaration, inputs) => pretrain.check!(declaration, inputs),
  declare(recipe, [variant]) {
    const { variants: _, ...settings } = recipe.tune;
    const run = pretrain.declare(recipe, [variant]);
    const { rate: __, ...inputs } = run.inputs!;
    const { quorum: ___, ...params } = run.params;
    return {
      ...run,
      files: {}, // a search replays nobody's rounds
      inputs,
      outputs: ["rate"],
      params: { ...params, tune: settings },
      weight: 2 * run.weight!,
    };
  },
};

export async function run(
  context: StageContext<TuneParams, PretrainHints, EngineModules>,
): Promise<StageSummary> {
  const { params, hints, outputs } = context;
  return await withTraining(context, async (training) => {
    const microBatchSize = microBatchOf(context, training);
    const result = await tuneLearningRate({
      ...context,
      ...training,
      settings: { ...params, ...hints, microBatchSize },
      tune: params.tune,
    });
    writeFileSynced(`${outputs.rate}/rate.json`, JSON.stringify(result, null, 2) + "\n");
    return { peakLearningRate: result.peakLearningRate, attempts: result.attempts.length };
  });
}
