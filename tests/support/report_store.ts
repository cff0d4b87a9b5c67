/**
 * A small store of real results for tests of reports: two sources, two models, a few steps, made in this process.
 */
import { join } from "node:path";
import { loadRecipe } from "../../pipeline/recipe.ts";
import { recipeSchema } from "../../stages/recipe.ts";
import { stages } from "../../stages/mod.ts";
import { tinyRecipe } from "./command_line.ts";
import { bringUpToDate, plannerOf } from "./in_process.ts";
import { projectRoot } from "./paths.ts";

const overrides = [
  "engine.kind=reference",
  "pretrain.variants=[std-t0-tokens,trim]",
  "pretrain.monitors.everySteps=2",
  "model.dModel=8",
  "model.seqLen=16",
  "continue.steps=2",
  "tables=[cost,bits-random,differences,pretraining]",
];

/** What a user types to mean these results. */
export const reportOptions: readonly string[] = [
  ...["--recipe", tinyRecipe],
  ...overrides.flatMap((override) => ["--set", override]),
];

/** Makes every result of the recipe, but no report. */
export async function makeReportStore(folder: string): Promise<void> {
  const recipe = await loadRecipe(tinyRecipe, {
    folder: join(projectRoot, "pipeline/recipes"),
    schema: recipeSchema,
    set: overrides,
  });
  const failures: string[] = [];
  const { failed, left } = await bringUpToDate(await plannerOf(stages, recipe, folder), {
    emit(event) {
      if (event.type === "failed") failures.push(event.message);
    },
  });
  if (failed.length + left.length > 0) {
    throw new Error(`Not made: ${[...failed, ...left].join(", ")}; ${failures}`);
  }
}
