/**
 * Everything that a report says of its recipe, and what it is made from.
 */
import type { Study } from "../../pipeline/stage.ts";
import type { Recipe } from "../recipe.ts";
import { isOnlyCosted, sourcesOf } from "../sources.ts";
import type { PagePlan } from "./build.ts";
import { partsOfRecipe, partsOfStudy } from "./contents.ts";
import type { PageRecipe } from "./page.ts";

export function planOfRecipe(recipe: Recipe): PagePlan {
  return {
    recipe: headOf(recipe),
    labels: recipe.pretrain.variants,
    parts: partsOfRecipe(recipe),
  };
}

export function planOfStudy(study: Study<Recipe>): PagePlan {
  const { recipe, cells, axes } = study;
  const { facts, ...head } = headOf(recipe);
  return {
    recipe: {
      ...head,
      facts: [["study", `${cells.length} cells over ${axes.join(", ")}`], ...facts],
    },
    labels: [...new Set(cells.flatMap((cell) => cell.recipe.pretrain.variants))],
    parts: partsOfStudy(study),
  };
}

function headOf(recipe: Recipe): PageRecipe {
  const { name, description, seed, engine, model, pretrain, outOfDistribution } = recipe;
  const sources = isOnlyCosted(recipe) ? [] : sourcesOf(recipe);
  const some = sources.length > 12 ? `${sources.length}` : sources.join(", ");
  return {
    name,
    description: description.trim(),
    facts: [
      ["seed", String(seed)],
      ...(sources.length === 0 ? [] : [["sources", some] as const]),
      ...(outOfDistribution.length === 0
        ? []
        : [["held out", outOfDistribution.join(", ")] as const]),
      [
        "model",
        `${model.nLayers} block${
          model.nLayers === 1 ? "" : "s"
        } of width ${model.dModel}, context ${model.seqLen}`,
      ],
      [
        "pre-training",
        `${pretrain.rounds} rounds of ${pretrain.localSteps} steps, ${pretrain.sourcesPerRound} sources a round`,
      ],
      ["engine", `${engine.kind}, ${engine.threads} thread${engine.threads === 1 ? "" : "s"}`],
    ],
  };
}
