/**
 * A recipe with sizes that a user names on the command line, for tables of costs without a run.
 */
import { decimalOf, UsageError } from "../base/mod.ts";
import type { Recipe } from "./recipe.ts";
import { costMethods } from "../training/mod.ts";
import { globalVocabSize } from "./training_cost.ts";

/** @throws UsageError for a size that is no positive number. */
export function withSizes(recipe: Recipe, sizes: Readonly<Record<string, string>>): Recipe {
  const { model, pretrain, costs } = recipe;
  const sized = <Other>(name: string, otherwise: Other, isWhole = true): number | Other =>
    sizes[name] === undefined ? otherwise : positive(name, sizes[name], isWhole);
  const changesBody = ["layers", "width", "expansion", "context", "positions"]
    .some((name) => sizes[name] !== undefined);
  const isPapers = Object.keys(sizes).every((name) => name === "gigabits");
  const dModel = sized("width", model.dModel);
  return {
    ...recipe,
    model: {
      ...model,
      nLayers: sized("layers", model.nLayers),
      dModel,
      nHeads: dModel % model.nHeads === 0 ? model.nHeads : 1, // parameters do not depend on it
      expansion: sized("expansion", model.expansion),
      seqLen: sized("context", model.seqLen),
      positions: positionsOf(sizes.positions) ?? model.positions,
    },
    pretrain: {
      ...pretrain,
      variants: isPapers && costs !== null
        ? pretrain.variants
        : [...costMethods().values()].map(({ training }) => training.id),
      localSteps: sized("localSteps", pretrain.localSteps),
      rounds: sized("rounds", pretrain.rounds),
    },
    costs: {
      nominalParameters: changesBody ? null : costs?.nominalParameters ?? null,
      nominalVocabSize: costs?.nominalVocabSize ?? null,
      globalVocabSize: sized("vocab", costs?.globalVocabSize ?? globalVocabSize(recipe)),
      localVocabSizes: sizes.localVocab === undefined
        ? costs?.localVocabSizes ?? null
        : Object.fromEntries(
          sizes.localVocab.split(",").map((size, i) => [i, positive("localVocab", size, true)]),
        ),
      ownVocabSize: sized("ownVocab", costs?.ownVocabSize ?? null),
      gigabitsPerSecond: sized("gigabits", costs?.gigabitsPerSecond ?? 10, false),
    },
    paper: isPapers ? recipe.paper : null,
  };
}

/** Says which sizes are the recipe's, as nothing on the command line names them. */
export function recipeSizesNote(recipe: Recipe, sizes: Readonly<Record<string, string>>): string {
  const { model, pretrain, costs } = withSizes(recipe, sizes);
  const all = {
    layers: model.nLayers,
    width: model.dModel,
    expansion: model.expansion,
    positions: model.positions,
    ...(model.positions === "learned" ? { context: model.seqLen } : {}),
    vocab: costs!.globalVocabSize,
    localSteps: pretrain.localSteps,
    rounds: pretrain.rounds,
  };
  const taken = Object.entries(all).filter(([name]) => sizes[name] === undefined);
  if (taken.length === 0) return "every size is named on the command line";
  return `of recipe "${recipe.name}": ${
    taken.map(([name, value]) => `--${flagOf(name)} ${value}`).join(", ")
  }`;
}

function flagOf(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function positive(name: string, text: string, isWhole: boolean): number {
  const value = decimalOf(text);
  const isOfKind = isWhole ? Number.isSafeInteger(value) : Number.isFinite(value);
  if (value > 0 && isOfKind) return value;
  throw new UsageError(
    `Cannot take --${flagOf(name)}: expected a ${
      isWhole ? "whole " : ""
    }number above 0, found "${text}"`,
  );
}

function positionsOf(text: string | undefined): Recipe["model"]["positions"] | undefined {
  if (text === undefined || text === "alibi" || text === "learned" || text === "rotary") {
    return text;
  }
  throw new UsageError(
    `Cannot take --positions: expected alibi, learned or rotary, found "${text}"`,
  );
}
