import assert from "node:assert/strict";
import { pretrain, type Tensors } from "../../training/mod.ts";
import { forget, forgetMoments, forgettingRates } from "../../training/forgetting.ts";
import { initialShared } from "../../training/source.ts";
import {
  cosineWithWarmup,
  groupsOf,
  inner,
  model,
  pretraining,
  seed,
  variantOf,
  vocabSize,
  withSources,
} from "./support.ts";

const table = "embedding.token.weight";

Deno.test("forget() gives the first table again, or another one each round, and leaves the body", () => {
  const shared = initialShared(variantOf("act"), model, vocabSize, seed);
  const trained: Tensors = {
    ...shared,
    [table]: { ...shared[table], data: shared[table].data.map((value) => value + 1) },
  };
  const options = { model, vocabSize, seed };
  for (const round of [1, 2, 5]) {
    assert.deepEqual(forget(trained, round, { ...options, forgetting: "same" }), shared);
  }
  const renewed = [1, 2, 3].map((round) =>
    forget(trained, round, { ...options, forgetting: "new" })
  );
  assert.deepEqual(renewed[0], shared);
  assert.notDeepEqual(renewed[1][table], shared[table]);
  assert.notDeepEqual(renewed[2][table], renewed[1][table]);
  assert.equal(renewed[2]["body.norm_final.weight"], trained["body.norm_final.weight"]);
});

Deno.test("forgettingRates() restarts the embedding's cosine and lets the body's go on", () => {
  // β of 0 leaves the count of steps out of the rate.
  const plain = { ...inner, beta1: 0, beta2: 0 };
  const rates = forgettingRates(plain, { localSteps: 4, totalSteps: 12 });
  for (let step = 0; step < 12; step++) {
    const rate = rates(step);
    assert.equal(rate("body.x"), cosineWithWarmup(step, { ...plain, totalSteps: 12 }));
    assert.equal(rate(table), cosineWithWarmup(step % 4, { ...plain, totalSteps: 4 }));
  }
  assert.equal(rates(4)(table), 0); // warm-up begins again
  assert.equal(rates(6)(table), 0.01); // its end
});

Deno.test("forgetMoments() clears the moments of embeddings alone", () => {
  const moment = { shape: [1], data: Float32Array.of(3) };
  const { step, moments } = forgetMoments({
    step: 7,
    moments: { [`${table}.m`]: moment, "body.a.v": moment },
  });
  assert.equal(step, 7);
  assert.deepEqual([...moments[`${table}.m`].data], [0]);
  assert.deepEqual(moments["body.a.v"], moment);
});

Deno.test("pretrain() of ACT begins a round with a new table, new moments and a count of its own", () =>
  withSources(async (sources, folder) => {
    // The first step of Adam's own count moves a weight that has a gradient by just the rate.
    const oneStep = {
      rounds: 5,
      localSteps: 1,
      inner: { ...inner, warmupSteps: 0, epsilon: 1e-12 },
    };
    const options = pretraining("act", sources, folder, oneStep);
    const { last } = await pretrain(options);
    const before = initialShared(options.variant, model, vocabSize, seed)[table].data;
    const { data } = groupsOf(last).model[table];
    const steps = [...data].map((value, i) => Math.abs(value - before[i]));
    // A cosine of one step: its rate is the peak. Float32 at weights near 1.
    assert.ok(
      Math.abs(Math.max(...steps) - 0.01) < 1e-6,
      `expected 0.01, found ${Math.max(...steps)}`,
    );
    const middle = steps.sort((a, b) => a - b)[steps.length >> 1];
    assert.ok(Math.abs(middle - 0.01) < 1e-6, `expected 0.01, found ${middle}`);
  }));
