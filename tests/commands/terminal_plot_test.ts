import assert from "node:assert/strict";
import { plotLines } from "../../commands/terminal_plot.ts";
import type { Series } from "../../stages/figures/mod.ts";

const small = { columns: 17, rows: 2, hasColour: false }; // 10 columns for curves

function series(label: string, ...points: readonly (readonly [number, number])[]): Series {
  return { label, points: points.map(([x, y]) => ({ x, y })), from: [] };
}

function plot(all: readonly Series[], size = small): string[] {
  return plotLines({ title: "t", y: "nats", isLogarithmic: false, series: all }, "step", size);
}

Deno.test("plotLines() draws one curve in braille, two by four points a character", () => {
  // From the first of 20 points at the top to the last at the bottom of 8: y = round(7·x / 19).
  assert.deepEqual(plot([series("trim", [0, 1], [1, 0])]), [
    "t, nats",
    "1.00 ┤⠉⠒⠢⢄⣀",
    "0.00 ┤     ⠉⠑⠢⠤⣀",
    "     └──────────",
    "      0  step  1",
    "  trim 0.000",
  ]);
});

Deno.test("plotLines() tells several curves apart by letters, and by colours where there are some", () => {
  const two = [series("up", [0, 1], [8, 1]), series("down", [4, 0], [8, 0])];
  const lines = plot(two);
  assert.deepEqual(lines.slice(1, 3), ["1.00 ┤aaaaaaaaaa", "0.00 ┤     bbbbb"]); // from the middle on
  assert.deepEqual(lines.slice(-2), ["  a up 1.000", "  b down 0.000"]);
  const [, first, , , , legend] = plot(two, { ...small, columns: 60, hasColour: true });
  assert.ok(
    first.startsWith("1.00 ┤\x1b[36m⠉\x1b[0m") && first.endsWith("\x1b[36ma\x1b[0m"),
    first,
  );
  assert.equal(legend, "  \x1b[36ma up 1.000\x1b[0m   \x1b[33mb down 0.000\x1b[0m");
});

Deno.test("plotLines() draws a single point, and never more columns than there are", () => {
  // In the middle: point 10 of 0 to 19, and 4 of 0 to 7.
  assert.deepEqual(plot([series("one", [5, 2])]).slice(1, 3), ["2.50 ┤", "1.50 ┤     ⠁"]);
  const many = Array.from({ length: 9 }, (_, i) => series(`variant-${i}`, [0, i], [1000, 9 - i]));
  for (const columns of [40, 60, 100, 150]) {
    for (const line of plot(many, { columns, rows: 13, hasColour: false })) {
      assert.ok([...line].length < columns, `${columns}: ${line}`);
    }
  }
});
