/**
 * What training will cost, by the recipe alone: for forecasts of stages that train.
 */
import { countParameters, flopsPerToken } from "../model/mod.ts";
import type { StageForecast } from "../pipeline/stage.ts";
import { unigramDefaults } from "../tokenizers/mod.ts";
import type { Recipe } from "./recipe.ts";

/** Runtime and engine before any tensor. */
const processBytes = 250e6;

/** Of engine `reference`: float64 in plain loops. The runner knows what other engines do on a processor. */
const referenceFlopsPerSecond = 3e8;

/**
 * Training on a number of tokens with the global vocabulary's size.
 *
 * @param models Models that are kept at the end, float32.
 */
export function trainingForecast(
  recipe: Recipe,
  { tokens, models }: { readonly tokens: number; readonly models: number },
): StageForecast {
  const vocabSize = Number(recipe.vocabulary.global.vocabSize ?? unigramDefaults.vocabSize);
  const config = { ...recipe.model, vocabSize };
  const parameters = countParameters(config).total;
  return {
    flops: tokens * flopsPerToken(config),
    ...(recipe.engine.kind === "reference" ? { flopsPerSecond: referenceFlopsPerSecond } : {}),
    bytes: models * 4 * parameters,
    // Weights, gradients, two moments, and a copy on its way to a checkpoint.
    memoryBytes: processBytes + 5 * 4 * parameters,
  };
}
