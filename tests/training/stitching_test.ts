/**
 * Stitched tables: averages, turned tables and combinations by hand.
 */
import assert from "node:assert/strict";
import { sparseCombination } from "../../training/sparse_combination.ts";
import { alignTables, averageTables, type SourceTable } from "../../training/stitching.ts";

function table(
  rows: readonly (readonly [piece: string | number, count: number, row: readonly number[]])[],
): SourceTable {
  return {
    pieces: rows.map(([piece]) => piece),
    counts: rows.map(([, count]) => count),
    rows: {
      shape: [rows.length, rows[0][2].length],
      data: Float32Array.from(rows.flatMap(([, , row]) => row)),
    },
  };
}

function near(found: ArrayLike<number>, expected: readonly number[]): void {
  assert.equal(found.length, expected.length);
  expected.forEach((value, i) =>
    assert.ok(Math.abs(found[i] - value) < 1e-6, `${i}: expected ${value}, found ${found[i]}`)
  );
}

Deno.test("averageTables() weights rows with counts; what none has seen stays as it was drawn", () => {
  const drawn = { shape: [4, 2], data: Float32Array.from([9, 9, 8, 8, 7, 7, 6, 6]) };
  const made = averageTables([
    table([[0, 3, [1, 2]], [2, 1, [4, 0]], [3, 0, [5, 5]]]),
    table([[0, 1, [5, 6]], [2, 0, [9, 1]]]),
  ], drawn);
  // Piece 0: (3 · 1 + 1 · 5) / 4 = 2, (3 · 2 + 6) / 4 = 3. Piece 2: of the first alone. Pieces 1 and 3: seen by none.
  near(made.rows.data, [2, 3, 8, 8, 4, 0, 6, 6]);
  assert.deepEqual([made.given, made.combined, made.drawn], [2, 0, 2]);
});

Deno.test("sparseCombination() finds the anchors a vector is made of, and their weights", () => {
  const anchors = { width: 3, data: Float32Array.from([1, 0, 0, 1, 1, 0, 0, 0, 2, 0, 0, 0]) };
  // 3 · (1, 1, 0) + 0.5 · (0, 0, 2)
  const { anchors: taken, weights } = sparseCombination(Float32Array.from([3, 3, 1]), anchors, 3);
  assert.deepEqual(taken, [1, 2]);
  near(weights, [3, 0.5]);
  // With one anchor only: the projection on (1, 1, 0).
  const one = sparseCombination(Float32Array.from([4, 2, 1]), anchors, 1);
  assert.deepEqual(one.anchors, [1]); // 6 / √2 = 4.24 is more than 4
  near(one.weights, [3]);
});

Deno.test("alignTables() turns a table to the largest source's, and combines what that lacks", () => {
  // The second source is the first turned by a quarter: (x, y) ↦ (−y, x), so R turns it back.
  const quarter = ([x, y]: readonly number[]) => [-y, x];
  const first = { a: [1, 0], b: [0, 2], c: [3, 1] };
  const drawn = { shape: [5, 2], data: new Float32Array(10).fill(7) };
  const made = alignTables(
    [
      table([["a", 10, first.a], ["b", 10, first.b], ["c", 10, first.c]]),
      table([
        ["a", 5, quarter(first.a)],
        ["b", 5, quarter(first.b)],
        // = 2 · a + 0.5 · b
        ["d", 5, quarter([2, 1])],
        ["e", 0, [1, 1]],
      ]),
    ],
    ["a", "b", "c", "d", "e"],
    drawn,
    8,
  );
  near(made.rows.data, [...first.a, ...first.b, ...first.c, 2, 1, 7, 7]);
  assert.deepEqual([made.given, made.combined, made.drawn], [3, 1, 1]);
});

Deno.test("alignTables() passes over a source that shares no piece with the largest", () => {
  const drawn = { shape: [2, 1], data: Float32Array.from([7, 7]) };
  const made = alignTables(
    [table([["x", 2, [1]]]), table([["y", 1, [1]]])],
    ["x", "y"],
    drawn,
    4,
  );
  near(made.rows.data, [1, 7]);
  assert.deepEqual([made.given, made.combined, made.drawn], [1, 0, 1]);
});
