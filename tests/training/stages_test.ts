/**
 * The stages of training one after the other, on the reference engine and a tiny recipe.
 */
import assert from "node:assert/strict";
import { openTokenShards, writeStatistics, writeTokenShards } from "../../datasets/mod.ts";
import { seedOf } from "../../pipeline/base/mod.ts";
import { silentLog, type Stage, type StageRun } from "../../pipeline/stage.ts";
import { continuation, run as runContinue } from "../../stages/continue.ts";
import { evaluate, run as runEvaluate } from "../../stages/evaluate.ts";
import { finetune, run as runFinetune } from "../../stages/finetune.ts";
import { pretrain, run as runPretrain } from "../../stages/pretrain.ts";
import type { Recipe } from "../../stages/recipe.ts";
import {
  firstByteId,
  saveTokenizer,
  specialIds,
  trainUnigram,
  unigramDefaults,
} from "../../tokenizers/mod.ts";
import { CheckpointStore, readCheckpoint } from "../../training/mod.ts";

const inner = {
  peakLearningRate: 0.01,
  warmupSteps: 1,
  finalFactor: 0.1,
  beta1: 0.9,
  beta2: 0.95,
  epsilon: 1e-8,
  weightDecay: 0,
  clipNorm: 1,
};

/** What the four stages read of a recipe. */
const recipe = {
  name: "tiny",
  engine: { kind: "reference", threads: 1, precision: "fp32" },
  sources: { left: { train: "-", validation: "-" }, right: { train: "-", validation: "-" } },
  outOfDistribution: [],
  model: {
    nLayers: 1,
    dModel: 8,
    nHeads: 2,
    expansion: 2,
    seqLen: 12,
    positions: "learned",
    bias: true,
  },
  pretrain: {
    variants: ["std-t1", "trim", "spec"],
    rounds: 2,
    localSteps: 2,
    sourcesPerRound: 2,
    batchSize: 2,
    microBatchSize: 2,
    inner,
    peakLearningRates: { "std-t1": 0.005 },
    outer: { kind: "average" },
    adamState: "reset",
    validationWindows: 2,
    checkpointEverySteps: 1,
  },
  continue: {
    starts: ["random", "pretrained"],
    steps: 3,
    sampling: "proportional",
    batchSize: 2,
    microBatchSize: 2,
    inner,
    pretrainedRateFactor: 0.5,
    checkpointEverySteps: 2,
  },
  evaluate: { batchSize: 3, bootstrapSamples: 20 },
  finetune: {
    tasks: {
      mood: { generator: "sentiment", options: {}, examples: { train: 6, dev: 4, test: 5 } },
    },
    epochs: 1,
    batchSize: 4,
    seqLen: 12,
    inner: { ...inner },
    warmupFraction: 0.1,
    languageModelWeight: 0.5,
  },
} as unknown as Recipe;

/** Runs instances by hand as the runner would: outputs lie in `<folder>/<instance>#<output>`. */
class Bench {
  constructor(readonly folder: string) {}

  async run<Params extends object>(
    stage: Stage<Recipe, Params>,
    run: StageRun<Params>,
    parts: readonly string[],
  ) {
    const instance = [stage.name, ...parts].join("/");
    const inputs = Object.fromEntries(
      Object.entries(stage.inputs(recipe, parts)).map((
        [name, ref],
      ) => [name, `${this.folder}/${ref}`]),
    );
    const outputs = Object.fromEntries(
      stage.outputs.map((name) => [name, `${this.folder}/${instance}#${name}`]),
    );
    for (const path of Object.values(outputs)) Deno.mkdirSync(path, { recursive: true });
    const seeds = typeof stage.seeds === "function"
      ? stage.seeds(recipe, parts)
      : stage.seeds ?? [];
    const patterns = seeds.map((pattern) => new RegExp(`^${pattern.replaceAll("*", ".*")}$`));
    const modules = await Promise.all(
      Object.entries(stage.uses?.(recipe, parts) ?? {}).map(async ([role, url]) => [
        role,
        await import(url),
      ]),
    );
    const summary = await run({
      instance,
      parts,
      params: stage.params(recipe, parts),
      inputs,
      files: {},
      outputs,
      checkpointFolder: `${this.folder}/checkpoints/${instance}`,
      seed(name) {
        assert.ok(patterns.some((pattern) => pattern.test(name)), `${name} is declared`);
        return seedOf(17, name);
      },
      modules: Object.fromEntries(modules),
      log: silentLog,
      signal: new AbortController().signal,
    });
    return { summary, outputs };
  }
}

