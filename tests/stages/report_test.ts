import assert from "node:assert/strict";
import { UsageError } from "../../base/mod.ts";
import { formatTable, hasTableShape, type Table } from "../../stages/report/mod.ts";
import { markBest, type Row } from "../../stages/report/table.ts";

const table: Table = {
  name: "t",
  title: "A table",
  columns: ["", "it", "AVG"],
  rows: [
    { label: "glob", cells: [{ value: 12.345, low: 12, high: 13, best: true }, { value: 1 }] },
    {
      label: "a|b",
      cells: [{ value: null }, { value: 2, text: "2 M", paper: "2.1M", slip: true }],
    },
  ],
  notes: ["a note, with a comma"],
};

Deno.test("hasTableShape() takes what every format prints, and nothing else", () => {
  assert.ok(hasTableShape(table));
  const rows = (row: unknown) => ({ ...table, rows: [row] });
  const refused = [
    null,
    5,
    {},
    [],
    { ...table, title: 5 },
    { ...table, columns: null },
    { ...table, notes: [5] },
    rows(null),
    rows({ label: "a", cells: [{ value: 1 }] }), // of two columns
    rows({ label: 5, cells: [{ value: 1 }, { value: 1 }] }),
    rows({ label: "a", cells: [{ value: {} }, { value: 1 }] }),
    rows({ label: "a", cells: [{ value: 1, low: "x" }, { value: 1 }] }),
  ];
  for (const value of refused) assert.ok(!hasTableShape(value), JSON.stringify(value));
});

Deno.test("formatTable() prints every format as the golden texts", () => {
  assert.equal(
    formatTable(table, "text"),
    `A table

               it          AVG
──────────────────────────────
glob  12.35±0.50*            1
a|b             –  2 M [2.1M!]
  ± half of a 95 % interval · * best, its interval apart from all others · […] the paper's number · ! the paper's number does not follow from its own inputs
  a note, with a comma
`,
  );
  assert.match(formatTable(table, "markdown"), /\| glob \| \*\*12\.35±0\.50\*\* \| 1 \|/);
  assert.match(formatTable(table, "markdown"), /\| a\\\|b \| – \| 2 M \[2\.1M!\] \|/);
  assert.equal(
    formatTable(table, "csv"),
    `table,row,column,value,low,high,paper
t,glob,it,12.345,12,13,
t,glob,AVG,1,,,
t,a|b,it,,,,
t,a|b,AVG,2,,,2.1M
`,
  );
  assert.deepEqual(JSON.parse(formatTable(table, "json")), table);
});

Deno.test("formatTable() refuses a format that it does not know", () => {
  assert.throws(() => formatTable(table, "pdf"), UsageError);
});

Deno.test("markBest() marks a cell only where its interval is apart from every other", () => {
  const row = (label: string, value: number, half: number): Row => ({
    label,
    cells: [{ value, low: value - half, high: value + half }],
  });
  const marked = (rows: Row[], direction: "lowest" | "highest") =>
    markBest(rows, direction).filter(({ cells }) => cells[0].best).map(({ label }) => label);
  assert.deepEqual(marked([row("a", 1, 0.4), row("b", 2, 0.4)], "lowest"), ["a"]); // 1.4 < 1.6
  assert.deepEqual(marked([row("a", 1, 0.5), row("b", 2, 0.5)], "lowest"), []); // 1.5 = 1.5
  assert.deepEqual(marked([row("a", 1, 0.4), row("b", 2, 0.4)], "highest"), ["b"]);
});
