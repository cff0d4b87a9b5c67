import assert from "node:assert/strict";
import { learningRateAt, pretrainBudget } from "../../training/mod.ts";
import { settingsOf } from "../../training/budget.ts";
import { variantOf } from "./support.ts";

const inner = { warmupSteps: 4, peakLearningRate: 1, schedule: "linear", finalFactor: 0 } as const;
const settings = {
  rounds: 2,
  localSteps: 10,
  sourcesPerRound: 3,
  batchSize: 8,
  model: { seqLen: 16 },
  inner: { ...inner, decayFraction: 0.1 },
};

// 2 rounds of 10 steps; a batch has 8 · 16 = 128 tokens, and a round of DEPT three sources.
for (
  const [id, steps, tokens] of [
    ["trim", 20, 20 * 3 * 128],
    ["local-sgd", 20, 20 * 3 * 128],
    ["std-t0", 20, 20 * 128],
    ["act", 20, 20 * 128],
    ["std-t0-tokens", 20, 20 * 3 * 128],
    ["std-t0-steps", 60, 60 * 128],
    ["none", 0, 0],
  ] as const
) {
  Deno.test(`pretrainBudget() of ${id} has ${steps} steps and ${tokens} tokens`, () =>
    assert.deepEqual(pretrainBudget(variantOf(id), settings), { steps, tokens }));
}

Deno.test("settingsOf() stretches the schedule with the steps: warm-up, peak and end", () => {
  const own = settingsOf(variantOf("std-t0-steps"), settings);
  assert.deepEqual([own.localSteps, own.batchSize, own.inner.warmupSteps], [30, 8, 12]);
  const rate = (step: number) => learningRateAt(step, { ...own.inner, totalSteps: 60 });
  assert.deepEqual([0, 6, 12, 36, 60].map(rate), [0, 0.5, 1, 0.5, 0]);
});

Deno.test("settingsOf() makes the batch |S_t| times as large, or leaves all as the recipe says", () => {
  assert.equal(settingsOf(variantOf("std-t0-tokens"), settings).batchSize, 24);
  assert.equal(settingsOf(variantOf("spec"), settings), settings);
});
