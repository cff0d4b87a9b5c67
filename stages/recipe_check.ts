/**
 * What a schema cannot say: relations between parts of a recipe.
 */
import { didYouMean, formatBytes, RecipeError } from "../base/mod.ts";
import { countParameters } from "../model/mod.ts";
import { expectedVariant, findVariant, variantNamed } from "../training/mod.ts";
import type { Recipe } from "./recipe.ts";
import type { PartSourceSpec } from "./recipe_data.ts";
import { checkEngine } from "./recipe_engine.ts";
import {
  allSources,
  isLed,
  isOnlyCosted,
  partSources,
  sourcesOf,
  sourceSpecs,
  wholeSources,
} from "./sources.ts";
import { importedStart, namedStart } from "./starting_model.ts";
import { globalVocabSize, plannedMicroBatch, trainingForecast } from "./training_cost.ts";

/** Called once, before anything is planned. @throws RecipeError naming the key, UsageError where there is none */
export function checkRecipe(recipe: Recipe): void {
  checkEngine(recipe);
  checkModel(recipe);
  checkSteps(recipe);
  checkMemory(recipe);
  for (const id of Object.keys(recipe.pretrain.peakLearningRates)) {
    if (findVariant(id) !== undefined) continue;
    const path = ["pretrain", "peakLearningRates", id];
    refuse(recipe, path, `to be of a variant: ${expectedVariant(id)}`, `"${id}"`);
  }
  checkStartingModel(recipe);
  checkQuorum(recipe);
  if (!isOnlyCosted(recipe) && !isLed(recipe)) checkNames(recipe);
}

/** @param expected What is expected of the key: `to be at most 3`. */
function refuse(
  { name }: Recipe,
  path: RecipeError["path"],
  expected: string,
  found: unknown,
): never {
  const key = path.filter((part) => typeof part === "string").join(".");
  throw new RecipeError(
    path,
    `Cannot run recipe "${name}": expected ${key} ${expected}, found ${found}`,
  );
}

/** Training holds each parameter, its gradient and two moments as float32. */
const bytesPerParameter = 16;

function checkModel(recipe: Recipe): void {
  const { model, finetune } = recipe;
  const { dModel, nHeads, positions, seqLen, rotaryFraction } = model;
  if (dModel % nHeads !== 0) {
    refuse(recipe, ["model", "dModel"], `to be a multiple of model.nHeads (${nHeads})`, dModel);
  }
  const turned = Math.floor(dModel / nHeads * rotaryFraction);
  if (positions === "rotary" && (turned < 2 || turned % 2 !== 0)) {
    const expected = `to turn an even number of the ${dModel / nHeads} channels of a head`;
    refuse(recipe, ["model", "rotaryFraction"], expected, `${rotaryFraction}, of ${turned}`);
  }
  if (positions === "learned" && finetune.seqLen > seqLen) {
    const expected = `to be at most model.seqLen (${seqLen}) with learned positions`;
    refuse(recipe, ["finetune", "seqLen"], expected, finetune.seqLen);
  }
  const { total } = countParameters({ ...model, vocabSize: globalVocabSize(recipe) });
  if (total * bytesPerParameter <= Number.MAX_SAFE_INTEGER) return;
  const expected = "to have at most 2^49 parameters, whose bytes a number can count; " +
    "lower model.nLayers or model.dModel";
  refuse(recipe, ["model"], expected, total.toExponential(1));
}

function checkSteps(recipe: Recipe): void {
  const { model, pretrain, continue: continuation } = recipe;
  for (const section of ["pretrain", "continue"] as const) {
    const { batchSize, microBatchSize } = recipe[section];
    if (microBatchSize === "auto" || batchSize % microBatchSize === 0) continue;
    const expected = `to be a multiple of ${section}.microBatchSize (${microBatchSize})`;
    refuse(recipe, [section, "batchSize"], expected, batchSize);
  }
  const { rounds, localSteps, sourcesPerRound } = pretrain;
  const sequences = {
    pretrain: rounds * localSteps * sourcesPerRound * pretrain.batchSize,
    continue: continuation.steps * continuation.batchSize,
  };
  for (const section of ["pretrain", "continue"] as const) {
    const tokens = sequences[section] * model.seqLen;
    if (tokens <= Number.MAX_SAFE_INTEGER) continue;
    const expected = "to take at most 2^53 tokens: steps, sequences and model.seqLen, multiplied";
    refuse(recipe, [section], expected, tokens.toExponential(1));
  }
}

/** What takes more memory than a number can count is a slip of the keyboard, which no machine would tell before it fails. */
function checkMemory(recipe: Recipe): void {
  const { pretrain, continue: continuation, finetune } = recipe;
  const sections = {
    "pretrain.microBatchSize": { microBatchSize: plannedMicroBatch(recipe, pretrain) },
    "continue.microBatchSize": { microBatchSize: plannedMicroBatch(recipe, continuation) },
    "finetune.batchSize": { microBatchSize: finetune.batchSize, seqLen: finetune.seqLen },
  };
  for (const [key, size] of Object.entries(sections)) {
    const { memoryBytes } = trainingForecast(recipe, { tokens: 0, models: 0, ...size });
    if (memoryBytes <= Number.MAX_SAFE_INTEGER) continue;
    const expected = "to let training take at most 2^53 bytes of memory";
    refuse(recipe, key.split("."), expected, formatBytes(memoryBytes));
  }
}

