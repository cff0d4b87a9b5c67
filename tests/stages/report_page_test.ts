/**
 * What a report is made of: figures from rows of runs, sentences from evaluations, and inputs that every recipe has.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { loadRecipe, loadStudy } from "../../pipeline/recipe.ts";
import { expand } from "../../pipeline/instances.ts";
import { drawPanel } from "../../stages/figures/draw.ts";
import type { Panel } from "../../stages/figures/figure.ts";
import { figureEntry } from "../../stages/figures/kinds.ts";
import { buildPareto } from "../../stages/figures/pareto.ts";
import { styleOfSeries } from "../../stages/figures/series_style.ts";
import { stages } from "../../stages/mod.ts";
import { examplesIn } from "../../stages/page/examples.ts";
import { scoreStatements } from "../../stages/page/score_statements.ts";
import {
  declareStatements,
  type StatementParams,
  statementsOf,
} from "../../stages/page/statements.ts";
import { studyStatements } from "../../stages/page/study_statements.ts";
import { type Recipe, recipeSchema } from "../../stages/recipe.ts";
import { writeDocuments } from "../../datasets/documents.ts";
import { projectRoot } from "../support/paths.ts";

const folder = Deno.makeTempDirSync({ prefix: "dept-test-" });
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

/** The folder of an output with these files. */
function output(files: Readonly<Record<string, string | Uint8Array>>): string {
  const made = Deno.makeTempDirSync({ dir: folder });
  for (const [name, content] of Object.entries(files)) {
    if (typeof content === "string") Deno.writeTextFileSync(join(made, name), content);
    else Deno.writeFileSync(join(made, name), content);
  }
  return made;
}

function metrics(...rows: readonly object[]): string {
  return output({ "metrics.jsonl": rows.map((row) => JSON.stringify(row) + "\n").join("") });
}

Deno.test("figure drift: cosine, what averaging keeps, and what it does to the loss", () => {
  const { panels } = figureEntry("drift").kind.build({ variants: ["trim", "none"] }, {
    "metrics/trim": metrics({
      kind: "round",
      round: 3,
      drift: {
        ...{ deltaNorms: { it: 1, sw: 3 }, meanDeltaNorm: 1, deltaVariance: 0 },
        cosines: [{ body: 0.5, tokenEmbedding: null }],
      },
      validationBefore: { it: 2, sw: 4 },
      validation: { it: { lossNats: 2.5 }, sw: { lossNats: 4.1 } },
    }),
    "metrics/none": metrics(),
  });
  const points = panels.map(({ series }) => series.flatMap(({ points }) => points));
  assert.deepEqual(panels[0].series.map(({ label }) => label), ["trim"]); // the other one has no rounds
  assert.deepEqual(points.slice(0, 2), [[{ x: 3, y: 0.5 }], [{ x: 3, y: 0.5 }]]); // 1 / ((1 + 3) / 2)
  assert.ok(Math.abs(Number(points[2][0].y) - 0.3) < 1e-12); // (0.5 + 0.1) / 2
});

Deno.test("figure pareto: the frontier is what no other dot beats in both", () => {
  const run = (cell: string, bytes: number, bits: number) => ({
    ...{ name: `${cell}/trim`, variant: "trim", cell, tokens: 1e6, sources: ["it"] },
    folders: [
      metrics({ kind: "local", sentBytes: bytes / 2, returnedBytes: bytes / 2 }),
      output({ "summary.json": JSON.stringify({ sources: { it: { bitsPerByte: bits } } }) }),
    ],
  });
  const all = [run("dear", 8e6, 1), run("cheap", 1e6, 3), run("poor", 4e6, 3.5)];
  const inputs = Object.fromEntries(
    all.flatMap(({ name, folders: [rows, losses] }) => [
      [`metrics/${name}`, rows],
      [`losses/${name}`, losses],
    ]),
  );
  const figure = buildPareto({ runs: all }, inputs);
  const [communication, ...more] = figure.panels;
  assert.deepEqual(more, []); // as many tokens and as much memory each
  const frontier = ({ series }: Panel) =>
    series.flatMap(({ points }) => points).filter((it) => it.isOnFrontier).map(({ name }) => name);
  assert.deepEqual(communication.series[0].points.map(({ x, y }) => [x, y]), [[8, 1], [1, 3], [
    4,
    3.5,
  ]]);
  assert.deepEqual(frontier(communication), ["dear", "cheap"]);
  const [said] = studyStatements(figure, { "losses/dear/trim": "a#b", "losses/cheap/trim": "c#d" });
  assert.match(
    said.text,
    /^In MB exchanged .* beats trim of dear \(8; 1\.000\), trim of cheap \(1; 3\.000\) in both/,
  );
  assert.deepEqual(said.from, ["a#b", "c#d"]);
});

