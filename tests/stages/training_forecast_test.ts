import assert from "node:assert/strict";
import { join } from "node:path";
import { loadRecipe } from "../../pipeline/recipe.ts";
import { continuation } from "../../stages/continue.ts";
import { finetune } from "../../stages/finetune.ts";
import { pretrain } from "../../stages/pretrain.ts";
import { type Recipe, recipeSchema } from "../../stages/recipe.ts";
import { projectRoot } from "../support/paths.ts";

async function sample(): Promise<Recipe> {
  const folder = join(projectRoot, "pipeline/recipes");
  return await loadRecipe("sample", { folder, schema: recipeSchema }) as Recipe;
}

Deno.test("forecasts of training in a new store are within a factor of 2 of what a quiet machine took", async () => {
  const recipe = await sample();
  // Seconds in `run all` of the sample recipe, two instances at a time on two cores of an AMD EPYC, 2026-11-28.
  const measured = [
    [pretrain.declare(recipe, ["glob"]), 31.5],
    [pretrain.declare(recipe, ["std-t0"]), 12.3],
    [continuation.declare(recipe, ["glob", "random"]), 14.6],
    [finetune.declare(recipe, ["glob", "random", "sentiment"]), 12.4],
  ] as const;
  for (const [{ forecast }, seconds] of measured) {
    const ratio = forecast!.flops! / forecast!.flopsPerSecond! / seconds;
    assert.ok(ratio > 0.5 && ratio < 2, `${ratio}`);
  }
  // `deno task bench train`: 8,300 tokens a second on two threads of the same machine.
  const bench = { ...recipe, model: { ...recipe.model, nLayers: 4, dModel: 256, seqLen: 256 } };
  const two = { ...bench, engine: { ...bench.engine, threads: 2 } };
  const { flops, flopsPerSecond } = pretrain.declare(two, ["std-t0"]).forecast!;
  const { rounds, localSteps, batchSize } = recipe.pretrain;
  const ratio = flops! / flopsPerSecond! / (rounds * localSteps * batchSize * 256 / 8300);
  assert.ok(ratio > 0.5 && ratio < 2, `${ratio}`);
});

Deno.test("forecasts of training count activations, not weights alone", async () => {
  const recipe = await sample();
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
