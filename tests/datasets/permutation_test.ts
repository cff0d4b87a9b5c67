import { ok, strictEqual, throws } from "node:assert/strict";
import { seededPermutation } from "../../datasets/mod.ts";
import { seedOf } from "../../base/mod.ts";

const seed = seedOf(3, "permutation");

Deno.test("seededPermutation() visits every number once, for each n up to 200 and some larger", () => {
  for (const n of [...Array.from({ length: 200 }, (_, i) => i + 1), 255, 256, 257, 4_097, 70_001]) {
    const at = seededPermutation(n, seed);
    const seen = new Uint8Array(n);
    for (let i = 0; i < n; i++) {
      const value = at(i);
      ok(Number.isInteger(value) && value >= 0 && value < n, `n = ${n}: ${i} → ${value}`);
      strictEqual(seen[value]++, 0, `n = ${n}: ${value} twice`);
    }
  }
});

Deno.test("seededPermutation() stays in range for counts beyond 32 bits", () => {
  for (const n of [2 ** 40 + 1, 2 ** 52]) {
    const at = seededPermutation(n, seed);
    const values = Array.from({ length: 1_000 }, (_, i) => at(n - 1 - i));
    ok(values.every((value) => Number.isSafeInteger(value) && value >= 0 && value < n));
    strictEqual(new Set(values).size, values.length);
  }
});

Deno.test("seededPermutation() reaches all orders of three about equally often", () => {
  const draws = 6_000;
  const orders = new Map<string, number>();
  for (let i = 0; i < draws; i++) {
    const at = seededPermutation(3, seedOf(i, "order"));
    const order = `${at(0)}${at(1)}${at(2)}`;
    orders.set(order, (orders.get(order) ?? 0) + 1);
  }
  strictEqual(orders.size, 6);
  // Five deviations of a binomial count with p = 1/6: 5 · √(6000 · 5/36) = 144.
  for (const [order, count] of orders) ok(Math.abs(count - draws / 6) < 144, `${order}: ${count}`);
});

Deno.test("seededPermutation() spreads neighbours: no trace of the input order is left", () => {
  const n = 10_000;
  const at = seededPermutation(n, seed);
  let product = 0;
  const centre = (n - 1) / 2;
  for (let i = 0; i < n; i++) product += (i - centre) * (at(i) - centre);
  const correlation = product / ((n ** 3 - n) / 12);
  ok(Math.abs(correlation) < 0.05, `${correlation}`); // five deviations of 1/√n
});

Deno.test("seededPermutation() refuses counts and positions out of range", () => {
  for (const n of [0, -1, 1.5, NaN, 2 ** 53]) {
    throws(() => seededPermutation(n, seed), /expected a count from 1 to 2\^52, found/);
  }
  const at = seededPermutation(5, seed);
  for (const position of [5, -1, 0.5, NaN]) throws(() => at(position), /position in \[0, 5\)/);
});
