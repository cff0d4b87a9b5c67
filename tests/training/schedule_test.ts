import assert from "node:assert/strict";
import { learningRateAt, linearWithWarmup } from "../../training/mod.ts";
import { cosineWithWarmup } from "./support.ts";

const near = (found: number, expected: number) =>
  assert.ok(Math.abs(found - expected) <= 1e-15, `expected ${expected}, found ${found}`);

Deno.test("cosineWithWarmup() rises linearly from 0, falls as a cosine to its share of the peak, and stays", () => {
  const schedule = { peakLearningRate: 0.6, warmupSteps: 4, finalFactor: 0.1, totalSteps: 12 };
  near(cosineWithWarmup(0, schedule), 0);
  near(cosineWithWarmup(1, schedule), 0.15); // 0.6 · 1/4
  near(cosineWithWarmup(3, schedule), 0.45);
  near(cosineWithWarmup(4, schedule), 0.6); // share 0: α + (1 − α)·½·2
  near(cosineWithWarmup(6, schedule), 0.6 * (0.1 + 0.9 * 0.5 * (1 + Math.SQRT1_2))); // share ¼
  near(cosineWithWarmup(8, schedule), 0.33); // share ½: 0.6·(0.1 + 0.9·½)
  near(cosineWithWarmup(12, schedule), 0.06);
  near(cosineWithWarmup(20, schedule), 0.06);
});

Deno.test("cosineWithWarmup() of a run shorter than its warm-up only warms up", () => {
  const schedule = { peakLearningRate: 1, warmupSteps: 10, finalFactor: 0.1, totalSteps: 5 };
  near(cosineWithWarmup(4, schedule), 0.4);
  near(cosineWithWarmup(10, schedule), 0.1);
});

Deno.test("cosineWithWarmup() without warm-up begins at the peak", () => {
  const schedule = { peakLearningRate: 2, warmupSteps: 0, finalFactor: 0, totalSteps: 2 };
  near(cosineWithWarmup(0, schedule), 2);
  near(cosineWithWarmup(1, schedule), 1);
});

Deno.test("linearWithWarmup() rises over its share of the steps and falls with the steps left", () => {
  const schedule = { peakLearningRate: 1, warmupFraction: 0.2, totalSteps: 10 };
  near(linearWithWarmup(0, schedule), 0);
  near(linearWithWarmup(1, schedule), 0.5); // 0.1 / 0.2
  near(linearWithWarmup(2, schedule), 0.8); // 1 − 0.2
  near(linearWithWarmup(9, schedule), 0.1); // 1 − 0.9, up to rounding
  near(linearWithWarmup(10, schedule), 0);
});

Deno.test("learningRateAt() goes on after the warm-up as a cosine, a line, a plateau, or a plateau and a line", () => {
  const shape = { peakLearningRate: 1, warmupSteps: 2, finalFactor: 0.2, totalSteps: 10 };
  for (const schedule of ["cosine", "linear", "constant", "wsd"] as const) {
    const rate = (step: number) => learningRateAt(step, { ...shape, schedule, decayFraction: 0.4 });
    near(rate(0), 0);
    near(rate(1), 0.5);
    near(rate(2), 1);
    const [middle, late, end] = {
      cosine: [0.6, 0.2 + 0.8 * 0.5 * (1 - Math.SQRT1_2), 0.2], // 0.2 + 0.8·½(1 + cos πx), x = ½ and ¾
      linear: [0.6, 0.4, 0.2], // 1 − 0.8·x
      constant: [1, 1, 1],
      wsd: [1, 0.6, 0.2], // down over the last 4 of 10 steps: half way at step 8
    }[schedule];
    near(rate(6), middle);
    near(rate(8), late);
    near(rate(10), end);
    near(rate(11), end);
  }
});
