/**
 * A model of others from the command line: imported, evaluated beside a model trained here, used.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { pipeline, temporaryFolder, tinyRecipe } from "../support/command_line.ts";
import { externalNetworks, writeExternalModel } from "../support/external_model.ts";
import { namesIn } from "../support/toy_cli.ts";

Deno.test("import takes a folder in, says how to go on, and what it says works", async () => {
  using folder = temporaryFolder();
  const model = join(folder.path, "Tiny.NeoX");
  Deno.mkdirSync(model);
  writeExternalModel(model, externalNetworks["GPT-NeoX of width 24"], { numbers: "F16" });
  const store = join(folder.path, "store");
  const options = ["--recipe", tinyRecipe, "--store", store];
  const imported = await pipeline(["import", model, ...options]);
  assert.equal(imported.code, 0, imported.stdout + imported.stderr);
  assert.match(imported.stdout, /external\/tiny-neox is in the store/);
  const set = `external.tiny-neox.from=${model}`;
  assert.ok(
    imported.stdout.includes(
      `deno task pipeline run evaluate/external/tiny-neox --recipe ${tinyRecipe} --set ${set} --store ${store}`,
    ),
    imported.stdout,
  );

  const more = ["--set", set, "--set", "pretrain.variants=[none]"];
  const table = await pipeline(["run", "table/pretraining", ...options, ...more]);
  assert.equal(table.code, 0, table.stdout + table.stderr);
  const row = /^external\/tiny-neox +([\d.]+)/m.exec(table.stdout);
  assert.ok(row !== null, table.stdout);
  assert.ok(Number(row[1]) > 5, `${row[1]} bits a byte of a random model`);

  const text = await pipeline([
    ...["generate", "external/tiny-neox", "--prompt", "3 +", "--tokens", "5", "--json"],
    ...[...options, ...more],
  ]);
  assert.equal(text.code, 0, text.stderr);
  assert.ok(JSON.parse(text.stdout).text.startsWith("3 +"), text.stdout);
});

Deno.test("generate and export say so where the library of other tokenizers ends their process, and leave nothing", async () => {
  using folder = temporaryFolder();
  const [model, out] = [join(folder.path, "model"), join(folder.path, "out")];
  Deno.mkdirSync(model);
  writeExternalModel(model, externalNetworks["MPT of width 24"]);
  // The library puts text before the first character, and looks for that character's place at the end: found by trying.
  const path = join(model, "tokenizer.json");
  const normalizer = { type: "Replace", pattern: { Regex: "^" }, content: "x" };
  Deno.writeTextFileSync(
    path,
    JSON.stringify({ ...JSON.parse(Deno.readTextFileSync(path)), normalizer }),
  );
  const store = join(folder.path, "store");
  const options = ["--recipe", tinyRecipe, "--store", store, "--set", `external.m.from=${model}`];
  const imported = await pipeline(["run", "external/m", ...options]);
  assert.equal(imported.code, 0, imported.stdout + imported.stderr);

  const ends =
    /^error: Cannot use tokenizer ".*": expected .* that the npm package "tokenizers" takes, found that its process was ended \(SIGABRT\)$/m;
  const prompt = ["generate", "external/m", "--prompt", "a b", ...options];
  for (const words of [prompt, ["export", "external/m", out, ...options]]) {
    const ended = await pipeline(words);
    assert.equal(ended.code, 1, ended.stdout + ended.stderr);
    assert.match(ended.stderr, ends);
    assert.equal(ended.stdout, "");
  }
  assert.deepEqual(namesIn(folder.path), ["model", "store"]);
});
