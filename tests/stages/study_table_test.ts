import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { expand } from "../../pipeline/instances.ts";
import { loadStudy } from "../../pipeline/recipe.ts";
import { stages } from "../../stages/mod.ts";
import { recipeSchema } from "../../stages/recipe.ts";
import type { run } from "../../stages/study_table.ts";
import { stackTables } from "../../stages/report/study.ts";
import type { Table } from "../../stages/report/table.ts";
import { tinyRecipe } from "../support/command_line.ts";

function table(columns: readonly string[], label: string, ...values: number[]): Table {
  const cells = values.map((value) => ({ value }));
  return { name: "t", title: "T", columns, rows: [{ label, cells }], notes: ["a note"] };
}

Deno.test("stackTables() gives a column to each axis and joins columns by heading", () => {
  const stacked = stackTables("study-t", ["size", "steps"], [
    { values: ["small", "8"], table: table(["", "a", "b"], "x", 1, 2) },
    { values: ["large", "8"], table: table(["", "b", "c"], "y", 3, 4) },
  ]);
  assert.deepEqual(stacked.columns, ["", "size", "steps", "a", "b", "c"]);
  assert.deepEqual(
    stacked.rows.map(({ label, cells }) => [label, ...cells.map(({ value }) => value)]),
    [["x", "small", 8, 1, 2, null], ["y", "large", 8, null, 3, 4]],
  );
  assert.equal(stacked.title, "T, over size, steps");
  assert.deepEqual(stacked.notes, ["a note"]);
});

Deno.test("study: cells share the stages that are equal, and a table over the axes takes all cells", async () => {
  const study = await loadStudy(tinyRecipe, {
    folder: fileURLToPath(new URL("../../pipeline/recipes", import.meta.url)),
    schema: recipeSchema,
    set: [
      "pretrain.variants=[std-t0]",
      "tables=[]",
      "study={axes: {steps: {key: continue.steps, values: [4, 6]}, wide: {key: model.dModel, values: [16, 24]}}, tables: [bits-random]}",
    ],
  });
  const ids = [...expand(stages, study).keys()];
  const of = (stage: string) => ids.filter((id) => id.startsWith(`${stage}/`));
  assert.ok(
    [...of("documents"), ...of("vocabulary"), ...of("tokenize")].every((id) => !id.includes("@")),
  );
  assert.deepEqual(of("pretrain"), ["pretrain/std-t0@wide=16", "pretrain/std-t0@wide=24"]);
  assert.deepEqual(of("continue"), [
    "continue/std-t0/random@steps=4@wide=16",
    "continue/std-t0/random@steps=4@wide=24",
    "continue/std-t0/random@steps=6@wide=16",
    "continue/std-t0/random@steps=6@wide=24",
  ]);
  assert.deepEqual(of("table"), ["table/study-bits-random"]);
  const { needs } = expand(stages, study).get("table/study-bits-random")!;
  assert.equal(needs.filter((id) => id.startsWith("evaluate/")).length, 4);
});

Deno.test("study: an axis over the key seed is averaged over, the others have columns", async () => {
  const study = await loadStudy(tinyRecipe, {
    folder: fileURLToPath(new URL("../../pipeline/recipes", import.meta.url)),
    schema: recipeSchema,
    set: [
      "tables=[]",
      "study={axes: {run: {key: seed, values: [17, 18, 19]}, steps: {key: continue.steps, values: [4, 6]}}}",
    ],
  });
  const target = "table/study-bits-random";
  const { declaration, needs } = expand(stages, study, [target]).get(target)!;
  const { axes, seedAxes } = declaration.params as Parameters<typeof run>[0]["params"];
  assert.deepEqual([axes, seedAxes], [["steps"], ["run"]]);
  assert.equal(needs.filter((id) => id.startsWith("evaluate/trim/random@")).length, 6);
});

Deno.test("study: a table by the paper's number is made from what that table is", async () => {
  const study = await loadStudy(tinyRecipe, {
    folder: fileURLToPath(new URL("../../pipeline/recipes", import.meta.url)),
    schema: recipeSchema,
    set: [
      "tables=[]",
      "continue.starts=[random,pretrained]",
      "study={axes: {steps: {key: continue.steps, values: [4, 6]}}}",
    ],
  });
  const target = "table/study-6"; // perplexity-pretrained
  const { needs } = expand(stages, study, [target]).get(target)!;
  assert.deepEqual(needs.filter((id) => id.includes("/random")), []);
  assert.ok(needs.includes("evaluate/trim/pretrained@steps=4"));
});
