/**
 * The four downstream tasks in their usual files, from pre-training to the table: each form, each kind of head, with dropout.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { outputDigests, pipeline, temporaryFolder } from "../support/command_line.ts";
import { needsData } from "../support/data.ts";

const { path: data, ignore } = needsData("downstream");

const recipe = (examples: string) => `
extends: base
name: four-tasks
description: The four downstream tasks on a model that has hardly learned.
data: ${JSON.stringify(data)}
sources:
  arithmetic: { generator: arithmetic, documents: { train: 60, validation: 12 } }
vocabulary: { global: { vocabSize: 320 } }
model: { nLayers: 1, dModel: 16, nHeads: 2, expansion: 2, seqLen: 32 }
pretrain:
  variants: [std-t0, trim]
  rounds: 1
  localSteps: 2
  sourcesPerRound: 1
  batchSize: 2
  microBatchSize: 2
  validationWindows: 2
continue: { steps: 2, batchSize: 2, microBatchSize: 2 }
finetune:
  variants: [trim]
  tasks:
    mnli: { format: mnli, files: { train: mnli/train.jsonl, dev: mnli/dev_matched.jsonl, test: mnli/dev_mismatched.jsonl }, ${examples} }
    race: { format: race, files: { train: race/train.middle.jsonl, dev: race/dev.middle.jsonl, test: race/RACE/test }, ${examples} }
    sst2: { format: sst2, files: { train: sst2/train.tsv, dev: sst2/dev.tsv }, ${examples} }
    stsb: { format: stsb, files: { train: stsb/stsb-en-train.csv, dev: stsb/stsb-en-dev.csv, test: stsb/stsb-en-test.csv }, ${examples} }
  epochs: 1
  batchSize: 8
  seqLen: 32
tables: [downstream]
`;

Deno.test({
  name:
    "run table/downstream takes a recipe with MNLI, RACE, SST-2 and STS-B in files to a score of each",
  ignore,
  async fn() {
    using folder = temporaryFolder();
    const file = join(folder.path, "four-tasks.yaml");
    Deno.writeTextFileSync(file, recipe("examples: { train: 32, dev: 16, test: 24 }"));
    const options = ["--recipe", file, "--store", join(folder.path, "store")];
    const { code, stdout, stderr } = await pipeline(["run", "table/downstream", ...options]);
    assert.equal(code, 0, stdout + stderr);
    const made = Object.keys(outputDigests(join(folder.path, "store")));
    const fineTuned = made.filter((name) => name.startsWith("finetune/"));
    // Of the two variants one is fine-tuned, and so the other one is not trained for this table.
    const tasks = ["mnli", "race", "sst2", "stsb"];
    assert.deepEqual(fineTuned.sort(), tasks.map((task) => `finetune/trim/random/${task}`));
    assert.ok(!made.some((name) => name.includes("std-t0")), made.join(" "));

    const shown = await pipeline(["table", "downstream", ...options, "--format", "json"]);
    assert.equal(shown.code, 0, shown.stderr);
    const [{ columns, rows, notes }] = JSON.parse(shown.stdout);
    assert.deepEqual(columns.slice(1), [
      "mnli (accuracy)",
      "race (accuracy)",
      "sst2 (accuracy)",
      "stsb (pearson)",
    ]);
    const scores = (label: string): number[] =>
      rows.find((row: { label: string }) => row.label === label).cells
        .map(({ value }: { value: number }) => value);
    assert.deepEqual(scores("chance"), [1 / 3, 1 / 4, 1 / 2, 0]);
    const trim = scores("trim");
    // An accuracy is a number of 24 examples.
    for (const value of trim.slice(0, 3)) {
      assert.ok(value >= 0 && value <= 1 && Math.abs(value * 24 - Math.round(value * 24)) < 1e-9);
    }
    assert.ok(Math.abs(trim[3]) <= 1);
    assert.ok(notes.some((note: string) => note.endsWith("as Radford et al. 2018, dropout 0.1")));
  },
});
