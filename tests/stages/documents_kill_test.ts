/**
 * `kill -9` at many points of reading and tokenising: what is started again ends with the bytes of what was never disturbed.
 */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { Buffer } from "node:buffer";
import { gzipSync } from "node:zlib";
import { writeDocuments } from "../../datasets/mod.ts";
import { Random, seedOf, sha256 } from "../../base/mod.ts";
import { documents } from "../../stages/documents.ts";
import { recipeSchema } from "../../stages/recipe.ts";
import { tokenize } from "../../stages/tokenize.ts";
import { saveTokenizer, trainUnigram, unigramDefaults } from "../../tokenizers/mod.ts";
import { baseRecipe } from "../support/documents_stage.ts";
import { projectRoot } from "../support/paths.ts";
import type { StageWork } from "../support/stage_process.ts";

const folder = Deno.makeTempDirSync();
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
const empty = () => Deno.makeTempDirSync({ dir: folder });
const random = new Random(seedOf(17, "documents_kill_test"));

/** Changes of the record that are waited for before each kill; the last ones come late. */
const kills = [1, 1, 2, 1, 4, 3];

/** Starts the work anew after each kill. Gives the digests of its outputs, and how often it was met at work. */
async function killed(
  work: Omit<StageWork, "outputs" | "checkpointFolder">,
  outputs: readonly string[],
  records: readonly string[],
  at: readonly number[],
): Promise<{ digests: Record<string, string>; met: number }> {
  const checkpointFolder = empty();
  let met = 0;
  for (let start = 0;; start++) {
    const output = Object.fromEntries(outputs.map((name) => [name, empty()]));
    const path = join(empty(), "work.json");
    const whole: StageWork = { ...work, outputs: output, checkpointFolder };
    Deno.writeTextFileSync(path, JSON.stringify(whole));
    const process = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "--config", join(projectRoot, "deno.json")]
        .concat(join(projectRoot, "tests/support/stage_process.ts"), path),
      stdout: "null",
      stderr: "inherit",
    }).spawn();
    let isOver = false;
    const end = process.status.finally(() => isOver = true);
    if (start < at.length) {
      const seen = () => records.map((name) => textOf(join(checkpointFolder, name))).join();
      let [changes, before] = [0, seen()];
      while (!isOver && changes < at[start]) {
        await delay(2);
        const now = seen();
        if (now !== before) changes++;
        before = now;
      }
      await delay(random.below(12)); // in the midst of what follows
      if (!isOver) process.kill("SIGKILL");
    }
    const { code, signal } = await end;
    if (signal === "SIGKILL") met++;
    else {
      strictEqual(code, 0);
      return { digests: digestsOf(output), met };
    }
  }
}

Deno.test("documents: kill -9 at many points gives the bytes of an undisturbed run", async () => {
  const data = empty();
  for (const name of ["a", "b"]) {
    const rows = Array.from(
      { length: 24_000 },
      (_, i) => `{"text": "${name} ${i % 23_000} ${"é".repeat(i % 50)}"}`,
    );
    // Several members: places to go on from lie in the midst of both.
    const members = [rows.slice(0, 9000), rows.slice(9000)].map((part) =>
      gzipSync(part.join("\n") + "\n")
    );
    Deno.writeFileSync(join(data, `${name}.jsonl.gz`), new Uint8Array(Buffer.concat(members)));
  }
  const recipe = {
    ...recipeSchema.parse({
      ...baseRecipe,
      sources: { s: { train: ["a.jsonl.gz", "b.jsonl.gz"], validation: "a.jsonl.gz" } },
      documents: { ...baseRecipe.documents, duplicates: { exact: true, near: null } },
    }),
    data,
  };
  const parts = ["s", "train"];
  const { params, hints, files = {}, uses, outputs } = documents.declare(recipe, parts);
  const work = {
    stage: import.meta.resolve("../../stages/documents.ts"),
    params,
    hints: { ...hints, checkpointEveryMs: 20 },
    inputs: {},
    files,
    modules: uses as Record<string, string>,
    seed: seedOf(17, "documents/duplicates"),
  };
  const undisturbed = await killed(work, outputs, ["reading.json"], []);
  const { digests, met } = await killed(work, outputs, ["reading.json"], kills);
  deepStrictEqual(digests, undisturbed.digests);
  ok(met >= 4, `${met} kills met it at work: make the files longer`);
});

Deno.test("tokenize: kill -9 at many points gives the bytes of an undisturbed run", async () => {
  const inputs = { train: empty(), validation: empty(), test: empty(), tokenizer: empty() };
  const words = ["low", "lower", "newest", "wide", "𝄞", "wider", "in", "the", "end"];
  const text = () => Array.from({ length: 200 }, () => words[random.below(9)]).join(" ");
  for (const [split, count] of [["train", 9000], ["validation", 4500], ["test", 10]] as const) {
    const made = Array.from({ length: count }, (_, i) => ({ text: text(), id: `${i}` }));
    await writeDocuments(inputs[split], made);
  }
  const sample = [{ text: text() }];
  saveTokenizer(
    inputs.tokenizer,
    await trainUnigram(sample, { ...unigramDefaults, vocabSize: 285 }),
  );
  const { outputs } = tokenize.declare(baseRecipe, ["s", "global"]);
  const work = {
    stage: import.meta.resolve("../../stages/tokenize.ts"),
    params: {},
    hints: { threads: 1, checkpointEveryMs: 5 },
    inputs,
    files: {},
    modules: {},
    seed: seedOf(17, "none"),
  };
  const records = ["train.json", "validation.json"];
  const undisturbed = await killed(work, outputs, records, []);
  const { digests, met } = await killed(work, outputs, records, kills);
  deepStrictEqual(digests, undisturbed.digests);
  ok(met >= 4, `${met} kills met it at work: make the text longer`);
});

function digestsOf(outputs: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(outputs).flatMap(([name, folder]) =>
      [...Deno.readDirSync(folder)].map((entry) => [
        `${name}/${entry.name}`,
        sha256(Deno.readFileSync(join(folder, entry.name))),
      ])
    ).sort(([a], [b]) => a < b ? -1 : 1),
  );
}

function textOf(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
