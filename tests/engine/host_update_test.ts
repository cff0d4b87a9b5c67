import assert from "node:assert/strict";
import { HostUpdate } from "../../engine/onnxruntime/host_update.ts";
import { adamWStep } from "../../engine/adamw_step.ts";
import type { AdamWTensor } from "../../engine/onnxruntime/adamw.ts";
import { Random, seedOf } from "../../base/mod.ts";

const optimizer = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 };
/** Large enough for threads; one of whole chunks, one that ends within a chunk, one smaller than any. */
const lengths = [2 ** 20, 100_003, 7];

function tensors(): AdamWTensor[] {
  const random = new Random(seedOf(1, "test/host-update"));
  const draw = (length: number) => Float32Array.from({ length }, () => random.float64() - 0.5);
  return lengths.map((length) => ({
    value: draw(length),
    gradient: draw(length),
    m: draw(length),
    v: draw(length).map(Math.abs),
  }));
}

/** Two steps, each after its norms, with a rate for each tensor. */
async function afterTwoSteps(threads: number) {
  const all = tensors();
  const update = new HostUpdate(all, threads);
  const squares: number[][] = [];
  try {
    for (const step of [1, 2]) {
      squares.push(await update.squares());
      await update.step(all.map((_, i) => adamWStep(optimizer, 0.01 * i, 0.5, step)));
    }
  } finally {
    update.close();
  }
  return { squares, all };
}

Deno.test("HostUpdate gives the same bytes with any number of threads", async () => {
  const alone = await afterTwoSteps(1);
  for (const threads of [2, 3]) assert.deepEqual(await afterTwoSteps(threads), alone);
});

Deno.test("HostUpdate sums squares and takes steps as AdamW's formulas say", async () => {
  const before = tensors();
  const { squares, all } = await afterTwoSteps(2);
  before.forEach(({ value, gradient, m, v }, i) => {
    const expected = gradient.reduce((sum, g) => sum + g * g, 0);
    assert.ok(Math.abs(squares[0][i] - expected) <= 1e-12 * expected);
    assert.equal(squares[1][i], squares[0][i]);
    for (const at of [0, value.length >> 1, value.length - 1]) {
      const rate = 0.01 * i;
      const g = 0.5 * gradient[at];
      let [w, first, second] = [value[at], m[at], v[at]];
      for (const step of [1, 2]) {
        first = 0.9 * first + 0.1 * g;
        second = 0.95 * second + 0.05 * g * g;
        const direction = first / (1 - 0.9 ** step) /
          (Math.sqrt(second / (1 - 0.95 ** step)) + 1e-8);
        w -= rate * (0.1 * w + direction);
      }
      assert.ok(Math.abs(all[i].value[at] - w) <= 1e-6 * Math.max(1, Math.abs(w)), `${i} ${at}`);
    }
  });
});
