/**
 * Runs the stage `documents` as the runner would: only what it declares is given to it.
 */
import { join } from "node:path";
import { seedOf } from "../../base/mod.ts";
import { loadRecipe } from "../../pipeline/recipe.ts";
import { silentLog, type StageContext, type StageSummary } from "../../pipeline/stage.ts";
import { documents, type DocumentsParams, run } from "../../stages/documents.ts";
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
  more: Partial<StageContext> = {},
): Promise<{ output: string; summary: StageSummary }> {
  const output = Deno.makeTempDirSync({ dir: folder });
  const roles = Object.entries(documents.uses!(recipe, parts));
  const { seeds } = documents;
  const names = typeof seeds === "function" ? seeds(recipe, parts) : seeds ?? [];
  const context: StageContext<DocumentsParams> = {
    hints: documents.hints!(recipe, parts) as Record<string, unknown>,
    inputs: {},
    files: documents.files!(recipe, parts),
    outputs: { documents: output },
    checkpointFolder: Deno.makeTempDirSync({ dir: folder }),
    seed(name) {
      if (!names.includes(name)) throw new RangeError(`seed ${name} was not declared`);
      return seedOf(recipe.seed, name);
    },
    modules: Object.fromEntries(
      await Promise.all(roles.map(async ([role, url]) => [role, await import(url)])),
    ),
    moduleUrls: {},
    log: silentLog,
    signal: new AbortController().signal,
    ...more,
    params: documents.params(recipe, parts),
  };
  return { output, summary: await run(context) };
}
