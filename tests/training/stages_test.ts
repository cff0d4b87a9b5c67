/**
 * The stages of training one after the other, on the reference engine and a tiny recipe.
 */
import assert from "node:assert/strict";
import { openTokenShards } from "../../datasets/mod.ts";
import { continuation, run as runContinue } from "../../stages/continue.ts";
import { evaluate, run as runEvaluate } from "../../stages/evaluate.ts";
import { finetune, run as runFinetune } from "../../stages/finetune.ts";
import { ngrams, run as runNgrams } from "../../stages/ngrams.ts";
import { pretrain, run as runPretrain } from "../../stages/pretrain.ts";
import { tableEntry } from "../../stages/report/kinds.ts";
import type { Table } from "../../stages/report/table.ts";
import { run as runTune, tune } from "../../stages/tune.ts";
import { CheckpointStore, readCheckpoint } from "../../training/mod.ts";
import { StageBench, writeTokens } from "../support/stage_bench.ts";
import { recipe } from "../support/stages_recipe.ts";

/** Runs instances by hand, and makes tables of their outputs. */
class Bench extends StageBench {
  constructor(folder: string) {
    super(folder, recipe);
  }

  /** A table of the variants that have run that far. */
  async table(name: string): Promise<Table> {
    const { kind } = tableEntry(name);
    const isOfLosses = /random$|^exposure$/.test(name);
    const ofTable = name === "plasticity" ? ["trim"] : recipe.pretrain.variants;
    const variants = isOfLosses ? ["isolated-right", "trim", "spec"] : ofTable;
    const part = { ...recipe, pretrain: { ...recipe.pretrain, variants } };
    const declared = kind.declare(part, name);
    const inputs = Object.fromEntries(
      Object.entries(declared.inputs).map(([key, ref]) => [key, `${this.folder}/${ref}`]),
    );
    return await kind.build(declared.params, inputs);
  }
}