async function writeTokens(folder: string): Promise<void> {
  const text = (source: string, split: string) =>
    Array.from({ length: 12 }, (_, i) => ({
      text: `${source} ${split} goes on and on ${"and on ".repeat(i % 4)}`,
    }));
  const all = ["left", "right"].flatMap((source) => text(source, "train"));
  const tokenizer = await trainUnigram(all, { ...unigramDefaults, vocabSize: 290 });
  Deno.mkdirSync(`${folder}/vocabulary/global#tokenizer`, { recursive: true });
  saveTokenizer(`${folder}/vocabulary/global#tokenizer`, tokenizer);
  for (const source of ["left", "right"]) {
    const at = (output: string) => `${folder}/tokenize/${source}/global#${output}`;
    for (const output of ["train", "validation", "statistics"]) {
      Deno.mkdirSync(at(output), { recursive: true });
    }
    for (const split of ["train", "validation"]) {
      const documents = text(source, split).map(({ text }) => ({
        ids: tokenizer.encode(text),
        bytes: text.length,
      }));
      await writeTokenShards(at(split), documents, {
        vocabSize: tokenizer.vocabSize,
        endId: specialIds.end,
      });
    }
    const shards = openTokenShards(at("train"));
    writeStatistics(at("statistics"), shards, {
      reservedPieces: firstByteId + 256,
      unknownId: specialIds.unknown,
    });
    shards.close();
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
      assert.equal(rows.length, 2 * (2 + 1)); // a row per round and source, and per round
    }
    await bench.run(continuation, runContinue, ["spec", "random"]);
    await bench.run(continuation, runContinue, ["trim", "pretrained"]);

    const { outputs: { losses } } = await bench.run(evaluate, runEvaluate, ["spec", "random"]);
    const { sources } = JSON.parse(Deno.readTextFileSync(`${losses}/summary.json`));
    assert.deepEqual(Object.keys(sources), ["left", "right"]);
    const { perplexity, perplexityInterval: [low, high], unigramNats, tokens } = sources.left;
    assert.ok(low <= perplexity && perplexity <= high);
    assert.ok(unigramNats / tokens < Math.log(290)); // it knows more than nothing

    const { outputs: { scores } } = await bench.run(finetune, runFinetune, [
      "spec",
      "random",
      "mood",
    ]);
    const found = JSON.parse(Deno.readTextFileSync(`${scores}/scores.json`));
    assert.deepEqual(
      [found.task, found.kind, found.metric, found.chance, found.ceiling],
      ["mood", "classification", "accuracy", 0.5, 0.9],
    );
    const lines = Deno.readTextFileSync(`${scores}/predictions.jsonl`).trim().split("\n");
    assert.equal(lines.length, 4 + 5);
    // Checkpoints were written on the way.
    assert.ok(new CheckpointStore(`${folder}/checkpoints/pretrain/trim`).latest());
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("stages leave out starts that cannot be, and say why", () => {
  assert.deepEqual(continuation.instances(recipe), [
    ["std-t1", "random"],
    ["std-t1", "pretrained"],
    ["trim", "random"],
    ["trim", "pretrained"],
    ["spec", "random"],
  ]);
  for (const stage of [continuation, evaluate, finetune]) {
    assert.match(
      stage.impossible!(recipe, ["spec", "pretrained"])!,
      /spec keeps an embedding for each source/,
    );
    assert.equal(stage.impossible!(recipe, ["trim", "pretrained"]), undefined);
  }
});

Deno.test("pretrain's parameters take a baseline's own peak rate", () => {
  assert.equal(pretrain.params(recipe, ["std-t1"]).inner.peakLearningRate, 0.005);
  assert.equal(pretrain.params(recipe, ["trim"]).inner.peakLearningRate, 0.01);
});
