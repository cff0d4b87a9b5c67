/**
 * Figures over the axes of a study, and the tables that only studies ask for.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { project } from "../../commands/dept.ts";
import { expand } from "../../pipeline/instances.ts";
import { loadStudy } from "../../pipeline/recipe.ts";
import { drawFigure } from "../../stages/figures/draw.ts";
import { figureOverAxes } from "../../stages/figures/over_axes.ts";
import { tableEntry } from "../../stages/report/kinds.ts";
import type { Table } from "../../stages/report/table.ts";
import { tinyRecipe } from "../support/command_line.ts";

const row = (label: string, adam: string, steps: number, value: number) => ({
  label,
  cells: [
    { value: adam },
    { value: steps },
    { value: 9 },
    { value, low: value - 0.5, high: value + 1 },
  ],
});

const table: Table = {
  name: "study-t",
  title: "Bits, over adam, steps",
  columns: ["", "adam", "steps", "it", "AVG"],
  rows: [
    row("std", "keep", 1, 2),
    row("std", "keep", 30, 2),
    row("trim", "keep", 30, 4),
    row("trim", "keep", 1, 3),
    row("trim", "reset", 1, 5),
    row("unigram", "keep", 1, 7.5),
    row("unigram", "keep", 30, 7.5),
  ],
  notes: ["a note", "another"],
};

Deno.test("figureOverAxes() draws averages along an axis, a panel for each value of the others", () => {
  const params = { name: "study-t", x: "steps", values: ["1", "30"], others: ["adam"] };
  const { panels, notes, x } = figureOverAxes(params, table, "table");
  assert.equal(x, "steps");
  assert.deepEqual(panels.map(({ title }) => title), ["adam keep", "adam reset"]);
  assert.ok(panels[0].isXLogarithmic); // 30 is more than 8 times 1
  assert.deepEqual(panels[0].series, [
    // The same at every place: dashed.
    {
      ...{ label: "std", from: ["table"], isReference: true },
      points: [{ x: 1, y: 2 }, { x: 30, y: 2 }],
    },
    {
      ...{ label: "trim", from: ["table"] },
      points: [{ x: 1, y: 3, low: 2.5, high: 4 }, { x: 30, y: 4, low: 3.5, high: 5 }],
    },
  ]);
  assert.deepEqual(panels[1].series[0].points.map(({ x, y }) => [x, y]), [[1, 5]]);
  assert.deepEqual(notes, [
    "dashed: does not depend on steps",
    "far from the lines, not drawn: unigram 7.500", // lines lie from 3 to 5, and it above 7
    "a note",
  ]);
});

Deno.test("figureOverAxes() gives names their places, and columns of numbers a panel each", async () => {
  const params = { name: "study-t", x: "adam", values: ["reset", "keep"], others: [] };
  const { columns, rows, ...rest } = table;
  const made = figureOverAxes(params, {
    ...rest,
    columns: columns.filter((heading) => heading !== "AVG"),
    rows: rows.slice(3, 5).map(({ label, cells }, i) => ({
      label,
      cells: [cells[0], { value: [1, 300][i] }, { value: 9 }],
    })),
  }, "table");
  assert.deepEqual(made.panels.map(({ title }) => title), ["steps"]); // all are 9 in the other one
  assert.ok(made.panels[0].isLogarithmic); // 300 is more than 100 times 1
  assert.deepEqual(made.panels[0].series[0].points, [{ x: 1, y: 300 }, { x: 2, y: 1 }]); // reset, keep
  assert.deepEqual(made.panels[0].xNames, ["reset", "keep"]);
  const svg = await drawFigure(made);
  for (const name of ["reset", "keep"]) assert.match(svg, new RegExp(`>${name}</text>`));
});

const study = (...set: string[]) =>
  loadStudy(tinyRecipe, { ...project, folder: project.recipes, set: ["tables=[]", ...set] });

Deno.test("study: a figure over the axes needs its table, which need not be listed; a mixture has no axis of averaging", async () => {
  const axes =
    "axes: {steps: {key: pretrain.localSteps, values: [3, 6]}, adam: {key: pretrain.adamState, values: [keep, reset]}}";
  const loaded = await study(`study={${axes}, figures: [pretraining, pareto]}`);
  const instances = expand(project.stages, loaded, [
    ...["figure", "table"], // whole stages
    "figure/study-budget", // no table of the study
  ]);
  assert.deepEqual(instances.get("figure/study-pretraining")!.needs, ["table/study-pretraining"]);
  const { params } = instances.get("figure/study-pretraining")!.declaration;
  assert.deepEqual(params, {
    overAxes: {
      ...{ name: "study-pretraining", x: "steps", values: ["3", "6"], others: ["adam"] },
    },
  });
  assert.ok(!instances.has("figure/study-budget"));
  const { needs } = instances.get("figure/study-pareto")!;
  assert.ok(needs.includes("pretrain/trim@adam=keep@steps=6"));
  assert.ok(needs.includes("evaluate/std-t0/pretraining@steps=3")); // Adam's state is a mixture's own
});

/** A folder of metrics with rows of JSON in each of its files. */
function metrics(files: Readonly<Record<string, readonly object[]>>): string {
  const folder = Deno.makeTempDirSync();
  for (const [name, rows] of Object.entries(files)) {
    const text = rows.map((row) => JSON.stringify(row) + "\n").join("");
    Deno.writeTextFileSync(join(folder, name), text);
  }
  return folder;
}

