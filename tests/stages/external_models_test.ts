/**
 * Where imports stand among the instances of a recipe, and what their instances read.
 */
import assert from "node:assert/strict";
import { project } from "../../commands/dept.ts";
import { loadStudy } from "../../pipeline/recipe.ts";
import { continuation } from "../../stages/continue.ts";
import { evaluate } from "../../stages/evaluate.ts";
import { finetune } from "../../stages/finetune.ts";
import type { Recipe } from "../../stages/mod.ts";
import { tokenize } from "../../stages/tokenize.ts";
import { tinyRecipe } from "../support/command_line.ts";

const { recipe: loaded } = await loadStudy(tinyRecipe, {
  ...project,
  folder: project.recipes,
  set: ["external={b: {from: hf://o/b}, a: {from: hf://o/a, starts: [random, pretrained]}}"],
});
const recipe = loaded as Recipe;

/** Ids of a stage's instances that are of imports. */
const imports = (instances: readonly (readonly string[])[]) =>
  instances.filter((parts) => parts.includes("external")).map((parts) => parts.join("/"));

Deno.test("instances of imports: all are evaluated as they came, and continued from the starts that they have", () => {
  assert.deepEqual(imports(tokenize.instances(recipe)), [
    "arithmetic/external/a",
    "arithmetic/external/b",
    "code/external/a",
    "code/external/b",
  ]);
  assert.deepEqual(imports(continuation.instances(recipe)), [
    "external/a/random",
    "external/a/pretrained",
  ]);
  assert.deepEqual(imports(evaluate.instances(recipe)), [
    "external/a/pretraining",
    "external/b/pretraining",
    "external/a/random",
    "external/a/pretrained",
  ]);
  assert.deepEqual(imports(finetune.instances(recipe)), [
    "external/a/random/sentiment",
    "external/a/pretrained/sentiment",
  ]);
  const asked = (id: string) => finetune.onRequest!(recipe, id.split("/"));
  assert.ok(asked("external/b/pretraining/sentiment"));
  for (
    const id of [
      "external/c/pretraining/sentiment",
      "external/b/pretraining/other",
      "trim/pretraining/sentiment",
    ]
  ) {
    assert.ok(!asked(id), id);
  }
});

Deno.test("an import reads text in its own tokenizer, and in that of the recipe from new embeddings", () => {
  const inputsOf = (stage: typeof evaluate | typeof continuation | typeof finetune, id: string) =>
    stage.declare(recipe, id.split("/")).inputs!;
  const own = inputsOf(evaluate, "external/a/pretrained");
  assert.equal(own.model, "continue/external/a/pretrained#model");
  assert.equal(own.tokenizer, "external/a#tokenizer");
  assert.equal(own["test/code"], "tokenize/code/external/a#test");
  const fresh = inputsOf(evaluate, "external/a/random");
  assert.equal(fresh.tokenizer, "vocabulary/global#tokenizer");
  assert.equal(fresh["test/code"], "tokenize/code/global#test");
  assert.equal(inputsOf(evaluate, "external/b/pretraining").model, "external/b#model");

  const best = "external/a#model";
  const text = {
    "train/arithmetic": "tokenize/arithmetic/external/a#train",
    "train/code": "tokenize/code/external/a#train",
  };
  assert.deepEqual(inputsOf(continuation, "external/a/pretrained"), { best, ...text });
  assert.equal(
    inputsOf(continuation, "external/a/random")["train/code"],
    "tokenize/code/global#train",
  );

  const tuned = inputsOf(finetune, "external/a/random/sentiment");
  assert.equal(tuned.tokenizer, "vocabulary/global#tokenizer");
  assert.deepEqual(inputsOf(finetune, "external/b/pretraining/sentiment"), {
    model: "external/b#model",
    tokenizer: "external/b#tokenizer",
  });
});

Deno.test("names of imports that are not there get a reason", () => {
  const why = (id: string) => evaluate.impossible!(recipe, id.split("/"));
  assert.match(
    why("external/c/pretraining")!,
    /imports no model "c"; run with --set external\.c\.from=hf:/,
  );
  assert.match(why("external/b/random")!, /add it to external\.b\.starts/);
  assert.equal(why("external/a/random"), undefined);
});
