import assert from "node:assert/strict";
import { join } from "node:path";
import { pipeline, pipelineCommand, tinyRecipe } from "../support/command_line.ts";
import { HubServer } from "../support/hub_server.ts";
import { projectRoot } from "../support/paths.ts";
import { bpeFile, temporaryFolder } from "../instruments/foreign_files.ts";

const file = (path: string) => ["--set", `vocabulary.global.file=${path}`];

Deno.test("a recipe takes a BPE tokenizer.json as its vocabulary, from text to fine-tuning", async () => {
  using folder = temporaryFolder();
  const path = folder.write("neox.json", bpeFile());
  const recipe = ["--recipe", tinyRecipe, "--store", join(folder.path, "store"), ...file(path)];
  const small = ["--set", "pretrain.variants=[trim]", "--set", "tables=[unigram, bits-random]"];
  const engine = ["--engine", "reference"]; // its stages are confined but for the tokenizer's library
  const whole = await pipeline(["run", "all", ...recipe, ...small, ...engine]);
  assert.equal(whole.code, 0, whole.stderr);
  assert.match(whole.stdout, /vocabulary\/global .* pieces=269/); // 7 special pieces, 262 of the file
  assert.match(whole.stdout, /done +finetune\/trim\/random\/sentiment/);
  assert.match(whole.stdout, /trim +[0-9.]+/);

  const generate = ["generate", "pretrain/trim", "--prompt", "", "--tokens", "2", ...recipe];
  const made = await pipeline([...generate, ...small, ...engine]);
  assert.equal(made.code, 0, made.stderr);

  // It leaves with a tokenizer.json that has the ids of the run, which the export compares.
  const place = join(folder.path, "out");
  const left = await pipeline(["export", "pretrain/trim", place, ...recipe, ...small, ...engine]);
  assert.equal(left.code, 0, left.stderr);
  assert.match(left.stdout, /equal those of the model bit for bit \(engine reference\)/);
  const { model } = JSON.parse(Deno.readTextFileSync(join(place, "tokenizer.json")));
  assert.equal(model.vocab["</s>"], 2);
  assert.equal(model.vocab["Ġlow"], 7 + 256 + 3); // <|endoftext|> and two pieces before it

  // The file's content is in the key, its path is not.
  const vocabulary = (path: string) =>
    pipeline(["run", "vocabulary/global", ...recipe.slice(0, 4), ...file(path)]);
  const moved = await vocabulary(folder.write("moved.json", bpeFile()));
  assert.match(moved.stdout, /Nothing to do: vocabulary\/global is fresh/);
  const merges = bpeFile().model.merges.slice(0, 4);
  const changed = folder.write("neox.json", {
    ...bpeFile(),
    model: { ...bpeFile().model, merges },
  });
  assert.match((await vocabulary(changed)).stdout, /ran 1, cached 0/);
});

Deno.test("a vocabulary is fetched from a hub by name", async () => {
  using folder = temporaryFolder();
  await using hub = new HubServer();
  const bytes = new TextEncoder().encode(JSON.stringify(bpeFile()));
  hub.files.set("/EleutherAI/neox/resolve/v1/tokenizer.json", { bytes });
  const run = async (name: string) => {
    const args = ["run", "vocabulary/global", "--recipe", tinyRecipe, ...file(name)];
    const command = pipelineCommand(
      [...args, "--store", join(folder.path, "store")],
      projectRoot,
      { DEPT_HUB_URL: hub.url, DEPT_CACHE: join(folder.path, "cache") },
    );
    const { code, stdout, stderr } = await command.output();
    return { code, text: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
  };
  const found = await run("hf://EleutherAI/neox@v1/tokenizer.json");
  assert.equal(found.code, 0, found.text);
  assert.match(found.text, /vocabulary\/global .* pieces=269/);
  const byUrl = await run(`${hub.url}/EleutherAI/neox/resolve/v1/tokenizer.json`);
  assert.equal(byUrl.code, 0, byUrl.text);
  const missing = await run("hf://EleutherAI/none@v1/tokenizer.json");
  assert.equal(missing.code, 1);
  assert.match(missing.text, /404/);
  const unnamed = await run("hf://EleutherAI/neox@v1/vocabulary");
  assert.equal(unnamed.code, 2);
  assert.match(unnamed.text, /expected the name of a file that ends in \.json or \.model/);
});

Deno.test("a vocabulary's file that is not there, or no tokenizer, is an error with its place", async () => {
  using folder = temporaryFolder();
  const run = (path: string) =>
    pipeline([
      "run",
      "vocabulary/global",
      "--recipe",
      tinyRecipe,
      ...file(path),
      "--store",
      join(folder.path, "store"),
    ]);
  const missing = await run(join(folder.path, "none.json"));
  assert.equal(missing.code, 2, missing.stderr);
  assert.match(
    missing.stderr,
    /none\.json": expected a folder or a file, found nothing there \(vocabulary\.global\.file\)/,
  );
  const bad = await run(folder.write("bad.json", { model: { type: "XYZ" } }));
  assert.equal(bad.code, 1);
  assert.match(bad.stderr, /expected a file that the npm package "tokenizers" takes/);
  const own = await pipeline([
    "run",
    "vocabulary/code",
    "--recipe",
    tinyRecipe,
    "--set",
    "vocabulary.own.file=x",
    "--set",
    "pretrain.variants=[spec-opt]",
    "--store",
    join(folder.path, "store"),
  ]);
  assert.equal(own.code, 2);
  assert.match(own.stderr, /Cannot accept key "file" in vocabulary\.own/);
});
