import assert from "node:assert/strict";
import { join } from "node:path";
import { loadRecipe } from "../../pipeline/recipe.ts";
import { continuation } from "../../stages/continue.ts";
import { pretrain } from "../../stages/pretrain.ts";
import { type Recipe, recipeSchema } from "../../stages/recipe.ts";
import { projectRoot } from "../support/paths.ts";

Deno.test("forecasts of training count activations, not weights alone", async () => {
  const folder = join(projectRoot, "pipeline/recipes");
  const recipe = await loadRecipe("sample", { folder, schema: recipeSchema }) as Recipe;
  const model = { ...recipe.model, nLayers: 12, dModel: 768, nHeads: 12, seqLen: 512 };
  const vocabulary = { ...recipe.vocabulary, global: { vocabSize: 50_257 } };
  const memory = (microBatchSize: number | "auto") => {
    const changed = {
      ...recipe,
      model,
      vocabulary,
      pretrain: { ...recipe.pretrain, microBatchSize },
      continue: { ...recipe.continue, microBatchSize },
    };
    const of = [
      pretrain.declare(changed, ["trim"]).forecast!,
      continuation.declare(changed, ["trim"]).forecast!,
    ];
    assert.equal(of[0].memoryBytes, of[1].memoryBytes);
    return of[0].memoryBytes!;
  };
  // `deno task instruments training-estimate` found 5.1 and 7.6 GB for 1 and 4 sequences.
  assert.ok(memory(1) > 5.1e9 && memory(1) < 7e9, `${memory(1)}`);
  assert.ok(memory(4) > 7.6e9 && memory(4) < 10e9, `${memory(4)}`);
  assert.equal(memory("auto"), memory(1));
});
