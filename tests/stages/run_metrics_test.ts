import assert from "node:assert/strict";
import { kind as budget } from "../../stages/report/budget.ts";
import { kind as costMeasured } from "../../stages/report/cost_measured.ts";
import { metricsOf } from "../../stages/report/run_metrics.ts";
import { loadRecipe } from "../../pipeline/recipe.ts";
import { recipeSchema } from "../../stages/recipe.ts";
import { writeMetrics } from "../../training/mod.ts";
import { temporaryFolder } from "../support/command_line.ts";

Deno.test("a variant that takes no step has no rows of metrics, and zeros in table budget", async () => {
  using folder = temporaryFolder();
  writeMetrics(folder.path, { metrics: [], monitors: [] });
  assert.deepEqual(metricsOf(folder.path, "local"), []);
  const recipe = await loadRecipe("sample", {
    folder: "pipeline/recipes",
    schema: recipeSchema,
    set: ["pretrain.variants=[none]"],
  });
  const { params } = budget.declare(recipe, "budget");
  const { rows } = await budget.build(params, { "metrics/none": folder.path });
  assert.deepEqual(rows[0].cells.map(({ value }) => value), [0, 0, null, 0, 0, 0]);
});

Deno.test("table cost-measured has no row for a variant that takes no step", async () => {
  const recipe = await loadRecipe("sample", {
    folder: "pipeline/recipes",
    schema: recipeSchema,
    set: ["pretrain.variants=[none, std-t0]"],
  });
  const { params, inputs } = costMeasured.declare(recipe, "cost-measured");
  assert.deepEqual(params.methods, [["std-t0", "std"]]);
  assert.equal("metrics/none" in inputs, false);
});
