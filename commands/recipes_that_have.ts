/**
 * Which of the project's recipes have what a user asked for, where the recipe at hand lacks it.
 */
import { UsageError } from "../base/mod.ts";
import { recipeNames } from "../pipeline/recipe.ts";
import type { Stage } from "../pipeline/stage.ts";
import type { BaseRecipe, Project } from "./project.ts";

/** A target that a stage makes on request, though its recipe does not list it. */
interface Request {
  readonly stage: Stage;
  readonly parts: readonly string[];
}

/**
 * Names, after an error of the plan, the recipes that have the requested targets which this one cannot have.
 *
 * @param load Reads a recipe by its name.
 * @returns the error as it was where no recipe has them, or where something else is wrong
 */
export async function withRecipesThatHave(
  { recipes: folder, stages }: Project,
  { recipe, targets, error }: {
    readonly recipe: BaseRecipe;
    readonly targets: readonly string[];
    readonly error: unknown;
  },
  load: (name: string) => Promise<BaseRecipe>,
): Promise<unknown> {
  if (!(error instanceof UsageError)) return error;
  const requests = targets.flatMap((target) => requestOf(stages, target))
    .filter((request) => faultOf(request, recipe)?.message === error.message);
  if (requests.length === 0) return error;
  const having: string[] = [];
  for (const name of recipeNames(folder)) {
    const other = await load(name);
    if (requests.every((request) => faultOf(request, other) === undefined)) having.push(name);
  }
  if (having.length === 0) return error;
  const which = having.length === 1 ? "the recipe that has it" : "recipes that have it";
  return new UsageError(`${error.message}; ${which}: ${having.join(", ")}`, { cause: error });
}

function requestOf(stages: readonly Stage[], target: string): Request[] {
  const [name, ...parts] = target.split("@")[0].split("/");
  const stage = stages.find((stage) => stage.name === name && !stage.overStudy);
  return stage?.onRequest === undefined ? [] : [{ stage, parts }];
}

/** Why a recipe cannot have it. */
function faultOf({ stage, parts }: Request, recipe: BaseRecipe): UsageError | undefined {
  try {
    if (stage.onRequest!(recipe, parts)) stage.declare(recipe, parts);
    return undefined;
  } catch (error) {
    if (error instanceof UsageError) return error;
    throw error;
  }
}
