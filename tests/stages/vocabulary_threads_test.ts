import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { CodeDigests } from "../../pipeline/code_digest.ts";
import type { CodeEntry } from "../../pipeline/code_modules.ts";
import { FileDigests } from "../../pipeline/file_digests.ts";
import { outputDigests, pipelineCommand, tinyRecipe } from "../support/command_line.ts";
import { projectRoot } from "../support/paths.ts";
import { temporaryFolder } from "../instruments/foreign_files.ts";
import { inventedDocuments } from "../instruments/awkward_lines.ts";

const text = inventedDocuments(300).map(({ text }) => text);
/** More than the 8 MB from which on training and encoding start threads. */
const rows = Array.from(
  { length: Math.ceil(9e6 / text.join("\n").length) },
  (_, i) => JSON.stringify({ text: `${text.join("\n")} ${i}` }),
).join("\n") + "\n";

function setting(folder: ReturnType<typeof temporaryFolder>) {
  const train = folder.write("train.jsonl", rows);
  const sources = `{one: {train: ${train}, validation: ${train}}}`;
  return (target: string, store: string, threads: number, env = {}) => {
    const sets = [
      `sources=${sources}`,
      "pretrain.sourcesPerRound=1",
      "vocabulary.global.vocabSize=400",
      `engine.threads=${threads}`,
    ].flatMap((set) => ["--set", set]);
    const args = ["run", target, "--recipe", tinyRecipe, "--store", store, ...sets];
    return pipelineCommand(args, projectRoot, env);
  };
}

const tokenizerOf = (store: string) => outputDigests(store)["vocabulary/global"].tokenizer;

Deno.test("vocabulary and tokenize use the threads of their recipe, confined, also after a kill, to the same bytes", async () => {
  using folder = temporaryFolder();
  const command = setting(folder);
  const run = async (target: string, store: string, threads: number, env = {}) => {
    const { code, stderr } = await command(target, store, threads, env).output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
  };
  // All stores have the same documents: they are made once.
  const [documents, one, two, killed] = ["documents", "one", "two", "killed"]
    .map((name) => join(folder.path, name));
  await run("documents", documents, 1);
  for (const store of [one, two, killed]) cpSync(documents, store, { recursive: true });

  const audit = join(folder.path, "audit");
  Deno.mkdirSync(audit);
  for (const [store, threads] of [[one, 1], [two, 2]] as const) {
    await run("tokenize/one/global", store, threads, { DEPT_AUDIT: audit });
    const started = {
      "vocabulary+global": "training_thread",
      "tokenize+one+global": "encoding_thread",
    };
    for (const [instance, thread] of Object.entries(started)) {
      const path = join(audit, `${instance}.access.jsonl`);
      assert.equal(Deno.readTextFileSync(path).includes(`${thread}.js`), threads === 2);
      Deno.removeSync(path);
    }
  }
  const tokensOf = (store: string) => outputDigests(store)["tokenize/one/global"];
  assert.deepEqual(tokensOf(two), tokensOf(one));
  const whole = tokenizerOf(one);
  assert.equal(tokenizerOf(two), whole);

  const process = command("vocabulary/global", killed, 2).spawn();
  while (!counted(killed)) await new Promise((resolve) => setTimeout(resolve, 2));
  process.kill("SIGKILL"); // its children go with it
  await process.output();
  // Otherwise it was done already.
  if (counted(killed)) await run("vocabulary/global", killed, 2);
  assert.equal(tokenizerOf(killed), whole);
});

/** Whether a checkpoint holds the counted words. */
function counted(store: string): boolean {
  try {
    const folder = join(store, "checkpoints");
    return [...Deno.readDirSync(folder)].some(({ name }) =>
      [...Deno.readDirSync(join(folder, name))].some(({ name }) => name === "segments.bin")
    );
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

Deno.test("vocabulary has in its code's digest all that its threads run", async () => {
  const code = new CodeDigests(projectRoot, new FileDigests(undefined), undefined);
  const entry = (path: string, exports: CodeEntry["exports"]): CodeEntry => ({
    module: pathToFileURL(join(projectRoot, path)).href,
    exports,
  });
  const stage = entry("stages/vocabulary.ts", "run");
  const work = entry("tokenizers/unigram/training_work.ts", "all");
  await code.prepare([stage, work]);
  const { modules } = code.of(stage);
  for (const path of Object.keys(code.of(work).modules)) {
    assert.ok(path in modules, path);
  }
  assert.ok("tokenizers/unigram/pruning.ts" in modules);
  // The thread's own module only passes messages on.
  const thread = Deno.readTextFileSync(join(projectRoot, "tokenizers/unigram/training_thread.ts"));
  assert.deepEqual([...thread.matchAll(/ from "(.*)"/g)].map(([, path]) => path), [
    "../worker_thread.ts",
    "./training_work.ts",
  ]);
});
