import assert from "node:assert/strict";
import fc from "fast-check";
import { digamma } from "../../tokenizers/unigram/digamma.ts";
import { gridRounder } from "../../tokenizers/unigram/exact_sum.ts";
import { selectHighest } from "../../tokenizers/unigram/selection.ts";

Deno.test("digamma() meets known values", () => {
  const euler = 0.5772156649015329;
  // ψ(1) = -γ; ψ(1/2) = -γ - 2 ln 2; ψ(n) = -γ + Σ 1/k for k < n (Abramowitz and Stegun 6.3.2, 6.3.3)
  const known = [[1, -euler], [0.5, -euler - 2 * Math.LN2], [4, -euler + 1 + 1 / 2 + 1 / 3]];
  for (const [x, expected] of known) {
    assert.ok(Math.abs(digamma(x) - expected) < 1e-13, `ψ(${x}) = ${digamma(x)}`);
  }
  assert.ok(Math.abs(digamma(1e9) - Math.log(1e9)) < 1e-9); // ψ(x) = ln x - 1/2x + …
});

Deno.test("gridRounder() makes a sum the same in every order", () => {
  const rounder = gridRounder(1000);
  const terms = Array.from({ length: 3000 }, (_, i) => 1 / (3 + i * 7 % 101));
  const sum = (items: number[]) => items.reduce((s, x) => s + ((x + rounder) - rounder), 0);
  const forward = sum(terms);
  assert.equal(sum(terms.toReversed()), forward);
  assert.equal(sum(terms.toSorted()), forward);
  const plain = terms.reduce((s, x) => s + x, 0);
  // each term is off by half a step, 2^10 / 2^51 / 2, at most
  assert.ok(Math.abs(forward - plain) < 3000 * 2 ** -42 + 1e-9);
  assert.notEqual(
    terms.toSorted().reduce((s, x) => s + x, 0),
    terms.toSorted().reverse().reduce((s, x) => s + x, 0),
    "plain sums of these terms depend on order",
  );
});

Deno.test("selectHighest() takes the highest, of equal ones the first", () => {
  const select = (scores: number[], count: number) => [
    ...selectHighest(Float64Array.from(scores), count),
  ];
  assert.deepEqual(select([1, 5, 1, 1, 0], 3), [0, 1, 2]);
  assert.deepEqual(select([-Infinity, 5, Infinity, 1, 0], 1), [2]);
  assert.deepEqual(select([1, 1, 1, 1, 1], 9), [0, 1, 2, 3, 4]);
  assert.deepEqual(select([1, 1, 1, 1, 1], 0), []);
  const score = fc.constantFrom(-Infinity, 0, 1, 2, 3, 5, Number.MAX_VALUE, Infinity);
  fc.assert(
    fc.property(fc.array(score, { maxLength: 60 }), fc.nat(60), (scores, count) => {
      const sorted = scores.map((_, i) => i).sort((a, b) =>
        scores[a] < scores[b] ? 1 : scores[a] > scores[b] ? -1 : a - b
      );
      assert.deepEqual(select(scores, count), sorted.slice(0, count).sort((a, b) => a - b));
    }),
    { seed: 1, numRuns: 300 },
  );
});
