/**
 * A fine-tuned model leaves: from training to a folder of a class that scores texts.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { project } from "../../commands/dept.ts";
import { exportModel } from "../../commands/export.ts";
import { StageError, UsageError } from "../../base/mod.ts";
import { readCheckpoint } from "../../training/mod.ts";
import { pipeline, temporaryFolder, tinyRecipe } from "../support/command_line.ts";

Deno.test("finetune.keepsModel keeps the weights besides the same scores, and export writes them", async () => {
  using folder = temporaryFolder();
  const at = (name: string) => join(folder.path, name);
  const store = at("store");
  const set = ["pretrain.variants=[none]", "model.bias=false", "model.expansion=4"];
  const keeping = [...set, "finetune.keepsModel=true", "finetune.headBias=false"];
  const target = "finetune/none/random/sentiment";
  const run = async (words: readonly string[], set: readonly string[]) => {
    const options = ["--recipe", tinyRecipe, "--store", store];
    const done = await pipeline([...words, ...options, ...set.flatMap((one) => ["--set", one])]);
    return { ...done, output: done.stdout + done.stderr };
  };
  const made = await run(["run", target], keeping);
  assert.equal(made.code, 0, made.output);

  const plan = { recipe: tinyRecipe, store, checkpoint: "best" };
  await exportModel(project, target, at("hf"), { ...plan, set: keeping, as: ["hf"] });
  const config = JSON.parse(Deno.readTextFileSync(join(at("hf"), "config.json")));
  assert.deepEqual(config.architectures, ["MptForSequenceClassification"]);
  const card = Deno.readTextFileSync(join(at("hf"), "README.md"));
  assert.match(card, /Fine-tuned on the task `sentiment` \(classification\)/);
  assert.match(card, /\| accuracy on test of sentiment \| {2}\| \d/);
  assert.match(card, /\| arithmetic \| invented by the generator/); // the text that it was continued on

  const pathOf = async (output: string, set: readonly string[]) =>
    (await run(["path", `${target}#${output}`], set)).stdout.trim();
  const { groups, state } = readCheckpoint(await pathOf("model", keeping));
  assert.deepEqual(groups.model["head.weight"].shape[0], 2);
  assert.equal(groups.model["head.bias"], undefined);
  assert.deepEqual((state as { head: unknown }).head, {
    ...{ task: "sentiment", kind: "classification", nClasses: 2, metric: "accuracy", seqLen: 48 },
    ...{ hasBias: false, mean: 0, deviation: 1 },
  });

  await assert.rejects(
    exportModel(project, target, at("gguf"), { ...plan, set: keeping, as: ["gguf"] }),
    (error: Error) =>
      error instanceof StageError && /fine-tuned on sentiment; use --as hf/.test(error.message),
  );
  const generate = await run(["generate", target, "--prompt", "x"], keeping);
  assert.equal(generate.code, 2, generate.output);
  assert.match(
    generate.output,
    /its head scores texts and writes none; use continue\/none\/random/,
  );

  // Without the key the scores are the same, and no weights stay.
  const scores = await pathOf("scores", keeping);
  const plain = [...set, "finetune.headBias=false"];
  const again = await run(["run", target], plain);
  assert.equal(again.code, 0, again.output);
  assert.equal(await pathOf("scores", plain), scores);
  await assert.rejects(
    exportModel(project, target, at("b"), { ...plan, set: plain, as: ["hf"] }),
    (error: Error) =>
      error instanceof UsageError &&
      /no weights; do: .*finetune\.keepsModel=true/.test(error.message),
  );
});
