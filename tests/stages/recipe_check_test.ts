/**
 * What a recipe is refused for, with the place where it says it.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { callerFolder } from "../../commands/caller_folder.ts";
import { project } from "../../commands/dept.ts";
import { loadStudy } from "../../pipeline/recipe.ts";
import { networkDefaults } from "../../model/mod.ts";
import type { Recipe } from "../../stages/mod.ts";
import { temporaryFolder, tinyRecipe } from "../support/command_line.ts";

/** Loads the tiny recipe with overrides, as a command does that plans. */
const load = (...set: string[]) =>
  loadStudy(tinyRecipe, { ...project, folder: project.recipes, set });

Deno.test("networkDefaults are what base.yaml says", async () => {
  const { model } = (await load()).recipe as Recipe;
  for (const [option, value] of Object.entries(networkDefaults)) {
    assert.equal(model[option as keyof typeof networkDefaults], value, option);
  }
});

const refused: Readonly<Record<string, RegExp>> = {
  "pretrain.variants=[trim, trim]": /pretrain\.variants\.1: expected each item of the list once/,
  "continue.starts=[random, random]": /continue\.starts\.1: expected each item/,
  "tables=[bits-random, bits-random]": /tables\.1: expected each item/,
  "figures=[stability, stability]": /figures\.1: expected each item/,
  "tune.variants=[std-t0, std-t0]": /tune\.variants\.1: expected each item/,
  "continue.plasticity.sources=[code, code]": /plasticity\.sources\.1: expected each item/,
  "outOfDistribution=[code, code]": /outOfDistribution\.1: expected each item/,
  "documents.clean=[nfc, nfc]": /documents\.clean\.1: expected each item/,
  "sources.code={train: [a.txt, a.txt], validation: b.txt}":
    /sources\.code\.train\.1: expected each/,
  "tune.variants=[none]": /tune\.variants to name variants that are trained, found none/,
  "engine.threads=1025": /engine\.threads: expected at most 1024, found 1025/,
  "pretrain.parallelSources=1025": /parallelSources: expected at most 1024/,
  "model.nLayers=9007199254740991": /model\.nLayers: expected at most 10000/,
  "model.dModel=1048577": /model\.dModel: expected at most 1048576/,
  "model.seqLen=1": /model\.seqLen: expected at least 2, found 1/,
  "model={positions: rotary, rotaryFraction: 0.2}": // 1.6 of 8 channels
    /model\.rotaryFraction to turn an even number of the 8 channels of a head, found 0\.2, of 1/,
  "finetune.seqLen=7": /finetune\.seqLen: expected at least 8/, // four of them may be special
  "pretrain.inner.beta1=1": /pretrain\.inner\.beta1: expected less than 1, found 1/,
  "continue.inner.beta2=1": /continue\.inner\.beta2: expected less than 1/,
  "finetune.inner.beta2=1": /finetune\.inner\.beta2: expected less than 1/,
  "pretrain.outer={kind: nesterov, learningRate: 1, momentum: 1}": /momentum: expected less than 1/,
  "pretrain.outer.momentum=0.5":
    /key "momentum" in pretrain\.outer: it does not go with kind: average/,
  "pretrain.outer.kind=nesterof": /one of average, nesterov, .* \(did you mean "nesterov"\?\)/,
  "pretrain.quorum.share=0.5":
    /quorum\.share to be 1 without a number of seconds as pretrain\.quorum\.afterSeconds, found 0\.5/,
  "pretrain.quorum.afterSeconds=60":
    /quorum\.afterSeconds to be null where pretrain\.quorum\.share is 1, which waits for all, found 60/,
  "pretrain.quorum.share=0": /quorum\.share: expected more than 0/,
  "evaluate.bootstrapSamples=1000000000": /bootstrapSamples: expected at most 1000000/,
  "sources.constructor.generator=code": /key "constructor" in sources: expected another name/,
  "engine.kind=cdua": /engine "cdua": .* \(did you mean "cuda"\?\)/,
  "pretrain.variants=[tirm]": /variants\.0: expected one of .* \(did you mean "trim"\?\)/,
  "pretrain.peakLearningRates.trimm=1": /peakLearningRates\.trimm to be of a variant: .*"trim"/,
  // 10,000 blocks of 2^20 × 2^20 numbers have more bytes than a number counts.
  "model={nLayers: 10000, dModel: 1048576}": /model to have at most 2\^49 parameters/,
  "pretrain={rounds: 1000000000000, localSteps: 1000000}": /pretrain to take at most 2\^53 tokens/,
  "pretrain={batchSize: 1000000000000, microBatchSize: 1000000000000, rounds: 1, localSteps: 1}":
    /pretrain\.microBatchSize to let training take at most 2\^53 bytes of memory, found \d+/,
  "finetune.batchSize=1000000000000":
    /finetune\.batchSize to let training take at most 2\^53 bytes/,
  "documents.maxRowBytes=1000000000": /maxRowBytes: expected at most 536870888/,
  "finetune.tasks.x={generator: sentiment, examples: {train: 1000000000, dev: 1, test: 1}}":
    /examples\.train: expected at most 10000000/,
  "continue.steps=1000000000000000": /continue\.steps: expected at most 1000000000000, /,
};

for (const [override, message] of Object.entries(refused)) {
  Deno.test(`a recipe is refused for ${override}, with its place`, async () => {
    await assert.rejects(load(override), (error: Error) => {
      assert.equal(error.name, "UsageError");
      assert.match(error.message, message);
      if (!override.startsWith("engine.kind")) {
        assert.ok(error.message.startsWith(`--set ${override}: Cannot`), error.message);
      }
      return true;
    });
  });
}

Deno.test("a check of relations names line and column of the item at fault", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "mine.yaml");
  Deno.writeTextFileSync(path, "extends: sample\noutOfDistribution: [code, kode]\n");
  await assert.rejects(loadStudy(path, { ...project, folder: project.recipes }), {
    message: /mine\.yaml:2:27: .* to name sources \(.*\) \(did you mean "code"\?\), found "kode"/,
  });
});

Deno.test("callerFolder() is where deno task was called, which runs everything in the folder of deno.json", () => {
  const before = Deno.env.get("INIT_CWD");
  try {
    Deno.env.set("INIT_CWD", "/elsewhere");
    assert.equal(callerFolder(Deno.cwd()), "/elsewhere");
    assert.equal(callerFolder("/other"), Deno.cwd()); // no task: the variable is of another one
    Deno.env.delete("INIT_CWD");
    assert.equal(callerFolder(Deno.cwd()), Deno.cwd());
  } finally {
    if (before !== undefined) Deno.env.set("INIT_CWD", before);
  }
});

Deno.test("an axis of a study names no key that a map cannot keep", async () => {
  await assert.rejects(
    load("study={axes: {a: {key: sources.__proto__.generator, values: [code]}}}"),
    /Cannot read key "sources\.__proto__\.generator": expected another name/,
  );
});

Deno.test("a study of too many cells is refused before any is made", async () => {
  const axis = (key: string) =>
    `{ key: ${key}, values: [${Array.from({ length: 40 }, (_, i) => i + 1)}] }`;
  await assert.rejects(
    load(`study={axes: {a: ${axis("seed")}, b: ${axis("pretrain.rounds")}}}`),
    /expected at most 1000 cells .*, found 1600/,
  );
});
