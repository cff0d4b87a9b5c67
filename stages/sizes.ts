/**
 * A recipe with sizes that a user names on the command line, for tables of costs without a run.
 */
import { UsageError } from "../base/mod.ts";
import type { Recipe } from "./recipe.ts";
import { costMethods } from "../training/mod.ts";
import { globalVocabSize } from "./training_cost.ts";

/** @throws UsageError for a size that is no positive number. */
export function withSizes(recipe: Recipe, sizes: Readonly<Record<string, string>>): Recipe {
  const { model, pretrain, costs } = recipe;
  const whole = (name: string, otherwise: number) =>
    sizes[name] === undefined ? otherwise : positive(name, sizes[name], true);
  const changesBody = ["layers", "width", "expansion", "context", "positions"]
    .some((name) => sizes[name] !== undefined);
  const isPapers = Object.keys(sizes).every((name) => name === "gigabits");
  const dModel = whole("width", model.dModel);
  return {
    ...recipe,
    model: {
      ...model,
      nLayers: whole("layers", model.nLayers),
      dModel,
      nHeads: dModel % model.nHeads === 0 ? model.nHeads : 1, // parameters do not depend on it
      expansion: whole("expansion", model.expansion),
      seqLen: whole("context", model.seqLen),
      positions: positionsOf(sizes.positions) ?? model.positions,
    },
    pretrain: {
      ...pretrain,
      variants: isPapers && costs !== null
        ? pretrain.variants
        : [...costMethods().values()].map(({ training }) => training.id),
      localSteps: whole("localSteps", pretrain.localSteps),
      rounds: whole("rounds", pretrain.rounds),
    },
    costs: {
      nominalParameters: changesBody ? null : costs?.nominalParameters ?? null,
      nominalVocabSize: costs?.nominalVocabSize ?? null,
      globalVocabSize: whole(
        "vocab",
        costs?.globalVocabSize ?? globalVocabSize(recipe),
      ),
      localVocabSizes: sizes.localVocab === undefined
        ? costs?.localVocabSizes ?? null
        : Object.fromEntries(
          sizes.localVocab.split(",").map((
            size,
            i,
          ) => [`${i + 1}`, positive("localVocab", size, true)]),
        ),
      ownVocabSize: sizes.ownVocab === undefined
        ? costs?.ownVocabSize ?? null
        : positive("ownVocab", sizes.ownVocab, true),
      gigabitsPerSecond: sizes.gigabits === undefined
        ? costs?.gigabitsPerSecond ?? 10
        : positive("gigabits", sizes.gigabits, false),
    },
    paper: isPapers ? recipe.paper : null,
  };
}

function positive(name: string, text: string, isWhole: boolean): number {
  const value = Number(text);
  if (
    text.trim() !== "" && value > 0 && Number.isFinite(value) &&
    (!isWhole || Number.isInteger(value))
  ) {
    return value;
  }
  const flag = name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  throw new UsageError(
    `Cannot take --${flag}: expected a ${isWhole ? "whole " : ""}number above 0, found "${text}"`,
  );
}

function positionsOf(text: string | undefined): Recipe["model"]["positions"] | undefined {
  if (text === undefined || text === "alibi" || text === "learned") return text;
  throw new UsageError(`Cannot take --positions: expected alibi or learned, found "${text}"`);
}
