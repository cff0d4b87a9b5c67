/**
 * All stages, in the order of the pipeline.
 *
 * ```ts
 * import { stages } from "./mod.ts";
 * console.log(stages.map((stage) => stage.name).join(" → "));
 * ```
 */
import type { Stage } from "../pipeline/stage.ts";
import { variantNamed } from "../training/mod.ts";
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
    federate,
  ]
    .map(
      withText,
    ),
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
export { allSources, sourceSpecs, splitFiles } from "./sources.ts";

/** Stages of a silo, and those of its leader: the rest of a recipe is not theirs. */
const atHome: readonly Stage[] = [documents, vocabulary, tokenize, participate];
const inLead: readonly Stage[] = [vocabulary, federate];

/** A stage of which some recipes have no instances: those without text, and those of a party that has a part of a run. */
function withText(stage: Stage<Recipe>): Stage<Recipe> {
  const whyNone = (recipe: Recipe) => {
    if (isOnlyCosted(recipe)) {
      return `recipe "${recipe.name}" names no text to run on, it can only be costed: run table/cost`;
    }
    if (recipe.federation === null) return undefined;
    const [party, own] = isLed(recipe) ? ["the leader", inLead] : ["a silo", atHome];
    return own.includes(stage as Stage)
      ? undefined
      : `recipe "${recipe.name}" is that of ${party} of a run of several parties`;
  };
  // Where each source has its own vocabulary, a silo needs no other.
  const isOfNobody = ({ federation, pretrain }: Recipe, parts: readonly string[]) =>
    federation !== null && parts.includes("global") &&
    variantNamed(pretrain.variants[0]).training.vocabulary === "own";
  // A leader has no text to train one on.
  const adopted = (recipe: Recipe) => vocabularyFile(recipe) === undefined ? [] : [["global"]];
  return {
    ...stage,
    instances: (recipe) =>
      whyNone(recipe) !== undefined
        ? []
        : isLed(recipe) && stage === vocabulary
        ? adopted(recipe)
        : stage.instances(recipe).filter((parts) => !isOfNobody(recipe, parts)),
    impossible: (recipe, parts) => whyNone(recipe) ?? stage.impossible?.(recipe, parts),
  };
}