/** A share of all waits for all, however long: a time would say nothing. */
function checkQuorum(recipe: Recipe): void {
  const { share, afterSeconds } = recipe.pretrain.quorum;
  const path = (key: string) => ["pretrain", "quorum", key];
  if (share < 1 && afterSeconds === null) {
    const expected = "to be 1 without a number of seconds as pretrain.quorum.afterSeconds";
    refuse(recipe, path("share"), expected, share);
  }
  if (share === 1 && afterSeconds !== null) {
    const expected = "to be null where pretrain.quorum.share is 1, which waits for all";
    refuse(recipe, path("afterSeconds"), expected, afterSeconds);
  }
}

/** What `pretrain.from` allows, and what it does not. */
function checkStartingModel(recipe: Recipe): void {
  const { pretrain, tune, external } = recipe;
  const path = ["pretrain", "from"];
  if (pretrain.from === null) {
    if (pretrain.rounds > 0) return;
    const expected = "to be at least 1 where no model is named in pretrain.from";
    return refuse(recipe, ["pretrain", "rounds"], expected, pretrain.rounds);
  }
  if (tune.variants.length > 0) {
    const expected = "to be empty beside pretrain.from: a rate is searched for from new parameters";
    refuse(recipe, ["tune", "variants"], expected, tune.variants.join(", "));
  }
  const imported = importedStart(recipe)?.slice("external/".length);
  if (imported !== undefined && !Object.hasOwn(external, imported)) {
    const known = Object.keys(external);
    const expected = `to name a model of external (${known.join(", ") || "none"})${
      didYouMean(imported, known)
    }`;
    refuse(recipe, path, expected, `"${imported}"`);
  }
  const named = namedStart(recipe);
  if (named === undefined) return;
  if (findVariant(named) === undefined) {
    refuse(recipe, path, `to be of a variant: ${expectedVariant(named)}`, `"${named}"`);
  }
  const shares = (id: string) => variantNamed(id).training.sharesEmbeddings;
  const without = shares(named) ? undefined : pretrain.variants.find(shares);
  if (without === undefined) return;
  const expected = `to have a table of all sources, which ${without} begins with`;
  refuse(recipe, path, expected, `"${named}", whose sources have one each`);
}

/** Checks names of sources and variants. */
function checkNames(recipe: Recipe): void {
  const { pretrain, tune, finetune, outOfDistribution, continue: { plasticity } } = recipe;
  const [sources, trained] = [allSources(recipe), sourcesOf(recipe)];
  if (sources.includes("global")) {
    refuse(recipe, ["sources"], 'to name none "global" (the shared vocabulary\'s name)', "one");
  }
  checkItems(["outOfDistribution"], outOfDistribution, "to name sources", sources);
  checkItems(
    ["vocabulary", "sources"],
    recipe.vocabulary.sources ?? [],
    "to name sources",
    sources,
  );
  checkItems(
    ["continue", "plasticity", "sources"],
    plasticity.sources,
    "to name sources",
    sources,
  );
  checkParts(recipe);
  const isolated = pretrain.variants.map((id) => variantNamed(id).onlySource);
  const at = isolated.findIndex((source) => source !== undefined && !trained.includes(source));
  if (at >= 0) {
    const expected = `to isolate sources that are trained on (${trained.join(", ")})`;
    refuse(recipe, ["pretrain", "variants", at], expected, `"${pretrain.variants[at]}"`);
  }
  const untrained = tune.variants.findIndex((id) => variantNamed(id).training.isUntrained);
  if (untrained >= 0) {
    const expected = "to name variants that are trained";
    refuse(recipe, ["tune", "variants", untrained], expected, tune.variants[untrained]);
  }
  for (
    const [section, variants] of [
      ["tune", tune.variants],
      ["finetune", finetune.variants ?? []],
    ] as const
  ) {
    checkItems(
      [section, "variants"],
      variants,
      "to be among pretrain.variants",
      pretrain.variants,
      String,
    );
  }
  if (pretrain.sourcesPerRound > trained.length) {
    const expected = `to be at most the number of sources (${trained.length})`;
    refuse(recipe, ["pretrain", "sourcesPerRound"], expected, pretrain.sourcesPerRound);
  }

  function checkItems(
    path: readonly string[],
    items: readonly string[],
    expected: string,
    known: readonly string[],
    quoted = (item: string) => `"${item}"`,
  ): void {
    const at = items.findIndex((item) => !known.includes(item));
    if (at < 0) return;
    const hint = didYouMean(items[at], known);
    refuse(recipe, [...path, at], `${expected} (${known.join(", ")})${hint}`, quoted(items[at]));
  }
}

/** Parts are numbered, and nothing is trained on both a part and what it is a part of. */
function checkParts(recipe: Recipe): void {
  const parts = partSources(recipe);
  if (parts.length === 0) return;
  const specs = sourceSpecs(recipe);
  const whole = wholeSources(recipe);
  if (whole.length === 0) {
    refuse(
      recipe,
      ["sources"],
      "to have one with text of its own, of which others are parts",
      "none",
    );
  }
  parts.forEach((source, i) => {
    const { part } = specs[source] as PartSourceSpec;
    if (part !== i + 1) {
      const expected = `to number the parts from 1 to ${parts.length}, each once`;
      refuse(recipe, ["sources", source, "part"], expected, part);
    }
  });
  const trained = whole.find((source) => !recipe.outOfDistribution.includes(source));
  if (trained !== undefined) {
    const expected =
      "to hold out every source that parts are cut from: their text is trained on as parts";
    refuse(recipe, ["outOfDistribution"], expected, `that "${trained}" is not`);
  }
}
