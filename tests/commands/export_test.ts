/**
 * `export` as its user calls it, from training to a folder.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { project } from "../../commands/dept.ts";
import { exportModel, type ExportOptions } from "../../commands/export.ts";
import { UsageError } from "../../base/mod.ts";
import { readModel } from "../../commands/exports/read_back.ts";
import { pipeline, temporaryFolder, tinyRecipe } from "../support/command_line.ts";
import { openTokenizer } from "../../tokenizers/mod.ts";

Deno.test("export: writes trained models into new folders, a folder a source where each has its own table, or nothing", async () => {
  using folder = temporaryFolder();
  const set = [
    ...["pretrain.variants=[glob,spec,spec-opt]", "pretrain.rounds=1"],
    ...["model.bias=false", "model.expansion=4", "sources.code.licence=CC0-1.0"],
  ];
  const at = (name: string) => join(folder.path, name);
  /** In this process, except for one call below: each process takes seconds to start. */
  const call = (target: string, name: string, options: Partial<ExportOptions> = {}) =>
    exportModel(project, target, at(name), {
      ...{ recipe: tinyRecipe, store: at("store"), set, checkpoint: "best" },
      ...options,
    });
  const refuses = (message: RegExp, ...words: Parameters<typeof call>) =>
    assert.rejects(call(...words), (error: Error) => {
      assert.match(error.message, message);
      return error instanceof UsageError;
    });
  await refuses(/must be trained first; do: deno task pipeline run pret/, "pretrain/glob", "a");
  const { code, stderr } = await pipeline([
    ...["run", "pretrain", "evaluate/spec/pretraining", "--recipe", tinyRecipe],
    ...["--store", at("store"), ...set.flatMap((one) => ["--set", one])],
  ]);
  assert.equal(code, 0, stderr);

  const one = await pipeline([
    ...["export", "pretrain/glob", at("a"), "--recipe", tinyRecipe, "--store", at("store")],
    ...set.flatMap((one) => ["--set", one]),
  ]);
  assert.equal(one.code, 0, one.stderr);
  assert.match(
    one.stdout,
    /^pretrain\/glob as hf: .*a \(7 files, [\d.]+ kB\)\n {2}Read back after /,
  );
  assert.equal(JSON.parse(Deno.readTextFileSync(join(at("a"), "config.json"))).model_type, "mpt");
  await call("pretrain/glob", "last", { checkpoint: "last" });

  await refuses(/new or empty folder, found ".*" in it and more; nothing/, "pretrain/glob", "a");
  Deno.writeTextFileSync(at("file"), "");
  await refuses(/new or empty folder, found a file; nothing was/, "pretrain/glob", "file");
  Deno.symlinkSync(at("a"), at("link"));
  await refuses(/new or empty folder, found a link; nothing was/, "pretrain/glob", "link");
  await refuses(/"hff" \(did you mean "hf"\?\)/, "pretrain/glob", "b", { as: ["hff"] });
  await refuses(/--source to be one of arithmetic, code, found no/, "pretrain/spec", "b");
  await refuses(/did you mean "code"/, "pretrain/spec", "b", { source: "cod" });
  const finetuned = "finetune/glob/random/sentiment";
  await refuses(
    /kept scores and predictions, no weights; do: .* run finetune\/glob.* --set finetune\.keepsModel=true.*, or use continue\/glob/,
    ...[finetuned, "b"] as const,
  );
  Deno.mkdirSync(at("empty"));
  for (const variant of ["spec", "spec-opt"]) {
    const name = variant === "spec" ? "empty" : variant;
    const place = at(name);
    await call(`pretrain/${variant}`, name, { source: "all" });
    for (const source of ["arithmetic", "code"]) {
      const { config, tensors } = readModel(join(place, source));
      using tokenizer = await openTokenizer(join(place, source));
      assert.equal(tokenizer.vocabSize, config.vocabSize);
      assert.equal(tensors["embedding.token.weight"].shape[0], config.vocabSize);
    }
    const card = Deno.readTextFileSync(join(place, "code", "README.md"));
    assert.equal(/The vocabulary is cut to the \d+ of 330 pieces/.test(card), variant === "spec");
    // Evaluated before continuation is SPEC alone; of a source's own table, that source's numbers only.
    assert.equal(/\| bits per byte \| code \| .*evaluate\/spec/.test(card), variant === "spec");
    assert.ok(!/\| bits per byte \| arithmetic/.test(card));
    assert.match(
      card,
      /\| arithmetic \| invented by the generator .* \| not said by the recipe \|/,
    );
    assert.match(card, /run pretrain\/spec(-opt)? --recipe …\/tiny.yaml --set/);
    assert.match(card, /\| code \| invented by the generator `code` \| CC0-1.0 \|/);
  }
  // Each form in a folder of its own; what gguf measures is test text of the source whose table it is.
  await call("pretrain/spec", "forms", { source: "code", as: ["onnx,gguf"] });
  const forms = [...Deno.readDirSync(at("forms"))].map(({ name }) => name).sort();
  assert.deepEqual(forms, ["gguf", "onnx"]);
  const card = Deno.readTextFileSync(join(at("forms"), "gguf", "README.md"));
  assert.match(
    card,
    /Over [\d.]+k? tokens of test text \([\d.]+k bytes\) the model has \d\.\d{6} bits/,
  );
  const left = [...Deno.readDirSync(folder.path)].map(({ name }) => name).sort();
  assert.deepEqual(left, ["a", "empty", "file", "forms", "last", "link", "spec-opt", "store"]);
});
