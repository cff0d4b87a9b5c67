/**
 * Improvements and wins as the paper counts them, against the cells that it prints (Tables 3 to 6).
 */
import assert from "node:assert/strict";
import { improvementRows, rivalsOf, wins } from "../../stages/report/improvement.ts";
import { paperTables } from "../../stages/report/paper_tables.ts";
import type { Row } from "../../stages/report/table.ts";

/** By table: columns that the best DEPT variant wins, and what the paper's rounding leaves open, in percent. */
const claims: Readonly<Record<number, { readonly won: number; readonly tolerance: number }>> = {
  3: { won: 17, tolerance: 1.9 }, // perplexities near 5 are printed to 0.1: 2 % of them
  4: { won: 11, tolerance: 0.4 },
  5: { won: 12, tolerance: 1.9 },
  6: { won: 5, tolerance: 0.4 },
};

const isModel = (label: string) => !/UNIGRAM|imp\./.test(label);

/** Rows of the variants that a table of the paper has, with its numbers as ours. */
function modelRows(number: number): Row[] {
  return Object.entries(paperTables[number].rows)
    .filter(([label, cells]) => isModel(label) && cells[0] !== null)
    .map(([label, cells]) => ({ label, cells: cells.map((cell) => ({ value: Number(cell) })) }));
}

for (const [key, { won, tolerance }] of Object.entries(claims)) {
  const number = Number(key);
  const { columns, rows: printed } = paperTables[number];
  const isAverage = (column: number) => columns[column].startsWith("AVG");
  Deno.test(`improvementRows() and wins() give those of the paper's Table ${number}`, () => {
    const rows = modelRows(number);
    const rivals = rivalsOf(rows.map(({ label }) => label));
    for (const { label, cells } of improvementRows(rows, rivals)) {
      cells.forEach((cell, column) => {
        // Table 4 averages improvements, the others compare averages, as improvementRows() does.
        if (number === 4 && isAverage(column)) return;
        const expected = Number(printed[label][column]);
        const found = cell.value as number;
        assert.ok(
          Math.abs(found - expected) <= tolerance,
          `${label}, ${columns[column]}: expected ${expected}, found ${found}`,
        );
      });
    }
    const counted = columns.filter((_, column) => !isAverage(column)).length;
    assert.deepEqual(wins(rows, rivals, (column) => !isAverage(column)), [won, counted]);
  });

  Deno.test(`the averages of the paper's Table ${number} are those of its columns`, () => {
    for (const { label, cells } of modelRows(number)) {
      let from = 0; // Table 3 averages all, held out too; Table 4 each part
      columns.forEach((heading, column) => {
        if (!isAverage(column)) return;
        const part = cells.slice(from, column).map(({ value }) => value as number);
        const mean = part.reduce((sum, value) => sum + value, 0) / part.length;
        const found = cells[column].value as number;
        assert.ok(Math.abs(mean - found) <= 0.105, `${label}, ${heading}: ${mean}, ${found}`);
        from = column + 1;
      });
    }
  });
}

Deno.test("improvementRows() of scores gives those of the paper's Table 7, where more is better", () => {
  const rows = modelRows(7);
  const rivals = rivalsOf(rows.map(({ label }) => label));
  const { columns, rows: printed, slips } = paperTables[7];
  for (const { label, cells } of improvementRows(rows, rivals, "highest")) {
    cells.forEach(({ value }, task) => {
      // scores are printed to 0.01 of about 0.7
      const isClose = Math.abs((value as number) - Number(printed[label][task])) <= 1.3;
      assert.equal(
        isClose,
        !slips.includes(`${label}/${columns[task]}`),
        `${label}, ${columns[task]}`,
      );
    });
  }
  assert.deepEqual(wins(rows, rivals, () => true, "highest"), [4, 4]);
  const none: Row[] = [{ label: "act", cells: [{ value: -0.1 }] }, {
    label: "trim",
    cells: [{ value: 0.2 }],
  }];
  assert.equal(improvementRows(none, rivals, "highest")[0].cells[0].value, null);
});

Deno.test("rivalsOf() leaves controls on neither side, and without rivals there are no rows", () => {
  const rivals = rivalsOf(["std-t0", "std-t0-tokens", "act", "local-sgd", "isolated-it", "trim"]);
  assert.deepEqual(rivals, { dept: ["trim"], baselines: ["std-t0", "act"] });
  const rows: Row[] = [{ label: "trim", cells: [{ value: 2 }] }];
  assert.deepEqual(improvementRows(rows, rivalsOf(["trim"])), []);
  assert.deepEqual(wins(rows, rivalsOf(["trim"]), () => true), [0, 0]);
});
