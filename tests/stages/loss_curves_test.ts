/**
 * Losses along training, from the rows of runs.
 */
import assert from "node:assert/strict";
import { figureCsv, lossFigure } from "../../stages/figures/mod.ts";

function textOf(rows: readonly object[]): string {
  return rows.map((row) => JSON.stringify(row) + "\n").join("");
}

const local = (round: number, source: string, step: number, lossNatsMean: number | null) => ({
  ...{ kind: "local", round, source, vocabSize: 9, step, lossNatsMean },
});
const round = (round: number, losses: Readonly<Record<string, number>>) => ({
  kind: "round",
  round,
  validation: Object.fromEntries(
    Object.entries(losses).map(([name, lossNats]) => [name, { lossNats }]),
  ),
});

const pretrained = textOf([
  local(1, "it", 6, 5),
  local(1, "sw", 6, 3),
  round(1, { it: 4, sw: 2 }),
  local(2, "sw", 12, 2),
  { kind: "local", round: 2, source: "it", vocabSize: 9, skipped: "diverged" },
  round(2, { sw: 1 }), // of those that took part
  local(3, "it", 18, null), // no step was taken
  local(3, "sw", 18, 1),
  round(3, { it: 3, sw: 1.5 }),
  { kind: "exposure", source: "it", windows: 3, epochWindows: 9 },
]);

const continued = textOf([
  { kind: "validation", step: 0, lossNats: { it: 6, sw: 4 } },
  { kind: "steps", step: 10, lossNatsMean: 4.5 },
  { kind: "validation", step: 10, lossNats: { it: 5, sw: 3 } },
]) + '{"kind":"steps","step":20,"lossNa'; // it is being written

const runs = [
  { instance: "pretrain/trim", text: pretrained },
  { instance: "continue/trim/random", text: continued },
];

Deno.test("lossFigure() has means over sources: of training those that took part, of validation only whole ones", () => {
  const { panels, x } = lossFigure(runs);
  assert.equal(x, "step");
  assert.deepEqual(
    panels.map(({ title, series }) => [title, series.map(({ label, points }) => [label, points])]),
    [
      ["pretrain: training loss", [["trim", [{ x: 6, y: 4 }, { x: 12, y: 2 }, { x: 18, y: 1 }]]]],
      ["pretrain: validation loss", [["trim", [{ x: 6, y: 3 }, { x: 18, y: 2.25 }]]]],
      ["continue: training loss", [["trim/random", [{ x: 10, y: 4.5 }]]]],
      ["continue: validation loss", [["trim/random", [{ x: 0, y: 5 }, { x: 10, y: 4 }]]]],
    ],
  );
});

Deno.test("lossFigure() has a curve for each source, and no panel without a point", () => {
  const [run] = runs;
  assert.deepEqual(figureCsv(lossFigure([run], { bySource: true })).split("\n"), [
    "figure,panel,series,x,y,low,high",
    "curves,pretrain: training loss,trim it,6,5,,",
    "curves,pretrain: training loss,trim sw,6,3,,",
    "curves,pretrain: training loss,trim sw,12,2,,",
    "curves,pretrain: training loss,trim sw,18,1,,",
    "curves,pretrain: validation loss,trim it,6,4,,",
    "curves,pretrain: validation loss,trim it,18,3,,",
    "curves,pretrain: validation loss,trim sw,6,2,,",
    "curves,pretrain: validation loss,trim sw,12,1,,",
    "curves,pretrain: validation loss,trim sw,18,1.5,,",
    "",
  ]);
  assert.deepEqual(lossFigure([{ instance: "pretrain/none", text: "" }]).panels, []);
});
