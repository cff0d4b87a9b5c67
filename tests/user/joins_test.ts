/**
 * Sources that join and leave, from the command line: what changes, what the table says, what is refused.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { Row, Table } from "../../stages/report/table.ts";
import { pipeline, temporaryFolder, tinyRecipe } from "../support/command_line.ts";
import { externalNetworks, writeExternalModel } from "../support/external_model.ts";

const velsan =
  "sources.velsan={generator: language, options: {language: velsan}, documents: {train: 20, validation: 6}}";
const known = "vocabulary.sources=[arithmetic, code]";

/** Options of the tiny recipe with a third source and a study of these cells. */
function optionsOf(store: string, cells: string, ...set: string[]): string[] {
  const study = `study={axes: {time: {cells: {${cells}}}}, tables: [forgetting]}`;
  return ["--recipe", tinyRecipe, "--store", store]
    .concat([velsan, study, "pretrain.joining.steps=3", ...set].flatMap((one) => ["--set", one]));
}

Deno.test("a source joins and another leaves: only their own tables come and go, and the table says what it did", async () => {
  using folder = temporaryFolder();
  const cells = [
    "before: {outOfDistribution: [velsan]}",
    'table-only: {pretrain: {from: "@time=before", rounds: 0}}',
    'left: {outOfDistribution: [velsan, code], pretrain: {from: "@time=before", rounds: 1, sourcesPerRound: 1}}',
  ].join(", ");
  const variants = "pretrain.variants=[std-t0, trim, spec]";
  const options = optionsOf(`${folder.path}/store`, cells, known, variants);
  const run = await pipeline(["run", "table/study-forgetting", ...options, "--quiet"]);
  assert.equal(run.code, 0, run.stdout + run.stderr);
  const folderOf = async (target: string) =>
    (await pipeline(["path", target, ...options])).stdout.trim();

  const digests = async (cell: string, id: string) => {
    const { ["state.json"]: _, ...files } = JSON.parse(
      Deno.readTextFileSync(`${await folderOf(`pretrain/${id}@time=${cell}#best`)}/DONE`),
    );
    return files as Record<string, string>;
  };
  for (const id of ["std-t0", "trim", "spec"]) {
    const before = await digests("before", id);
    const { "local-velsan.safetensors": own, ...others } = await digests("table-only", id);
    assert.deepEqual(others, before, id);
    assert.equal(own !== undefined, id !== "std-t0", id);
  }
  assert.deepEqual(Object.keys(await digests("left", "spec")), [
    "local-arithmetic.safetensors",
    "model.safetensors",
  ]);

  const { columns, rows, notes } = JSON.parse(
    Deno.readTextFileSync(`${await folderOf("table/study-forgetting#table")}/table.json`),
  ) as Table;
  assert.deepEqual(columns, ["", "time", "tokens", "stayed", "arithmetic", "code", "velsan"]);
  const row = (time: string, label: string) =>
    rows.find((row) => row.label === label && row.cells[0].value === time)!;
  const values = ({ cells }: Row) => cells.slice(1).map(({ value }) => value);
  assert.equal(rows.length, 3 + 6 + 6);
  const alone = values(row("table-only", "trim, less before"));
  assert.deepEqual(alone.slice(0, 4), [3 * 4 * 32, 0, 0, 0]); // steps of 4 windows of 32 tokens
  assert.notEqual(alone[4], 0, "its own table is used on its text");
  assert.deepEqual(values(row("table-only", "std-t0, less before")), [0, 0, 0, 0, 0]);
  const summary = async (cell: string) =>
    JSON.parse(
      Deno.readTextFileSync(
        `${await folderOf(`evaluate/spec/pretraining@time=${cell}#losses`)}/summary.json`,
      ),
    ).sources;
  const [before, left] = [await summary("before"), await summary("left")];
  const [tokens, stayed, arithmetic, ...gone] = values(row("left", "spec, less before"));
  assert.equal(tokens, 6 * 4 * 32);
  const difference = left.arithmetic.bitsPerByte - before.arithmetic.bitsPerByte;
  assert.ok(Math.abs(arithmetic as number - difference) < 1e-9 && difference !== 0);
  assert.deepEqual([stayed, ...gone], [arithmetic, null, null]);
  assert.ok(notes.some((note) => note.startsWith("std-t0: batches are drawn from all sources")));

  const joined = "pretrain/spec@time=table-only";
  const { stdout: why } = await pipeline(["why", joined, ...options]);
  assert.match(why, /from .*pretrain\/spec@time=before/);
  const { stdout: status } = await pipeline(["status", joined, ...options]);
  assert.match(status, /joined=velsan +tableSteps=3/);
});

const refused: Readonly<Record<string, readonly [cell: string, set: string[], message: RegExp]>> = {
  "a cell that is not there": [
    '{pretrain: {from: "@time=befor"}}',
    [known],
    /Cannot plan pretrain\/trim: expected its input "from" to be of a cell of the study \(@time=before, @time=joined\), found @time=befor/,
  ],
  "a variant that the cell lacks": [
    '{pretrain: {from: "pretrain/glob@time=before"}}',
    [known],
    /expected its input "from" to be an instance of cell @time=before, found no pretrain\/glob there/,
  ],
  "its own cell": ['{pretrain: {from: "@time=joined"}}', [known], /it needs itself/],
  "sources' own tables for a variant that shares one": [
    '{pretrain: {from: "pretrain/spec@time=before"}}',
    [known],
    /expected pretrain\.from to have a table of all sources, which trim begins with, found "spec"/,
  ],
  "an import that the recipe lacks": [
    "{pretrain: {from: external/gpt}}",
    [known],
    /expected pretrain\.from to name a model of external \(none\), found "gpt"/,
  ],
  "another form": [
    "{pretrain: {from: yesterday}}",
    [known],
    /pretrain\.from: expected @AXIS=VALUE, a cell of the study, pretrain\/VARIANT@AXIS=VALUE, or/,
  ],
  "no rounds and no model": [
    "{pretrain: {rounds: 0}}",
    [known],
    /expected pretrain\.rounds to be at least 1 where no model is named in pretrain\.from, found 0/,
  ],
  "a search for rates": [
    '{pretrain: {from: "@time=before"}, tune: {variants: [trim]}}',
    [known],
    /expected tune\.variants to be empty beside pretrain\.from/,
  ],
};

for (const [what, [cell, set, message]] of Object.entries(refused)) {
  Deno.test(`pretrain.from refuses ${what}`, async () => {
    using folder = temporaryFolder();
    const cells = `before: {outOfDistribution: [velsan]}, joined: ${cell}`;
    const options = optionsOf(`${folder.path}/store`, cells, "pretrain.variants=[trim]", ...set);
    const { code, stderr } = await pipeline(["run", "pretrain", "--dry-run", ...options]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, message);
  });
}

Deno.test("pretrain.from refuses another tokenizer before anything trains", async () => {
  using folder = temporaryFolder();
  const cells = 'before: {outOfDistribution: [velsan]}, joined: {pretrain: {from: "@time=before"}}';
  const set = ["pretrain.variants=[trim]", "vocabulary.global.vocabSize=350"];
  const options = optionsOf(`${folder.path}/store`, cells, ...set);
  const { code, stdout, stderr } = await pipeline(["run", "pretrain", ...options]);
  assert.equal(code, 2, stdout + stderr);
  assert.match(
    stderr,
    /expected the tokenizer that it was trained with, found another one; name the sources of its cell in vocabulary\.sources/,
  );
  assert.doesNotMatch(stdout + stderr, /done +pretrain/);
});

Deno.test("pretrain.from takes an import: its tokenizer is that of the run, and all sources join", async () => {
  using folder = temporaryFolder();
  const model = join(folder.path, "model");
  Deno.mkdirSync(model);
  const { config } = externalNetworks["MPT of width 24"];
  writeExternalModel(model, externalNetworks["MPT of width 24"]);
  const { nLayers, dModel, nHeads, expansion } = config;
  const options = ["--recipe", tinyRecipe, "--store", `${folder.path}/store`];
  const set = [
    `external.m.from=${model}`,
    "pretrain.from=external/m",
    "pretrain.joining.steps=3",
    "pretrain.variants=[glob, trim, spec, spec-opt]",
    "tables=[pretraining]",
    "finetune.tasks={}",
  ];
  for (const one of set) options.push("--set", one);
  const wrong = await pipeline(["run", "table/pretraining", ...options]);
  assert.equal(wrong.code, 2, wrong.stdout + wrong.stderr);
  assert.match(wrong.stderr, /expected the recipe's network \(bias true, dModel 16, .*found bias/);
  const sizes = { nLayers, dModel, nHeads, expansion, bias: false };
  options.push("--set", `model=${JSON.stringify(sizes)}`);
  const run = await pipeline(["run", "table/pretraining", "evaluate/trim/random", ...options]);
  assert.equal(run.code, 0, run.stdout + run.stderr);
  const rows = run.stdout.split("\n").filter((line) =>
    /^(glob|trim|spec|spec-opt|external\/m) /.test(line)
  );
  assert.equal(rows.length, 5, run.stdout);
  const status = await pipeline(["status", "pretrain/glob", ...options]);
  assert.match(status.stdout, /joined=arithmetic, code/);
  const path = await pipeline(["path", "pretrain/trim#best", ...options]);
  const state = JSON.parse(Deno.readTextFileSync(`${path.stdout.trim()}/state.json`));
  assert.equal(state.model.vocabSize, config.vocabSize);
});