Deno.test("pretrain, continue, evaluate and finetune work on each other's outputs", async () => {
  const folder = Deno.makeTempDirSync();
  try {
    await writeTokens(folder);
    const bench = new Bench(folder);
    for (const variant of ["trim", "spec"]) {
      const { outputs } = await bench.run(pretrain, runPretrain, [variant]);
      const groups = Object.keys(readCheckpoint(outputs.best).groups).sort();
      const expected = variant === "spec" ? ["local-left", "local-right", "model"] : ["model"];
      assert.deepEqual(groups, expected);
      const rows = Deno.readTextFileSync(`${outputs.metrics}/metrics.jsonl`).trim().split("\n");
      assert.equal(rows.length, 2 * (2 + 1) + 2); // per round and source, per round, and per source
    }
    // The search takes the rate that it is given, unless that run diverges; pre-training then takes the search's.
    const { outputs: { rate } } = await bench.run(tune, runTune, ["std-t1"]);
    const found = JSON.parse(Deno.readTextFileSync(`${rate}/rate.json`));
    assert.equal(found.peakLearningRate, 0.005);
    assert.equal(found.attempts.length, 1);
    const { summary: tuned } = await bench.run(pretrain, runPretrain, ["std-t1"]);
    assert.equal(tuned!.validationLossNats, found.attempts[0].bestLossNats);
    for (const variant of ["act", "local-sgd", "isolated-right"]) {
      await bench.run(pretrain, runPretrain, [variant]);
    }

    const { outputs: { metrics } } = await bench.run(continuation, runContinue, [
      "trim",
      "random",
      "right",
    ]);
    const curve = Deno.readTextFileSync(`${metrics}/metrics.jsonl`).trim().split("\n")
      .map((line) => JSON.parse(line)).filter(({ kind }) => kind === "validation");
    assert.deepEqual(curve.map(({ step }) => step), [0, 1, 2]);
    await bench.run(continuation, runContinue, ["spec", "random"]);
    await bench.run(continuation, runContinue, ["trim", "pretrained"]);

    const { outputs: { losses } } = await bench.run(evaluate, runEvaluate, ["spec", "random"]);
    const { sources } = JSON.parse(Deno.readTextFileSync(`${losses}/summary.json`));
    assert.deepEqual(Object.keys(sources), ["left", "right"]);
    const { perplexity, perplexityInterval: [low, high], unigramNats, tokens } = sources.left;
    assert.ok(low <= perplexity && perplexity <= high);
    assert.ok(unigramNats / tokens < Math.log(290)); // it knows more than nothing

    // Each source's own table predicts the same tokens as the model that was continued.
    const own = await bench.run(evaluate, runEvaluate, ["spec", "pretraining"]);
    const end = JSON.parse(Deno.readTextFileSync(`${own.outputs.losses}/summary.json`)).sources;
    for (const source of ["left", "right"]) {
      assert.deepEqual(
        [end[source].tokens, end[source].bytes],
        [sources[source].tokens, sources[source].bytes],
      );
      // The test text is like the validation text, on which pre-training has judged the same tables.
      const rows = Deno.readTextFileSync(`${folder}/pretrain/spec#metrics/metrics.jsonl`).trim();
      const { validation } = rows.split("\n").map((line) => JSON.parse(line))
        .findLast(({ kind, isBest }) => kind === "round" && isBest);
      const nats = end[source].lossNats / end[source].tokens;
      assert.ok(Math.abs(nats - validation[source].lossNats) < 0.5, `${source}: ${nats}`);
    }
    await bench.run(evaluate, runEvaluate, ["trim", "pretraining"]);
    const bits: number[] = [];
    for (const order of ["unigram", "bigram", "trigram"]) {
      const { summary } = await bench.run(ngrams, runNgrams, [order]);
      bits.push(summary!.meanBitsPerByte as number);
    }
    assert.ok(bits[0] > bits[1] && bits[1] > bits[2], bits.join()); // the text repeats itself

    const { outputs: { scores } } = await bench.run(finetune, runFinetune, [
      "spec",
      "random",
      "mood",
    ]);
    const scored = JSON.parse(Deno.readTextFileSync(`${scores}/scores.json`));
    assert.deepEqual(
      [scored.task, scored.kind, scored.metric, scored.chance, scored.ceiling],
      ["mood", "classification", "accuracy", 0.5, 0.9],
    );
    assert.equal(scored.runs.length, 2);
    assert.equal(scored.test, (scored.runs[0].test + scored.runs[1].test) / 2);
    const lines = Deno.readTextFileSync(`${scores}/predictions.jsonl`).trim().split("\n");
    assert.equal(lines.length, 2 * (4 + 5));
    await checkTables(bench);
    // Checkpoints were written on the way.
    assert.ok(new CheckpointStore(`${folder}/checkpoints/pretrain/trim`).latest());
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

/** The tables that can be made of what the bench has run. */
async function checkTables(bench: Bench): Promise<void> {
  const cells = (table: Table) =>
    new Map(table.rows.map((row) => [row.label, row.cells.map(({ value }) => value)]));
  for (const variant of ["trim", "isolated-right"]) {
    await bench.run(continuation, runContinue, [variant, "random"]);
    await bench.run(evaluate, runEvaluate, [variant, "random"]);
  }

  const measured = cells(await bench.table("cost-measured"));
  for (const variant of ["trim", "spec", "local-sgd"]) {
    // Both sources take part in every round, so that means over sources and over samples are the same.
    const [formula, held, , sentFormula, sent, received] = measured.get(variant)!;
    assert.equal(held, formula, variant);
    assert.equal(sent, sentFormula, variant);
    assert.equal(received, sentFormula, variant);
  }
  assert.deepEqual(measured.get("act")!.slice(4), [null, null, null]); // nothing travelled

  const drift = await bench.table("drift");
  assert.deepEqual(
    drift.rows.map(({ label, cells }) => `${label} ${cells[0].value}`),
    ["local-sgd 1", "local-sgd 2", "trim 1", "trim 2", "spec 1", "spec 2"],
  );
  assert.ok(drift.rows.every(({ cells }) => (cells[1].value as number) > 0));

  const averaging = await bench.table("averaging");
  assert.deepEqual(
    averaging.rows.map(({ label, cells }) => `${label} ${cells[0].value}`),
    ["trim left", "trim right", "spec left", "spec right"],
  );
  for (const { cells: [, alone, averaged, rise] } of averaging.rows) {
    assert.equal(rise.value, (averaged.value as number) - (alone.value as number));
  }
  assert.match(averaging.notes[1], /^trim: the average raised the loss in [0-2] of 2 rounds$/);

  const budget = cells(await bench.table("budget"));
  // 2 rounds of 2 steps of 2 sequences of 12 tokens, of two sources in a round
  assert.deepEqual(budget.get("std-t1")!.slice(0, 3), [96, 4, 0.005]); // the rate of the search
  for (const variant of ["isolated-right", "local-sgd", "trim", "spec"]) {
    assert.deepEqual(budget.get(variant)!.slice(0, 2), [192, 4], variant);
  }
  const flops = (variant: string) => budget.get(variant)![3] as number;
  assert.equal(flops("isolated-right"), 2 * flops("std-t1"));
  assert.equal(flops("local-sgd"), 2 * flops("std-t1"));
  assert.ok(flops("trim") < flops("local-sgd")); // a smaller table
  assert.equal(budget.get("act")![5], 0); // nothing travelled
  const exposure = await bench.table("exposure");
  const rowsOf = (variant: string) =>
    exposure.rows.filter(({ label }) => label === variant)
      .map(({ cells }) => cells.map(({ value }) => value));
  const windows = (source: string) => {
    const shards = openTokenShards(`${bench.folder}/tokenize/${source}/global#train`);
    shards.close();
    return Math.floor(shards.tokens / 12);
  };
  const all = ["left", "right"].map(windows);
  const kept = all.map((count) => Math.floor(0.4 * count));
  // Both sources in both rounds, 2 steps of 2 windows each; continuation shares 3 steps of 2 windows among them.
  const [epochs, continued, rounds, tokens, continuedTokens] = rowsOf("trim");
  assert.deepEqual(epochs, ["epochs", ...all.map((count, k) => 8 / (count - kept[k]))]);
  assert.deepEqual([rounds, tokens], [["rounds", 2, 2], ["tokens", 96, 96]]);
  const shared = continuedTokens.slice(1) as number[];
  assert.equal(shared[0] + shared[1], 72);
  assert.deepEqual(continued.slice(1), shared.map((count, k) => count / 12 / kept[k]));
  assert.deepEqual(rowsOf("isolated-right").slice(2, 4), [
    ["rounds", null, null],
    ["tokens", 0, 192],
  ]);
  assert.deepEqual(cells(await bench.table("tuning")).get("std-t1")!.slice(0, 3), [
    0.005,
    0.005,
    1,
  ]);

  const plasticity = await bench.table("plasticity");
  assert.deepEqual(plasticity.columns, ["", "step 0", "step 1", "step 2"]);
  const [before, , after] = cells(plasticity).get("right: trim") as number[];
  assert.ok(after < before);
  assert.equal(cells(plasticity).get("all sources: trim")![0], null);

  const isolated = cells(await bench.table("isolated-random"));
  const [alone, trim, spec, gain] = [
    "isolated-right",
    "trim",
    "spec",
    "advantage over isolated-right %",
  ]
    .map((label) => isolated.get(label)![0] as number);
  assert.ok(Math.abs(gain - (100 * (alone - Math.min(trim, spec))) / alone) < 1e-9);

  const unigram = cells(await bench.table("unigram"));
  const normalised = cells(await bench.table("normalised-random"));
  const perplexity = cells(await bench.table("perplexity-random"));
  const [ce] = unigram.get("UNIGRAM-CE, global tokenizer") as number[];
  assert.ok(ce > 0 && ce < Math.log(290));
  // Nats above the unigram model's, on the tokens that a window predicts.
  const [difference] = normalised.get("trim") as number[];
  const [unigramCe] = perplexity.get("UNIGRAM-CE") as number[];
  assert.ok(Math.abs(difference + unigramCe - Math.log(trim)) < 1e-9);
}

Deno.test("stages leave out starts that cannot be, and say why", () => {
  const models = ["std-t1", "act", "local-sgd", "isolated-right", "trim"].flatMap((variant) => [
    [variant, "random"],
    [variant, "pretrained"],
  ]);
  models.push(["spec", "random"]);
  assert.deepEqual(evaluate.instances(recipe), [
    ...recipe.pretrain.variants.map((variant) => [variant, "pretraining"]),
    ...models,
  ]);
  // Runs on a single source follow; nothing is evaluated or fine-tuned after them.
  assert.deepEqual(continuation.instances(recipe), [
    ...models,
    ...recipe.pretrain.variants.map((variant) => [variant, "random", "right"]),
  ]);
  assert.match(
    continuation.impossible!(recipe, ["trim", "random", "left"])!,
    /no plasticity run on "left"/,
  );
  for (const stage of [continuation, evaluate, finetune]) {
    assert.match(
      stage.impossible!(recipe, ["spec", "pretrained"])!,
      /spec keeps an embedding for each source/,
    );
    assert.equal(stage.impossible!(recipe, ["trim", "pretrained"]), undefined);
  }
});

Deno.test("pretrain of an isolated source needs that source alone, of a tuned variant its rate", () => {
  assert.deepEqual(Object.keys(pretrain.declare(recipe, ["isolated-right"]).inputs!), [
    "train/right",
    "validation/right",
    "statistics/right",
  ]);
  assert.equal(pretrain.declare(recipe, ["std-t1"]).inputs!.rate, "tune/std-t1#rate");
  assert.equal(pretrain.declare(recipe, ["trim"]).inputs!.rate, undefined);
  assert.deepEqual(tune.instances(recipe), [["std-t1"]]);
  assert.match(tune.impossible!(recipe, ["trim"])!, /add trim to tune.variants/);
});

Deno.test("pretrain's parameters take a baseline's own peak rate", () => {
  assert.equal(pretrain.declare(recipe, ["std-t1"]).params.inner.peakLearningRate, 0.005);
  assert.equal(pretrain.declare(recipe, ["trim"]).params.inner.peakLearningRate, 0.01);
});
