/**
 * The paper's tables as targets: what each number stands for, and its cells beside ours.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { expand, withoutStudy } from "../../pipeline/instances.ts";
import { loadRecipe } from "../../pipeline/recipe.ts";
import { withNeeds } from "../../pipeline/targets.ts";
import { stages } from "../../stages/mod.ts";
import { type Recipe, recipeSchema } from "../../stages/recipe.ts";
import { listTables, tableEntry } from "../../stages/report/mod.ts";
import { paperTableIndex } from "../../stages/report/paper_index.ts";
import { paperTables } from "../../stages/report/paper_tables.ts";
import { quotationOf, quote } from "../../stages/report/quoted.ts";
import type { Table } from "../../stages/report/table.ts";
import { table as tableStage } from "../../stages/table.ts";
import { pipeline } from "../support/command_line.ts";
import { projectRoot } from "../support/paths.ts";

const folder = join(projectRoot, "pipeline/recipes");
const recipeOf = (name: string): Promise<Recipe> =>
  loadRecipe(name, { folder, schema: recipeSchema });

/** What a few of them must need. */
const needs: Readonly<Record<number, string>> = {
  3: "evaluate/spec-opt/random",
  5: "evaluate/trim/pretrained",
  7: "finetune/glob/random/race",
  11: "evaluate/glob/pretrained",
  14: "evaluate/isolated-cc/random",
  17: "evaluate/isolated-sw/pretrained",
  21: "finetune/std-t1/pretrained/stsb",
};

Deno.test("tables 1 to 21 of the paper resolve to stages, with every recipe that is said to make them", async () => {
  assert.deepEqual(
    Object.keys(paperTableIndex).map(Number),
    Array.from({ length: 21 }, (_, i) => i + 1),
  );
  for (const [number, { recipes }] of Object.entries(paperTableIndex)) {
    for (const name of recipes.length === 0 ? ["sample"] : recipes) {
      const recipe = await recipeOf(name);
      const instances = expand(stages, withoutStudy(recipe), [`table/${number}`]);
      const needed = withNeeds([`table/${number}`], instances);
      assert.ok(needed.includes(`table/${number}`), `${number} of ${name}`);
      const expected = needs[Number(number)];
      if (expected !== undefined) {
        assert.ok(needed.includes(expected), `${number} needs ${expected}`);
      }
    }
  }
});

Deno.test("every table that a recipe maps to the paper's has a column of the recipe for each of the paper's", async () => {
  for (const name of ["multilingual", "multidomain-24"]) {
    const recipe = await recipeOf(name);
    for (const [table, number] of Object.entries(recipe.paper!.tables)) {
      const mapped = new Set(Object.values(recipe.paper!.columns));
      const { columns } = paperTables[number!];
      assert.deepEqual(columns.filter((column) => !mapped.has(column)), [], `${name} ${table}`);
      assert.equal(paperTableIndex[number!].name, table);
      assert.ok(paperTableIndex[number!].recipes.includes(name));
    }
  }
  for (
    const overlay of ["multilingual-proportional", "multidomain-24-uniform", "multilingual-1b"]
  ) {
    assert.equal(quotationOf(await recipeOf(overlay), "perplexity-random"), null, overlay);
  }
});

Deno.test("recipes of the paper's sizes train and continue at the rates of that size, not of the one they extend", async () => {
  // η_max by size (paper.md §2.1); baselines' own only where tuning is known
  for (
    const [name, peak, baseline] of [
      ["multilingual", 6e-4, 4.5e-4],
      ["multidomain", 6e-4, 4.5e-4],
      ["multidomain-24", 3e-4, 3e-4],
      ["multidomain-24-uniform", 3e-4, 3e-4],
      ["multilingual-1b", 2e-4, 2e-4],
    ] as const
  ) {
    const recipe = await recipeOf(name);
    const rateOf = (stage: string, parts: readonly string[]) => {
      const params = stages.find((one) => one.name === stage)!.declare(recipe, parts).params;
      return (params as { inner: { peakLearningRate: number } }).inner.peakLearningRate;
    };
    assert.equal(rateOf("pretrain", ["spec-opt"]), peak, name);
    assert.equal(rateOf("pretrain", ["std-t0"]), baseline, name);
    assert.equal(rateOf("continue", ["glob", "random"]), peak, name);
  }
});

