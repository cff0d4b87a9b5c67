/**
 * All stages, in the order of the pipeline.
 *
 * ```ts
 * import { stages } from "./mod.ts";
 * console.log(stages.map((stage) => stage.name).join(" → "));
 * ```
 */
import type { Stage } from "../pipeline/stage.ts";
import { cluster } from "./cluster.ts";
import { continuation } from "./continue.ts";
import { documents } from "./documents.ts";
import { evaluate } from "./evaluate.ts";
import { external } from "./external.ts";
import { federate } from "./federate.ts";
import { figure } from "./figure.ts";
import { finetune } from "./finetune.ts";
import { gradients } from "./gradients.ts";
import { ngrams } from "./ngrams.ts";
import { participate } from "./participate.ts";
import { pretrain } from "./pretrain.ts";
import type { Recipe } from "./recipe.ts";
import { route } from "./route.ts";
import { report, studyReport } from "./report.ts";
import { isLed, isOnlyCosted } from "./sources.ts";
import { stitch } from "./stitch.ts";
import { studyFigure } from "./study_figure.ts";
import { studyTable } from "./study_table.ts";
import { table } from "./table.ts";
import { tokenize } from "./tokenize.ts";
import { tune } from "./tune.ts";
import { vocabulary } from "./vocabulary.ts";
import { vocabularyFile } from "./vocabulary_file.ts";

export const stages: readonly Stage<Recipe>[] = [
  ...[
    documents,
    vocabulary,
    external,
    tokenize,
    cluster,
    ngrams,
    tune,
    pretrain,
    participate,
    gradients,
    stitch,
    continuation,
    evaluate,
    route,
    finetune,
  ]
    .map(
      withText,
    ),
  federate,
  table,
  studyTable as Stage,
  figure,
  studyFigure as Stage,
  report,
  studyReport as Stage,
];
export { tableFromRecipe } from "./table.ts";
export { recipeSizesNote, withSizes } from "./sizes.ts";
export { type Recipe, recipePaths, recipeSchema } from "./recipe.ts";
export { checkRecipe } from "./recipe_check.ts";
export { keysPath, type PartyKeys, readKeys } from "./federation.ts";
export { waitForSilos } from "./federation_joining.ts";
export { commonRecipe, leaderRecipe, siloRecipe, type SiloText } from "./federation_recipes.ts";
export { pretrainParams } from "./pretrain.ts";
export { allSources, sourceSpecs } from "./sources.ts";

/** A stage that a recipe without text has no instances of, but for a tokenizer of others. */
function withText(stage: Stage<Recipe>): Stage<Recipe> {
  const adopted = (recipe: Recipe) =>
    stage === vocabulary && vocabularyFile(recipe) !== undefined ? [["global"]] : [];
  return {
    ...stage,
    instances: (recipe) =>
      isOnlyCosted(recipe) ? [] : isLed(recipe) ? adopted(recipe) : stage.instances(recipe),
    impossible: (recipe, parts) =>
      isOnlyCosted(recipe)
        ? `recipe "${recipe.name}" names no text to run on, it can only be costed: run table/cost`
        : isLed(recipe)
        ? `recipe "${recipe.name}" leads silos, which have the text: run federate`
        : stage.impossible?.(recipe, parts),
  };
}
