import assert from "node:assert/strict";
import { join } from "node:path";
import { assumedStartMs, Forecaster, forecastPlan } from "../../pipeline/forecast.ts";
import { loadRecipe } from "../../pipeline/recipe.ts";
import { continuation } from "../../stages/continue.ts";
import { evaluate } from "../../stages/evaluate.ts";
import { finetune } from "../../stages/finetune.ts";
import { stages } from "../../stages/mod.ts";
import { pretrain } from "../../stages/pretrain.ts";
import { type Recipe, recipeSchema } from "../../stages/recipe.ts";
import { tinyRecipe } from "../support/command_line.ts";
import { plannerOf } from "../support/in_process.ts";
import { projectRoot } from "../support/paths.ts";
import { inTemporaryFolder } from "../support/toy_cli.ts";

async function load(name: string): Promise<Recipe> {
  const folder = join(projectRoot, "pipeline/recipes");
  return await loadRecipe(name, { folder, schema: recipeSchema }) as Recipe;
}

const sample = () => load("sample");

// Seconds of `run all` in a new store, two instances at a time on two cores of an AMD EPYC, 2026-11-29: the clock of a quiet machine for
// `sample`, half of the processor's time on a busy one for `tiny`, which is nearly all starts of processes.
for (const [name, seconds] of [["sample", 170], [tinyRecipe, 6.1]] as const) {
  Deno.test(`the forecast of a whole run in a new store is within a factor of 2 of what it took: ${name.split("/").at(-1)}`, () =>
    inTemporaryFolder(async (store) => {
      const planner = await plannerOf(stages, await load(name), store);
      const forecaster = new Forecaster(planner);
      const all = new Map([...planner.instances.keys()].map((id) => [id, forecaster.of(id)]));
      const machine = { threads: 2, memoryBytes: 8e9 };
      const { durationMs } = forecastPlan(all, planner.instances, 2, machine);
      const ratio = durationMs / 1000 / seconds;
      assert.ok(ratio > 0.5 && ratio < 2, `${ratio}`);
    }));
}

Deno.test("forecasts of training in a new store are within a factor of 2 of what a quiet machine took", async () => {
  const recipe = await sample();
  // Operations as they were counted, and seconds, in a `run all` of the sample recipe, two instances at a time on two cores of an
  // AMD EPYC, 2026-11-29.
  const measured = [
    [pretrain.declare(recipe, ["glob"]), 1.087e12, 25.2],
    [pretrain.declare(recipe, ["std-t0"]), 3.62e11, 9.9],
    [continuation.declare(recipe, ["glob", "random"]), 4.53e11, 9.7],
    [finetune.declare(recipe, ["trim", "random", "sentiment"]), 6.52e11, 14.0],
  ] as const;
  for (const [{ forecast }, flops, seconds] of measured) {
    const ratio = flops / forecast!.flopsPerSecond! / seconds;
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

Deno.test("the forecast of evaluation is within a factor of 2 of what it took, by the size of its texts", async () => {
  const { forecast, inputs } = evaluate.declare(await sample(), ["none", "random"]);
  const perByte = forecast!.flopsPerByte!;
  // Processor time of evaluate/none/random of the recipe `sample`, with its start, on two cores of an AMD EPYC, 2026-11-29, and the bytes
  // of its texts, which have 77,166 tokens: `deno task pipeline run evaluate/none/random --force --only`.
  const texts = {
    arithmetic: 26_747,
    code: 18_890,
    dorugai: 20_242,
    ithomeli: 23_747,
    shenmu: 25_299,
    varuni: 27_555,
    velsan: 21_467,
  };
  const seconds = 2.0;
  assert.deepEqual(
    Object.keys(perByte).sort(),
    Object.keys(inputs!).filter((name) => name.startsWith("test/")).sort(),
  );
  const flops = Object.entries(texts)
    .reduce((sum, [source, bytes]) => sum + bytes * perByte[`test/${source}`], 0);
  const ratio = (assumedStartMs / 1000 + flops / forecast!.flopsPerSecond!) / seconds;
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
  // `deno task instruments training-estimate` found 5.28 and 5.29 GB for 1 sequence, with one thread and with two, 7.88 and 8.76 GB for 4.
  assert.ok(memory(1) > 5.29e9 && memory(1) < 7e9, `${memory(1)}`);
  assert.ok(memory(4) > 8.76e9 && memory(4) < 10e9, `${memory(4)}`);
  assert.equal(memory("auto"), memory(1)); // 512 · 768 numbers of one sequence are more than the second cache holds
});