Deno.test("quote() puts the paper's cells beside ours, by heading and label, and lists what is not computed", () => {
  const table: Table = {
    name: "downstream",
    title: "T",
    columns: ["", "race (accuracy)", "mnli (accuracy)", "other (accuracy)"],
    rows: [
      { label: "glob", cells: [{ value: 0.4 }, { value: 0.6 }, { value: 0.5 }] },
      { label: "min. imp. %", cells: [{ value: 1 }, { value: 2 }, { value: 3 }] },
    ],
    notes: [],
  };
  const columns = { race: "RACE", mnli: "MNLI" };
  const { rows, notes } = quote(table, { number: 7, columns, unlike: "350 M parameters" });
  assert.deepEqual(rows[0].cells, [{ value: 0.4, paper: "0.51" }, { value: 0.6, paper: "0.72" }, {
    value: 0.5,
  }]);
  assert.deepEqual(rows[1].cells[1], { value: 2, paper: "4.6", slip: true });
  const spec = rows.find(({ label }) => label === "spec-opt")!;
  assert.deepEqual(spec.cells.map(({ value, paper }) => [value, paper]), [
    [null, "0.51"],
    [null, "0.69"],
    [null, undefined],
  ]);
  assert.deepEqual(notes, [
    "[…]: Table 7 of the paper, which has 350 M parameters",
    "not computed here: std-t0, std-t1, act, trim, spec, spec-opt, max. imp. %",
  ]);
  assert.deepEqual(quote(table, null), table);
});

Deno.test("a table asked for by the paper's number says what the paper's is, and which recipe makes it", async () => {
  const sample = await recipeOf("sample");
  const of = (number: string) => tableStage.declare(sample, [number]).params;
  assert.match(of("4").heading!.notes[0], /run table\/4 --recipe multilingual$/);
  assert.match(of("12").heading!.notes.join("\n"), /cells of this table are not known/);
  assert.equal(of("cost").heading, null);
  for (const [number, claim] of [["18", "better by 1"], ["20", "better by 10"]] as const) {
    const { kind, name } = tableEntry(number);
    const { rows } = await kind.build(kind.declare(sample, name).params, {});
    const row = rows.find(({ label }) => label.includes(`Table ${number}`))!;
    assert.equal(row.cells[0].value, null);
    assert.match(row.cells[0].paper!, new RegExp(`${claim}$`));
  }
  assert.throws(() => tableEntry("22"), /Cannot make table "22": expected a number of the paper's/);
  assert.throws(
    () => tableStage.declare(sample, ["6"]).inputs,
    /expected "pretrained" among continue\.starts, found random; run with --set continue\.starts/,
  );
  assert.equal(listTables().match(/^ {2}\d+ /gm)!.length, 21 + 4);
  assert.match(listTables(), /^ {2}plasticity: continue\.plasticity\.sources$/m);
});

Deno.test("table --list and table cost with sizes need no store", async () => {
  const list = await pipeline(["table", "--list"]);
  assert.equal(list.stdout.trimEnd(), listTables());
  const cost = await pipeline(["table", "cost", "--recipe", "multilingual-1b", "--gigabits", "1"]);
  assert.equal(cost.code, 0, cost.stderr);
  assert.match(cost.stdout, /round at 1 Gbit\/s/);
  assert.match(cost.stdout, /SPEC-OPT .*2\.394M \[2\.4M\]/);
  const wrong = await pipeline(["table", "drift", "--layers", "2"]);
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /Cannot make table "drift" from sizes/);
});
