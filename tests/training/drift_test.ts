import assert from "node:assert/strict";
import {
  cutVocabulary,
  driftOf,
  pretrain,
  type Tensors,
  wholeVocabulary,
} from "../../training/mod.ts";
import { pretraining, withSources } from "./support.ts";

const table = "embedding.token.weight";
const tensor = (shape: number[], ...values: number[]) => ({
  shape,
  data: Float32Array.from(values),
});

Deno.test("driftOf() gives lengths, angles and variance of the body's differences, by hand", () => {
  const shared: Tensors = { "body.a": tensor([1], 1), "body.b": tensor([1], 2) };
  const result = (a: number, b: number) => ({
    tensors: { "body.a": tensor([1], a), "body.b": tensor([1], b) },
    vocabulary: wholeVocabulary(4),
  });
  // Δ: x (3, 4), y (4, −3), z (−3, −4)
  const results = new Map([["z", result(-2, -2)], ["x", result(4, 6)], ["y", result(5, -1)]]);
  const drift = driftOf(shared, results);
  assert.deepEqual(drift.deltaNorms, { x: 5, y: 5, z: 5 });
  assert.deepEqual(drift.cosines.map(({ sources, body }) => [...sources, body]), [
    ["x", "y", 0],
    ["x", "z", -1],
    ["y", "z", 0],
  ]);
  assert.ok(drift.cosines.every(({ tokenEmbedding }) => tokenEmbedding === null));
  // mean (4/3, −1): length 5/3
  assert.ok(Math.abs(drift.meanDeltaNorm - 5 / 3) < 1e-12);
  // variance of a: (9 + 16 + 9)/3 − (4/3)² = 34/3 − 16/9 = 86/9; of b: (16 + 9 + 16)/3 − 1 = 38/3; their mean 100/9
  assert.ok(Math.abs(drift.deltaVariance - 100 / 9) < 1e-12);
});

Deno.test("driftOf() compares embeddings over the rows that both sources have", () => {
  const shared: Tensors = { "body.a": tensor([1], 0), [table]: tensor([4, 1], 1, 1, 1, 1) };
  const result = (rows: number[], ...values: number[]) => ({
    tensors: { "body.a": tensor([1], 1), [table]: tensor([rows.length, 1], ...values) },
    vocabulary: cutVocabulary(Int32Array.from(rows), 4),
  });
  // Common rows 1 and 3: Δ (3, 4) and (4, 3), cosine 24/25; rows 0 and 2 do not count
  const results = new Map([
    ["a", result([0, 1, 3], 100, 4, 5)],
    ["b", result([1, 2, 3], 5, -100, 4)],
    ["c", result([0, 2], 7, 7)],
  ]);
  const [ab, ac] = driftOf(shared, results).cosines;
  assert.equal(ab.tokenEmbedding, 24 / 25);
  assert.equal(ab.body, 1);
  assert.deepEqual(ac.sources, ["a", "c"]);
  assert.equal(ac.tokenEmbedding, 1); // row 0: 99 and 6
});

Deno.test("pretrain() notes drift and losses before and after averaging, of every round", () =>
  withSources(async (sources, folder) => {
    const { metrics } = await pretrain(pretraining("trim", sources, folder));
    const rounds = (metrics as unknown as {
      kind: string;
      sources: string[];
      drift: { deltaNorms: Record<string, number>; cosines: { body: number }[] };
      validationBefore: Record<string, number>;
      validation: Record<string, { lossNats: number }>;
    }[]).filter(({ kind }) => kind === "round");
    assert.equal(rounds.length, 2);
    for (const { sources, drift, validationBefore, validation } of rounds) {
      assert.deepEqual(Object.keys(drift.deltaNorms), sources);
      assert.deepEqual(Object.keys(validationBefore), sources);
      assert.ok(drift.cosines.every(({ body }) => body > -1 && body < 1));
      // What a source made alone is not what averaging made.
      for (const source of sources) {
        assert.notEqual(validationBefore[source], validation[source].lossNats);
      }
    }
  }));