Deno.test("table growth: norms as multiples of a participant's first, losses above the lowest, steps that were left out", () => {
  const monitor = (source: string, step: number, lossNats: number, norm: number) => ({
    ...{ source, step, lossNats, parameterNorm: 10 * norm },
    activations: { "block.0": { norm }, "norm_final": { norm: 99 } },
  });
  const folder = metrics({
    "monitors.jsonl": [
      monitor("it", 0, 4, 1),
      monitor("sw", 0, 6, 2),
      monitor("it", 5, 2, 3),
      monitor("sw", 5, 2, 2),
      monitor("it", 10, 3, 4),
      monitor("sw", 10, 4, 10),
    ],
    "metrics.jsonl": [
      { kind: "local", gradientNormMax: 3 },
      { kind: "local", gradientNormMax: 7, leftOut: [{}, {}] },
    ],
  });
  const made = tableEntry("growth").kind.build({ variants: ["trim"] }, { "metrics/trim": folder });
  Deno.removeSync(folder, { recursive: true });
  // (3 + 4) / 2; less (2 + 2) / 2; (4 / 1 + 10 / 2) / 2 twice
  assert.deepEqual((made as Table).rows[0].cells.map(({ value }) => value), [
    ...[3.5, 1.5, 4.5, 4.5, 7, 2],
  ]);
});

Deno.test("table memory: what the largest source holds, what all exchange, and the mean of bits per byte", () => {
  const folder = metrics({
    "metrics.jsonl": [
      { kind: "local", heldBytes: 1.6e6, sentBytes: 1e6, returnedBytes: 2e6 },
      { kind: "local", heldBytes: 3.2e6, sentBytes: 1e6, returnedBytes: 1e6 },
    ],
    "summary.json": [{
      sources: {
        it: { bitsPerByte: 1, bitsPerByteInterval: [0.7, 1.3] },
        sw: { bitsPerByte: 2, bitsPerByteInterval: [1.6, 2.4] },
      },
    }],
  });
  const params = { variants: ["trim"], sources: ["it", "sw"] };
  const inputs = { "metrics/trim": folder, "losses/trim": folder };
  const made = tableEntry("memory").kind.build(params, inputs) as Table;
  Deno.removeSync(folder, { recursive: true });
  const [parameters, held, exchanged, bits] = made.rows[0].cells;
  assert.deepEqual([parameters.value, held.value, exchanged.value, bits.value], [2e5, 3.2, 5, 1.5]);
  assert.ok(Math.abs(bits.high! - 1.75) < 1e-12); // √(0.3² + 0.4²) / 2 above
});
