/**
 * What a recipe may ask of variants, tuning and plasticity runs.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { UsageError } from "../../base/mod.ts";
import { loadRecipe } from "../../pipeline/recipe.ts";
import { type Recipe, recipeSchema } from "../../stages/recipe.ts";
import { checkRecipe } from "../../stages/recipe_check.ts";
import { projectRoot } from "../support/paths.ts";

const folder = join(projectRoot, "pipeline/recipes");

async function refused(change: (recipe: Recipe) => Recipe, message: RegExp): Promise<void> {
  const recipe = await loadRecipe("sample", { folder, schema: recipeSchema }) as Recipe;
  checkRecipe(recipe);
  assert.throws(() => checkRecipe(change(recipe)), (error) => {
    assert.ok(error instanceof UsageError);
    assert.match(error.message, message);
    return true;
  });
}

Deno.test("checkRecipe() refuses an isolated source that is not trained on", () =>
  refused(
    (recipe) => ({
      ...recipe,
      outOfDistribution: ["velsan"],
      pretrain: { ...recipe.pretrain, variants: ["trim", "isolated-velsan"] },
    }),
    /pretrain\.variants to isolate sources that are trained on \(.*\), found "isolated-velsan"/,
  ));

Deno.test("checkRecipe() refuses plasticity runs on sources that are not there", () =>
  refused(
    (recipe) => ({
      ...recipe,
      continue: {
        ...recipe.continue,
        plasticity: { ...recipe.continue.plasticity, sources: ["velsan", "latin"] },
      },
    }),
    /continue\.plasticity\.sources to name sources \(.*\), found "latin"/,
  ));

Deno.test("checkRecipe() refuses to tune what is not trained", () =>
  refused(
    (recipe) => ({ ...recipe, tune: { ...recipe.tune, variants: ["std-t03"] } }),
    /tune\.variants to be among pretrain\.variants \(.*\), found std-t03/,
  ));

Deno.test("checkRecipe() refuses to fine-tune what is not trained", () =>
  refused(
    (recipe) => ({ ...recipe, finetune: { ...recipe.finetune, variants: ["trim", "std-t03"] } }),
    /finetune\.variants to be among pretrain\.variants \(.*\), found std-t03/,
  ));

Deno.test("recipeSchema takes every variant and outer optimizer, and nothing else", async () => {
  const recipe = await loadRecipe("sample", { folder, schema: recipeSchema }) as Recipe;
  const withPretrain = (change: object) =>
    recipeSchema.safeParse({ ...recipe, pretrain: { ...recipe.pretrain, ...change } }).success;
  for (const id of ["act", "local-sgd", "isolated-it", "std-t03-tokens", "spec-opt"]) {
    assert.ok(withPretrain({ variants: [id] }), id);
  }
  for (const id of ["isolated-", "isolated", "act-tokens", "std-t2"]) {
    assert.ok(!withPretrain({ variants: [id] }), id);
  }
  const fedadam = { kind: "fedadam", learningRate: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 1e-3 };
  for (
    const outer of [
      { kind: "average" },
      { kind: "nesterov", learningRate: 0.7, momentum: 0.9 },
      fedadam,
    ]
  ) assert.ok(withPretrain({ outer }), outer.kind);
  assert.ok(!withPretrain({ outer: { kind: "nesterov", learningRate: 0.7 } }));
  assert.ok(!withPretrain({ outer: { ...fedadam, momentum: 1 } }));
});
