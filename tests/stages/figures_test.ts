/**
 * Figures 2 to 4: what they draw from the rows of runs, and that SVG comes of it.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { expand, withoutStudy } from "../../pipeline/instances.ts";
import { loadRecipe } from "../../pipeline/recipe.ts";
import { withNeeds } from "../../pipeline/targets.ts";
import { drawFigure } from "../../stages/figures/draw.ts";
import { figureCsv } from "../../stages/figures/figure.ts";
import { figureEntry } from "../../stages/figures/kinds.ts";
import { stages } from "../../stages/mod.ts";
import { paperFigureIndex } from "../../stages/report/paper_index.ts";
import { recipeSchema } from "../../stages/recipe.ts";
import { projectRoot } from "../support/paths.ts";

const folder = Deno.makeTempDirSync();
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

/** The folder of an output with these rows. */
function rowsOf(file: string, rows: readonly object[]): string {
  const made = Deno.makeTempDirSync({ dir: folder });
  Deno.writeTextFileSync(join(made, file), rows.map((row) => JSON.stringify(row) + "\n").join(""));
  return made;
}

Deno.test("figures 2, 3, 4 of the paper resolve to stages with the recipe of its size", async () => {
  const needs = { 2: "pretrain/spec", 3: "continue/act/random/sw", 4: "pretrain/spec-opt" };
  for (const [number, expected] of Object.entries(needs)) {
    const recipe = await loadRecipe(paperFigureIndex[Number(number)].recipes[0], {
      folder: join(projectRoot, "pipeline/recipes"),
      schema: recipeSchema,
    });
    const target = `figure/${number}`;
    const instances = expand(stages, withoutStudy(recipe), [target]);
    assert.ok(withNeeds([target], instances).includes(expected), `${target} needs ${expected}`);
  }
  assert.throws(
    () => figureEntry("5"),
    /Cannot draw figure "5": expected a number of the paper's \(1, 2, 3, 4\)/,
  );
});

Deno.test("figure 2 draws baselines alone, DEPT as a mean between least and largest", () => {
  const monitors = (...of: readonly (readonly [number, number])[]) =>
    rowsOf(
      "monitors.jsonl",
      of.map(([step, value]) => ({ step, activationMeanMax: value, parameterNorm: 10 * value }))
        .concat({ step: 20, activationMeanMax: NaN, parameterNorm: Infinity }), // null in the file
    );
  const { panels: [activations, parameters] } = figureEntry("2").kind.build(
    { dept: ["glob", "trim"], others: ["std-t0"] },
    {
      "metrics/std-t0": monitors([0, 1], [10, 4]),
      "metrics/glob": monitors([0, 1], [0, 2], [10, 2]),
      "metrics/trim": monitors([0, 3], [10, 5]),
    },
  );
  assert.deepEqual(activations.series, [
    { label: "std-t0", points: [{ x: 0, y: 1 }, { x: 10, y: 4 }], from: ["metrics/std-t0"] },
    {
      label: "DEPT-AVG",
      points: [
        { x: 0, y: 2, low: 1, high: 3 }, // (1 + 2 + 3) / 3
        { x: 10, y: 3.5, low: 2, high: 5 },
      ],
      from: ["metrics/glob", "metrics/trim"],
    },
  ]);
  assert.equal(parameters.series[0].points[1].y, 40);
});

