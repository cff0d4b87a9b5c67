/**
 * Means over seeds: what the intervals are, and what beats noise.
 */
import assert from "node:assert/strict";
import { formatTable } from "../../stages/report/mod.ts";
import { averageTables } from "../../stages/report/seeds.ts";
import { markBest, type Table } from "../../stages/report/table.ts";

/** Perplexities of std and trim in two columns, as one seed has them. */
function seed(std: readonly number[], trim: readonly number[]): Table {
  const row = (label: string, values: readonly number[]) => ({
    label,
    cells: values.map((value) => ({ value, low: value - 9, high: value + 9 })),
  });
  const percent = std.map((value, i) => ({ value: 100 * (value - trim[i]) / value }));
  return {
    name: "perplexity-random",
    title: "T",
    columns: ["", "it", "sw"],
    rows: [
      ...markBest([row("std-t0", std), row("trim", trim)], "lowest"),
      { label: "max. imp. %", cells: percent },
    ],
    notes: ["of all seeds", `of std ${std[0]}`],
  };
}

const tables = [seed([100, 50], [90, 49]), seed([104, 50], [93, 52]), seed([96, 50], [87, 46])];

Deno.test("averageTables() gives Student's intervals, the best anew, and says which cells are noise", () => {
  const { rows: [std, trim, improvement], notes } = averageTables(tables, ["17", "18", "19"]);
  const [cell] = std.cells;
  // 100 ± t(2) · s / √3, s = 4
  assert.equal(cell.value, 100);
  assert.ok(Math.abs(cell.high! - 100 - 4.303 * 4 / Math.sqrt(3)) < 1e-9);
  // 96 to 104 and 87 to 93 are too near for intervals of 10 and 7, though each seed has trim 10 % lower
  assert.equal(trim.cells[0].best, undefined);
  assert.deepEqual(std.cells[1], { value: 50, low: 50, high: 50 });
  // 10, 10.58, 9.375 % in "it"; 2, −4, 8 % in "sw"
  assert.ok(improvement.cells[0].low! > 8 && improvement.cells[0].high! < 12);
  assert.ok(improvement.cells[1].low! < 0);
  assert.deepEqual(notes, [
    "of all seeds",
    "means over 3 seeds (17, 18, 19), intervals by Student's t over them",
    "max. imp. %: above 0 beyond noise in 1 of 2 comparisons, below in 0; noise: 1",
  ]);
});

Deno.test("averageTables() marks a best cell by the intervals over seeds, not by those of each table", () => {
  const apart = [seed([100, 50], [60, 49]), seed([101, 50], [61, 49]), seed([99, 50], [59, 49])];
  const averaged = averageTables(apart, ["1", "2", "3"]);
  assert.equal(averaged.rows[1].cells[0].best, true);
  assert.match(formatTable(averaged, "text"), /trim +60±2\*/);
  assert.throws(
    () => averageTables([tables[0], { ...tables[1], columns: ["", "it", "ur"] }], ["1", "2"]),
    /Cannot average table "perplexity-random" over seeds: expected the same rows and columns/,
  );
});

Deno.test("averageTables() of two seeds says that they are few", () => {
  const { notes } = averageTables(tables.slice(0, 2), ["17", "18"]);
  assert.ok(notes.includes("fewer than 3 seeds: the intervals say little"));
});
