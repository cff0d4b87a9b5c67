/**
 * The recipes of the parties of a run whose sources are with silos, made of the leader's.
 */
import { RecipeError, UsageError } from "../base/mod.ts";
import {
  findVariant,
  trainsBySource,
  type Variant,
  variantNamed,
  variantTable,
} from "../training/mod.ts";
import { tellsRows } from "./federation.ts";
import type { Recipe } from "./recipe.ts";
import { importedStart } from "./starting_model.ts";
import { vocabularyFile } from "./vocabulary_file.ts";

/** Where a silo's text is, as a recipe names it. */
export type SiloText = NonNullable<Recipe["sources"]>[string];

/**
 * What all parties of a run have in common of a recipe: one variant, and nothing of text, tables or other models.
 * @param id The variant. @param silos Sources that take part. @throws UsageError, RecipeError where these cannot be trained so
 */
export function commonRecipe(recipe: Recipe, id: string, silos: readonly string[]): Recipe {
  const { training: variant, onlySource } = variantNamed(id);
  if (!trainsBySource(variant) || onlySource !== undefined) {
    throw new UsageError(
      `Cannot lead silos in pretrain/${id}: expected a variant whose sources train on their own text, as ${
        variantsLike(() => true)
      }, found one that mixes them, or has one`,
    );
  }
  if (recipe.pretrain.from !== null || importedStart(recipe) !== undefined) {
    throw new UsageError(
      "Cannot lead silos from another model: expected pretrain.from to be null; --set pretrain.from=null",
    );
  }
  if (variant.vocabulary === "global" && vocabularyFile(recipe) === undefined) {
    throw new UsageError(
      `Cannot lead silos in pretrain/${id}: expected a tokenizer in vocabulary.global.file, since nobody has the text of all sources to ` +
        `train one on; name one with --set vocabulary.global.file=FILE, or take ${
          variantsLike(({ vocabulary }) => vocabulary === "own")
        }, whose sources have tokenizers of their own`,
    );
  }
  if (recipe.pretrain.sourcesPerRound > silos.length) {
    throw new RecipeError(
      ["pretrain", "sourcesPerRound"],
      `Cannot draw ${recipe.pretrain.sourcesPerRound} sources a round of ${silos.length} silos; ` +
        `--set pretrain.sourcesPerRound=${silos.length}`,
    );
  }
  return {
    ...recipe,
    data: null,
    sources: null,
    outOfDistribution: [],
    vocabulary: { ...recipe.vocabulary, sources: null },
    external: {},
    pretrain: {
      ...recipe.pretrain,
      variants: [id],
      parallelSources: 1,
      validationRows: tellsRows(variant) ? "own" : recipe.pretrain.validationRows,
    },
    tune: { ...recipe.tune, variants: [] },
    continue: { ...recipe.continue, plasticity: { ...recipe.continue.plasticity, sources: [] } },
    finetune: { ...recipe.finetune, tasks: {}, variants: null },
    bound: null,
    tables: [],
    figures: [],
    costs: null,
    study: null,
    paper: null,
  };
}

/** Variants whose sources train on their own text, by name. */
function variantsLike(isLike: (variant: Variant) => boolean): string {
  return Object.keys(variantTable).filter((id) => {
    const variant = findVariant(id)?.training;
    return variant !== undefined && trainsBySource(variant) && isLike(variant);
  }).join(", ");
}

/** The leader's. @param folder Where it keeps what goes with the run. */
export function leaderRecipe(
  common: Recipe,
  run: string,
  folder: string,
  silos: readonly string[],
): Recipe {
  return { ...common, federation: { run, folder, sources: [...silos], as: null } };
}

/** That of a silo, which knows one source. */
export function siloRecipe(
  common: Recipe,
  federation: NonNullable<Recipe["federation"]>,
  text: SiloText,
): Recipe {
  return {
    ...common,
    sources: { [federation.as!]: text },
    pretrain: { ...common.pretrain, sourcesPerRound: 1 },
    federation,
  };
}