Deno.test("drawPanel() draws every kind of mark, the same each time, in the ink of the page", async () => {
  const series = ["std-t0", "trim"].map((label, i) => ({
    ...{ label, from: [] },
    points: [1, 2, 3].map((x) => ({ x, y: x + i / 2, name: `n${x}`, isOnFrontier: x === 2 })),
  }));
  const styleOf = styleOfSeries(series);
  for (const mark of ["line", "bar", "dot", "field"] as const) {
    const panel = { title: "t", y: "what", isLogarithmic: false, mark, series };
    const svg = await drawPanel(panel, "x", styleOf);
    assert.match(svg, /^<svg [^>]*viewBox/);
    assert.doesNotMatch(svg, /role=|aria-|url\(#| id=/); // nothing that two of them in a page would share
    assert.match(svg, /currentColor/);
    assert.equal(await drawPanel(panel, "x", styleOf), svg, mark);
  }
  // Baselines are in strokes, DEPT is not.
  const lines = await drawPanel({ title: "t", y: "y", isLogarithmic: false, series }, "x", styleOf);
  assert.match(lines, /stroke="#3b7dd8"[^>]*stroke-dasharray="6,3"/);
  assert.doesNotMatch(lines, /stroke="#d2610c"[^>]*stroke-dasharray="\d/);
});

Deno.test("styleOfSeries() gives references greys, and no colour that a model would have had", () => {
  const styleOf = styleOfSeries([{ label: "bigram", isReference: true }, { label: "trim" }, {
    label: "spec",
  }]);
  assert.deepEqual(styleOf("bigram"), { colour: "#808791", dash: [1, 3] });
  assert.equal(styleOf("trim").colour, "#3b7dd8");
  assert.notEqual(styleOf("spec").colour, styleOf("trim").colour);
});

Deno.test("scoreStatements(): DEPT beside baselines by intervals, and tasks that taught nothing", () => {
  const scores = (test: number, low: number, high: number) =>
    output({ "scores.json": JSON.stringify({ test, testInterval: [low, high], majority: 0.5 }) });
  const models = {
    ...{ start: "random", models: ["std-t0-steps", "trim"], tasks: ["copy", "flat", "sort"] },
    rivals: { dept: ["trim"], baselines: ["std-t0-steps"] },
  };
  const inputs = {
    "scores/std-t0-steps/random/copy": scores(0.6, 0.55, 0.65),
    "scores/trim/random/copy": scores(0.8, 0.75, 0.85),
    "scores/std-t0-steps/random/sort": scores(0.7, 0.6, 0.8),
    "scores/trim/random/sort": scores(0.72, 0.62, 0.82), // the intervals overlap
    "scores/std-t0-steps/random/flat": scores(0.52, 0.45, 0.6),
    "scores/trim/random/flat": scores(0.51, 0.44, 0.59),
  };
  const origins = Object.fromEntries(
    Object.keys(inputs).map((name) => [name, `${name}#scores` as const]),
  );
  const [rivalry, flat, ...more] = scoreStatements(models, inputs, origins);
  assert.deepEqual(more, []);
  assert.equal(rivalry.tone, "good");
  assert.match(rivalry.text, /higher than .* on 1 of 3 tasks \(copy\), lower on 0;/);
  assert.deepEqual([flat.tone, flat.from.length], ["bad", 2]);
  assert.match(flat.text, /^On flat \(0\.500\) no model scores more than always the same answer/);
  assert.deepEqual(scoreStatements(models, {}, origins), []);
});

Deno.test("the headline says what DEPT saves, by the paper's formulas, before anything is evaluated", async () => {
  const folder = join(projectRoot, "pipeline/recipes");
  const recipe: Recipe = await loadRecipe("multilingual-1b", { folder, schema: recipeSchema });
  const { params, origins } = declareStatements(recipe);
  const texts = statementsOf(params as StatementParams, {}, origins).map(({ text }) => text);
  assert.deepEqual([texts.length, texts[0]], [2, "Nothing is evaluated yet."]);
  // What the paper claims: 714 times, 24 %.
  assert.match(texts[1], /SPEC-OPT sends 714 times less .* holds 24 % fewer parameters/);
});

Deno.test("examplesIn() gives beginnings, cut between what readers see as characters, after some lines", async () => {
  const made = output({});
  const family = "👩‍👩‍👧"; // one character of five code points
  await writeDocuments(made, [
    { text: "short", id: "a" },
    { text: family.repeat(300), id: "b" },
    { text: "line\n".repeat(20), id: "c" },
    { text: "a fourth one", id: "d" },
  ]);
  const texts = await examplesIn(made);
  assert.equal(texts.length, 3);
  assert.deepEqual(texts[0], { text: "short", isCut: false });
  assert.ok(
    texts[1].isCut && texts[1].text.length % family.length === 0 && texts[1].text.length > 0,
  );
  assert.deepEqual(texts[2], { text: "line\n".repeat(7) + "line", isCut: true });
});

Deno.test("report/recipe can be planned for every kind of recipe, report/study for a study", async () => {
  const of = async (name: string) => {
    const study = await loadStudy(name, {
      folder: join(projectRoot, "pipeline/recipes"),
      schema: recipeSchema,
      set: [],
    });
    return expand(stages, study, ["report/recipe", "report/study"]);
  };
  const sample = await of("sample");
  assert.ok(sample.get("report/recipe")!.needs.includes("table/differences"));
  assert.ok(sample.get("report/recipe")!.needs.includes("pretrain/spec-opt"));
  assert.equal(sample.get("report/study"), undefined);
  const averaging = await of("study-averaging");
  const needs = averaging.get("report/study")!.needs;
  assert.ok(needs.includes("table/study-pretraining"));
  assert.ok(needs.includes("pretrain/trim@setting=2-average"));
  assert.ok(averaging.has("report/recipe@setting=2-average"));
  assert.ok((await of("multilingual-1b")).has("report/recipe")); // sizes alone, no text
});
