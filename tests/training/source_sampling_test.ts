import assert from "node:assert/strict";
import {
  cycledSources,
  roundSources,
  sampleSources,
  unimaxBudgets,
  weightedSources,
} from "../../training/source_sampling.ts";
import { seed } from "./support.ts";

Deno.test("cycledSources() lets all sources come before any comes again, and none twice in a round", () => {
  const names = ["a", "b", "c", "d", "e", "f", "g"];
  const rounds = Array.from(
    { length: 21 },
    (_, i) => cycledSources([...names].reverse(), 3, i + 1, seed),
  );
  const counts = new Map(names.map((name) => [name, 0]));
  for (const [i, drawn] of rounds.entries()) {
    assert.equal(new Set(drawn).size, 3);
    assert.deepEqual(drawn, [...drawn].sort());
    for (const name of drawn) counts.set(name, counts.get(name)! + 1);
    const values = [...counts.values()];
    assert.ok(Math.max(...values) - Math.min(...values) <= 1, `round ${i + 1}: ${values}`);
    assert.deepEqual(drawn, cycledSources(names, 3, i + 1, seed)); // of its round alone
  }
  assert.deepEqual([...counts.values()], names.map(() => 9)); // 21 rounds of 3 are 9 orders of 7
  assert.notDeepEqual(rounds.slice(0, 7), rounds.slice(7, 14)); // another order each time
  assert.deepEqual(cycledSources(names, 7, 3, seed), names);
});

Deno.test("sampleSources() draws without replacement, sorted, the same for a seed", () => {
  const names = ["d", "a", "c", "b"];
  const counts = new Map<string, number>();
  for (let round = 1; round <= 200; round++) {
    const drawn = sampleSources(names, 2, seed(`round/${round}/sources`));
    assert.equal(new Set(drawn).size, 2);
    assert.deepEqual(drawn, [...drawn].sort());
    assert.deepEqual(drawn, sampleSources([...names].reverse(), 2, seed(`round/${round}/sources`)));
    for (const name of drawn) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  // 200 rounds · 2/4 = 100 each, deviation √(200·¼) ≈ 7: five of them
  for (const name of names) assert.ok(Math.abs(counts.get(name)! - 100) < 36, `${name}`);
});

Deno.test("unimaxBudgets() gives what is worked by hand", () => {
  const windows = new Map([["c", 100], ["a", 10], ["b", 40]]);
  const budgets = (epochs: number, total: number) =>
    Object.fromEntries(unimaxBudgets(windows, epochs, total));
  // An even share of 90 is 30. a has 10 and gives them; of the 80 left b gives half, and so does c.
  assert.deepEqual(budgets(1, 90), { a: 10, b: 40, c: 40 });
  // Two epochs of a are 20; of the 70 left b gives 35, which it has.
  assert.deepEqual(budgets(2, 90), { a: 20, b: 35, c: 35 });
  assert.deepEqual(budgets(4, 90), { a: 30, b: 30, c: 30 });
  // More than all have: each gives its epochs.
  assert.deepEqual(budgets(1, 1000), { a: 10, b: 40, c: 100 });
});

Deno.test("weightedSources() draws in proportion to the weights, and none twice", () => {
  const weights = new Map([["a", 1], ["b", 3], ["c", 0]]);
  const counts = { a: 0, b: 0, c: 0 };
  for (let round = 1; round <= 1000; round++) {
    const [name] = weightedSources(weights, 1, seed(`round/${round}/sources`));
    counts[name as keyof typeof counts]++;
    assert.deepEqual(weightedSources(weights, 2, seed(`round/${round}/sources`)), ["a", "b"]);
  }
  // Of 1,000 draws 250 are expected of a; four standard deviations are 55.
  assert.ok(Math.abs(counts.a - 250) < 55, `${counts.a}`);
  assert.equal(counts.c, 0);
});

Deno.test("roundSources() draws as the recipe says", () => {
  const windows = new Map([["a", 1], ["b", 1000], ["c", 1000]]);
  const extent = { sourcesPerRound: 1, rounds: 300, localSteps: 5, batchSize: 4, windows };
  const count = (sourceSampling: Parameters<typeof roundSources>[0]["sourceSampling"]) =>
    Array.from(
      { length: 300 },
      (_, i) => roundSources({ ...extent, sourceSampling }, i + 1, seed)[0],
    ).filter((name) => name === "a").length;
  const near = (found: number, expected: number) =>
    assert.ok(Math.abs(found - expected) <= 4 * Math.sqrt(expected + 1), `${found}, ${expected}`);
  near(count("uniform"), 100);
  assert.equal(count("cycle"), 100);
  near(count({ kind: "temperature", tau: 0 }), 100);
  near(count({ kind: "temperature", tau: 1 }), 300 / 2001);
  // Of 6,000 windows a gives 4 epochs of its one, the others share the rest.
  near(count({ kind: "unimax", epochs: 4 }), 300 * 4 / 6000);
});
