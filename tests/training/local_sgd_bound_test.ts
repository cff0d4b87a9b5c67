/**
 * The bound for local SGD: by hand, beside a script of another language, and on functions whose constants are known.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { Random, seedOf } from "../../base/mod.ts";
import { type BoundConstants, gradientConstants, localSgdBound } from "../../training/mod.ts";
import { projectRoot } from "../support/paths.ts";

const plain: BoundConstants = {
  ...{ smoothness: 1, variance: 0, drift: 0, gap: 0.5, workers: 1, localSteps: 1, steps: 100 },
};

function assertNear(actual: number, expected: number, relative = 1e-6): void {
  assert.ok(Math.abs(actual - expected) <= relative * Math.abs(expected), `${actual}: ${expected}`);
}

Deno.test("localSgdBound() balances start against noise, and start against sources that move apart", () => {
  // 2·0.5/(100γ) + γ·1: lowest at γ = 0.1, where both are 0.1.
  const noisy = localSgdBound({ ...plain, variance: 1 });
  assertNear(noisy.rate, 0.1);
  assertNear(noisy.total, 0.2);
  assert.equal(noisy.apart, 0); // one local step drifts nowhere
  // Four workers: 0.01/γ + γ/4, lowest at 0.2, but only rates up to 1/6 are allowed: 0.06 + 1/24.
  assertNear(localSgdBound({ ...plain, variance: 1, workers: 4 }).total, 0.06 + 1 / 24);
  // I = 3, κ² = 1: 0.01/γ + 9·4·γ², lowest at γ³ = 0.01/72.
  const apart = localSgdBound({ ...plain, drift: 1, localSteps: 3 });
  assertNear(apart.rate, (0.01 / 72) ** (1 / 3));
  assertNear(apart.start, 2 * apart.apart); // a/γ = 2cγ² there
  // I = 30: the rate is at most 1/180, so 0.01·180 + 9·29²/180².
  assertNear(
    localSgdBound({ ...plain, drift: 1, localSteps: 30 }).total,
    1.8 + 9 * 29 ** 2 / 180 ** 2,
  );
});

Deno.test("localSgdBound() refuses constants that mean nothing", () => {
  for (const wrong of [{ smoothness: 0 }, { variance: -1 }, { steps: NaN }, { gap: Infinity }]) {
    assert.throws(() => localSgdBound({ ...plain, ...wrong }), {
      name: "RangeError",
      message: /expected a finite \w+ above 0, found/,
    });
  }
});

const script = join(projectRoot, "tests/support/local_sgd_bound.py");
const python = await new Deno.Command("python3", { args: ["--version"] }).output()
  .then(({ success }) => success, () => false);

Deno.test({
  name: `localSgdBound() is what a script of Python finds by trying rates${
    python ? "" : ": skipped: no python3"
  }`,
  ignore: !python,
}, async () => {
  const random = new Random(seedOf(1, "bounds"));
  const between = (low: number, high: number) => low * (high / low) ** random.float64();
  const cases = Array.from({ length: 50 }, (): BoundConstants => ({
    smoothness: between(0.1, 1000),
    variance: between(1e-4, 10),
    drift: between(1e-4, 10),
    gap: between(0.1, 10),
    workers: 1 + random.below(8),
    localSteps: 1 + random.below(50),
    steps: 100 + random.below(10_000),
  }));
  const child = new Deno.Command("python3", {
    args: [script],
    ...{ stdin: "piped", stdout: "piped", stderr: "inherit" },
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(JSON.stringify(cases)));
  await writer.close();
  const { stdout } = await child.output();
  const found: number[] = JSON.parse(new TextDecoder().decode(stdout));
  assert.equal(found.length, cases.length);
  // The script tries rates 0.1 % apart; near the lowest point the bound changes by less than the square of that.
  cases.forEach((one, i) => assertNear(localSgdBound(one).total, found[i], 1e-5));
});

/** Sources ½·Σ aᵢ(xᵢ − c_kᵢ)² in two dimensions, whose gradients have noise of ±s in each. */
const [stiffness, noise] = [[1, 4], 0.5] as const;
const centres = [[0, 0], [2, 1], [4, -1]] as const;

function gradientAt(source: number, at: ArrayLike<number>, signs: readonly number[]): number[] {
  return stiffness.map((a, i) => a * (at[i] - centres[source][i]) + noise * signs[i]);
}

Deno.test("gradientConstants() finds smoothness, noise and drift of quadratic functions", async () => {
  const signs = [[1, 1], [-1, -1], [1, -1], [-1, 1]];
  const found = await gradientConstants(
    (source, batch, at) =>
      Promise.resolve({
        gradient: Float32Array.from(gradientAt(source, at, signs[batch])),
        loss: source + batch,
      }),
    Float32Array.of(3, 5),
    { sources: 3, batches: 4, smoothnessSteps: 12 },
  );
  assertNear(found.smoothness, 4, 1e-3); // the stiffer direction; float32 gradients over a short step
  // Signs add up to 0, so sources are known exactly; each gradient is 2·0.25 from its source: 4·0.5/(4 − 1).
  assertNear(found.variance, 2 / 3, 1e-5);
  // Centres around (2, 0): gradients differ by (2, 0), (0, −4), (−2, 4), so (4 + 16 + 20)/3; noise takes 2/3·σ²/4 off.
  assertNear(found.drift, 40 / 3 - (2 / 3) * (2 / 3) / 4, 1e-5);
  // The mean gradient at (3, 5) is (1, 20); noise takes σ²/12 off.
  assertNear(found.gradientSquare, 401 - (2 / 3) / 12, 1e-5);
  assert.equal(found.lossNats, 2.5); // (0 + 1 + 2)/3 + (0 + 1 + 2 + 3)/4
});

Deno.test("localSgdBound() lies above what local SGD does with functions that have its constants", () => {
  // L = 4, σ² = 2·0.25, κ² = 40/3 everywhere; f(x₀) − f* with f* at (2, 0), where ∇f = 0.
  const [localSteps, steps, runs] = [5, 200, 40];
  const start = [10, 10];
  const gap = (1 * 8 ** 2 + 4 * 10 ** 2) / 2;
  const constants = { smoothness: 4, variance: 0.5, drift: 40 / 3, gap, workers: 3 };
  const { rate, total } = localSgdBound({ ...constants, localSteps, steps });
  const random = new Random(seedOf(1, "noise"));
  let sum = 0;
  for (let run = 0; run < runs; run++) {
    let workers = centres.map(() => start);
    const mean = () => start.map((_, i) => workers.reduce((sum, x) => sum + x[i] / 3, 0));
    for (let step = 0; step < steps; step++) {
      const [x, y] = mean();
      sum += ((x - 2) ** 2 + (4 * y) ** 2) / steps / runs;
      workers = workers.map((at, source) => {
        const signs = [random.below(2) * 2 - 1, random.below(2) * 2 - 1];
        const gradient = gradientAt(source, at, signs);
        return at.map((value, i) => value - rate * gradient[i]);
      });
      if ((step + 1) % localSteps === 0) workers = workers.map(mean);
    }
  }
  assert.ok(sum < total, `${sum} of ${total}`);
  assert.ok(sum > total / 100, "the bound is not far from all use"); // else a wrong factor would not be seen
});
