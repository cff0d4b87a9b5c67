/**
 * What a schema cannot say: relations between parts of a recipe.
 */
import { UsageError } from "../base/mod.ts";
import { variantNamed } from "../training/mod.ts";
import type { Recipe } from "./recipe.ts";
import { checkEngine } from "./recipe_engine.ts";
import { allSources, isOnlyCosted, sourcesOf } from "./sources.ts";

/** Called once, before anything is planned. @throws UsageError naming the key. */
export function checkRecipe(recipe: Recipe): void {
  checkEngine(recipe);
  const { pretrain, model } = recipe;
  const fail = (key: string, expected: string, found: unknown): never => {
    throw new UsageError(
      `Cannot run recipe "${recipe.name}": expected ${key} ${expected}, found ${found}`,
    );
  };
  if (model.dModel % model.nHeads !== 0) {
    fail("model.dModel", `to be a multiple of model.nHeads (${model.nHeads})`, model.dModel);
  }
  if (model.positions === "learned" && recipe.finetune.seqLen > model.seqLen) {
    fail(
      "finetune.seqLen",
      `to be at most model.seqLen (${model.seqLen}) with learned positions`,
      recipe.finetune.seqLen,
    );
  }
  for (const section of ["pretrain", "continue"] as const) {
    const { batchSize, microBatchSize } = recipe[section];
    if (microBatchSize !== "auto" && batchSize % microBatchSize !== 0) {
      fail(
        `${section}.batchSize`,
        `to be a multiple of ${section}.microBatchSize (${microBatchSize})`,
        batchSize,
      );
    }
  }
  if (isOnlyCosted(recipe)) return;
  const sources = sourcesOf(recipe);
  if (allSources(recipe).includes("global")) {
    fail("no source to be", '"global" (it names the shared vocabulary)', "one");
  }
  const unknown = recipe.outOfDistribution.find((source) => !allSources(recipe).includes(source));
  if (unknown !== undefined) {
    fail("outOfDistribution", `to name sources (${allSources(recipe).join(", ")})`, `"${unknown}"`);
  }
  for (const source of recipe.continue.plasticity.sources) {
    if (allSources(recipe).includes(source)) continue;
    fail(
      "continue.plasticity.sources",
      `to name sources (${allSources(recipe).join(", ")})`,
      `"${source}"`,
    );
  }
  for (const id of pretrain.variants) {
    const { onlySource } = variantNamed(id);
    if (onlySource === undefined || sources.includes(onlySource)) continue;
    fail(
      "pretrain.variants",
      `to isolate sources that are trained on (${sources.join(", ")})`,
      `"${id}"`,
    );
  }
  const untrained = recipe.tune.variants.find((id) => !pretrain.variants.includes(id));
  if (untrained !== undefined) {
    fail(
      "tune.variants",
      `to be among pretrain.variants (${pretrain.variants.join(", ")})`,
      untrained,
    );
  }
  if (pretrain.sourcesPerRound > sources.length) {
    fail(
      "pretrain.sourcesPerRound",
      `to be at most the number of sources (${sources.length})`,
      pretrain.sourcesPerRound,
    );
  }
}
