/**
 * A stage of each kind is stopped at every report of its progress, again and again: it goes on from there, and ends with the
 * bytes of a run that was never stopped.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { sha256, silentLog } from "../../base/mod.ts";
import { noteStop, openCheckpointFolder } from "../../pipeline/checkpoint_notes.ts";
import { continuation, run as runContinue } from "../../stages/continue.ts";
import { documents, run as runDocuments } from "../../stages/documents.ts";
import { evaluate, run as runEvaluate } from "../../stages/evaluate.ts";
import { finetune, run as runFinetune } from "../../stages/finetune.ts";
import { ngrams, run as runNgrams } from "../../stages/ngrams.ts";
import { pretrain, run as runPretrain } from "../../stages/pretrain.ts";
import type { Recipe } from "../../stages/recipe.ts";
import { run as runTokenize, tokenize } from "../../stages/tokenize.ts";
import { run as runTune, tune } from "../../stages/tune.ts";
import { run as runVocabulary, vocabulary } from "../../stages/vocabulary.ts";
import { baseRecipe } from "../support/documents_stage.ts";
import { StageBench, writeTokens } from "../support/stage_bench.ts";
import { recipe } from "../support/stages_recipe.ts";
import type { Stage, StageProgress, StageRun } from "../../pipeline/stage.ts";

const folder = Deno.makeTempDirSync({ prefix: "dept-test-" });
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

/** Text of a file and of a generator, 2,500 documents of a line or two each. */
const data = join(folder, "data");
Deno.mkdirSync(data);
const lines = Array.from(
  { length: 2500 },
  (_, i) => ({ text: `line ${i % 2300} ${"é".repeat(i % 9)}` }),
);
Deno.writeTextFileSync(
  join(data, "file.jsonl"),
  lines.map((line) => `${JSON.stringify(line)}\n`).join(""),
);
const short = { minLines: 1, maxLines: 2 };
const textRecipe = {
  ...baseRecipe,
  data,
  sources: {
    made: { generator: "arithmetic", options: short, documents: { train: 2500, validation: 1200 } },
    read: { train: "file.jsonl", validation: "file.jsonl" },
  },
  documents: { ...baseRecipe.documents, duplicates: { exact: true, near: null } },
  vocabulary: {
    global: { vocabSize: 400, shrinkingFactor: 0.8 },
    own: { vocabSize: 300 },
  },
} as unknown as Recipe;

interface Kind {
  readonly parts: readonly string[];
  readonly recipe: Recipe;
  readonly stage: Stage<Recipe>;
  // deno-lint-ignore no-explicit-any -- stages of all kinds
  readonly run: StageRun<any, any, any>;
}

/** In an order in which each finds its inputs. */
const kinds: readonly Kind[] = [
  ...[["made", "train"], ["made", "validation"], ["made", "test"], ["read", "train"]].map((
    parts,
  ) => (
    { parts, recipe: textRecipe, stage: documents as Stage, run: runDocuments }
  )),
  { parts: ["global"], recipe: textRecipe, stage: vocabulary as Stage, run: runVocabulary },
  { parts: ["made", "global"], recipe: textRecipe, stage: tokenize as Stage, run: runTokenize },
  ...["trim", "spec"].map((variant) => (
    { parts: [variant], recipe, stage: pretrain as Stage, run: runPretrain }
  )),
  { parts: ["std-t1"], recipe, stage: tune as Stage, run: runTune },
  { parts: ["trim", "random"], recipe, stage: continuation as Stage, run: runContinue },
  { parts: ["trim", "random"], recipe, stage: evaluate as Stage, run: runEvaluate },
  { parts: ["spec", "pretraining"], recipe, stage: evaluate as Stage, run: runEvaluate },
  { parts: ["trigram"], recipe, stage: ngrams as Stage, run: runNgrams },
  { parts: ["trim", "random", "mood"], recipe, stage: finetune as Stage, run: runFinetune },
];

const texts = join(folder, "texts");
const trained = join(folder, "trained");
await writeTokens(trained);

for (const { parts, recipe, stage, run } of kinds) {
  const instance = [stage.name, ...parts].join("/");
  Deno.test(`${instance}: stopped at every report it goes on from there, to the same bytes`, async () => {
    const bench = new StageBench(recipe === textRecipe ? texts : trained, recipe);
    const reports: StageProgress[] = [];
    const log = { ...silentLog, progress: (state: StageProgress) => void reports.push(state) };
    const plain = await bench.run(stage, run, parts, { log, checkpointFolder: empty() });
    assert.ok(reports.length > 0, "it reports its progress");

    const checkpointFolder = empty();
    const key = "0".repeat(64);
    const seen: StageProgress[] = [];
    for (let stops = 0;; stops++) {
      assert.equal(openCheckpointFolder(checkpointFolder, key, ""), stops > 0);
      const stop = new AbortController();
      const reason = new Error("stopped");
      const progress = (state: StageProgress) => {
        seen.push(state);
        stop.abort(reason);
      };
      const place = { log: { ...silentLog, progress }, signal: stop.signal, checkpointFolder };
      try {
        const stopped = await bench.run(stage, run, parts, { ...place, to: empty() });
        assert.ok(stops > 0, "it was met at work");
        assert.deepEqual(stopped.summary, plain.summary);
        assert.deepEqual(digestsOf(stopped.outputs), digestsOf(plain.outputs));
        break;
      } catch (error) {
        assert.equal(error, reason);
        const { stoppedAt, hasCheckpoint } = noteStop(checkpointFolder, seen.at(-1));
        assert.equal(stoppedAt!.done, seen.at(-1)!.done);
        assert.ok(hasCheckpoint, "it does not begin again");
      }
    }
    // Nothing was done twice: places go on, and there are no more of them than in a plain run.
    seen.slice(1).forEach(({ done, unit, note }, i) => {
      const before = seen[i];
      if (before.unit === unit && before.note === note) assert.ok(done > before.done, `${done}`);
    });
    assert.ok(seen.length <= reports.length, `${seen.length} of ${reports.length}`);
  });
}

function empty(): string {
  return Deno.makeTempDirSync({ dir: folder });
}

function digestsOf(outputs: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(outputs).flatMap(([output, path]) =>
      [...Deno.readDirSync(path)].map(({ name }) => [
        `${output}/${name}`,
        sha256(Deno.readFileSync(join(path, name))),
      ])
    ).sort(([a], [b]) => a < b ? -1 : 1),
  );
}