Deno.test("figure 3 has a panel a source and one for all, figure 4 the perplexity of each source by round", async () => {
  const curve = rowsOf("metrics.jsonl", [
    { kind: "validation", step: 0, lossNats: { sw: Math.log(8) } },
    { kind: "validation", step: 2, lossNats: { sw: Math.log(4) } },
  ]);
  const whole = rowsOf("metrics.jsonl", [
    { kind: "steps", step: 1, lossNatsMean: Math.log(2) },
    { kind: "steps", step: 2, lossNatsMean: Math.log(8) },
  ]);
  const plasticity = figureEntry("3").kind.build(
    { variants: ["act"], sources: ["sw"] },
    { "only-sw/act": curve, "all/act": whole },
  );
  assert.deepEqual(plasticity.panels.map(({ title }) => title), ["sw", "all sources"]);
  const perplexities = plasticity.panels.map(({ series }) =>
    series[0].points.map(({ y }) => Math.round(y))
  );
  assert.deepEqual(perplexities, [[8, 4], [4]]); // mean of ln 2 and ln 8 is ln 4
  const rounds = rowsOf("metrics.jsonl", [
    { kind: "local", round: 1, source: "it", lossNatsMean: Math.log(9) },
    { kind: "local", round: 1, source: "sw", lossNatsMean: 0 },
    { kind: "local", round: 2, source: "it", skipped: "not finite" },
    { kind: "local", round: 3, source: "it", lossNatsMean: Math.log(3) },
  ]);
  const scaling = figureEntry("4").kind.build({ variants: ["spec"] }, { "metrics/spec": rounds });
  assert.deepEqual(
    figureCsv(scaling).trimEnd().split("\n").map((line) => line.replace(/\.\d+/g, "")),
    [
      "figure,panel,series,x,y,low,high",
      "scaling,spec,it,1,9,,",
      "scaling,spec,it,3,3,,",
      "scaling,spec,sw,1,1,,",
    ],
  );
  const svg = await drawFigure(plasticity);
  assert.match(svg, /^<svg /);
  for (const text of ["all sources", "act", "perplexity", "step"]) {
    assert.ok(svg.includes(text), text);
  }
  assert.equal(await drawFigure(plasticity), svg);
});

Deno.test("figure learning: bits per byte by tokens read, for the mean and each source, of the variants that are there, beside counts of words", () => {
  const shards = (tokens: number, bytes: number) => {
    const made = Deno.makeTempDirSync({ dir: folder });
    Deno.writeTextFileSync(join(made, "shards.json"), JSON.stringify({ tokens, bytes }));
    return made;
  };
  const round = (round: number, aa: number, bb?: number) => ({
    ...{ kind: "round", round },
    validation: {
      aa: { lossNats: aa * Math.LN2 },
      ...(bb === undefined ? {} : { bb: { lossNats: bb * Math.LN2 } }),
    },
  });
  const counted = Deno.makeTempDirSync({ dir: folder });
  const sources = { aa: { bitsPerByte: 3 }, bb: { bitsPerByte: 2 }, held: { bitsPerByte: 9 } };
  Deno.writeTextFileSync(join(counted, "summary.json"), JSON.stringify({ sources }));
  const { build } = figureEntry("learning").kind;
  const trained = (id: string) => ({ id, vocabulary: "global", tokens: 7.5e6 });
  const params = { variants: [trained("glob"), trained("trim")], sources: ["aa", "bb"] };
  const inputs = {
    // aa: 2 tokens a byte, so 16; bb: 1, so 6; the mean 11. Then not all were validated: no point of the mean
    "metrics/glob": rowsOf("metrics.jsonl", [round(1, 8, 6), round(2, 4), round(3, 2, 4)]),
    "losses/bigram": counted,
    "global/aa": shards(20, 10),
    "global/bb": shards(10, 10),
  };
  const { panels } = build(params, inputs);
  assert.deepEqual(panels.map(({ title }) => title), ["mean over sources", "aa", "bb"]);
  const level = (y: number) => ({
    ...{ label: "bigram", from: ["losses/bigram"], isReference: true },
    points: [{ x: 2.5, y }, { x: 7.5, y }],
  });
  assert.deepEqual(panels[0].series, [
    // 7.5 million tokens in 3 rounds
    { label: "glob", points: [{ x: 2.5, y: 11 }, { x: 7.5, y: 4 }], from: ["metrics/glob"] },
    level(2.5), // (3 + 2) / 2
  ]);
  assert.deepEqual(panels[1].series[0].points.map(({ y }) => y), [16, 8, 4]);
  assert.deepEqual(panels[1].series[1], level(3));
  // 80 rounds are 40 points, each of two: the first is of rounds 1 and 2, (16 + 8) / 2 bits at 1.5 of 80 rounds.
  const many = Array.from({ length: 80 }, (_, i) => round(i + 1, i === 0 ? 8 : 4));
  const [line] = build({ ...params, sources: ["aa"] }, {
    ...inputs,
    "metrics/glob": rowsOf("metrics.jsonl", many),
  }).panels[0].series;
  assert.equal(line.points.length, 40);
  assert.deepEqual(line.points[0], { x: 7.5 * 1.5 / 80, y: 12 });
});
