/**
 * Runs the stage `documents` as the runner would: only what it declares is given to it.
 */
import { join } from "node:path";
import { seedOf } from "../../base/mod.ts";
import { loadRecipe } from "../../pipeline/recipe.ts";
import { silentLog, type StageSummary } from "../../pipeline/stage.ts";
import { documents, run } from "../../stages/documents.ts";
import { type Recipe, recipeSchema } from "../../stages/recipe.ts";
import { projectRoot } from "./paths.ts";

export const baseRecipe: Recipe = await loadRecipe("base", {
  folder: join(projectRoot, "pipeline/recipes"),
  schema: recipeSchema,
});

/** Runs an instance into a new folder of `folder`. */
export async function runDocuments(
  folder: string,
  recipe: Recipe,
  parts: string[],
  more: Partial<Parameters<typeof run>[0]> = {},
): Promise<{ output: string; summary: StageSummary }> {
  const output = Deno.makeTempDirSync({ dir: folder });
  const { params, hints, files = {}, seeds = [], uses = {} } = documents.declare(recipe, parts);
  const context: Parameters<typeof run>[0] = {
    hints,
    inputs: {},
    files,
    outputs: { documents: output },
    checkpointFolder: Deno.makeTempDirSync({ dir: folder }),
    seed(name) {
      if (!seeds.includes(name)) throw new RangeError(`seed ${name} was not declared`);
      return seedOf(recipe.seed, name);
    },
    modules: Object.fromEntries(
      await Promise.all(
        Object.entries(uses).map(async ([role, url]) => [role, await import(url as string)]),
      ),
    ),
    moduleUrls: {},
    log: silentLog,
    signal: new AbortController().signal,
    params,
    ...more,
  };
  return { output, summary: await run(context) };
}
