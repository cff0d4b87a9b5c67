/**
 * Precision fp16. The very graphs that a GPU is given run on ONNX Runtime's provider cpu, which computes a product in single
 * precision and rounds it to half; where the GPU, or the software driver, has shader-f16 they run on it too, and its kernels
 * also add up in half precision.
 */
import assert from "node:assert/strict";
import type { EngineOptions } from "../../engine/mod.ts";
import { DeviceProgram } from "../../engine/onnxruntime/device/program.ts";
import {
  firstLossScale,
  growthSteps,
  LossScale,
  mostLossScale,
} from "../../engine/onnxruntime/device/loss_scale.ts";
import {
  differentiate,
  float32,
  type Graph,
  GraphBuilder,
  languageModelGraph,
  type ModelConfig,
  operators,
} from "../../model/mod.ts";
import {
  adamW,
  config,
  engines,
  initialValues,
  languageFeeds,
  nearAll,
  options,
  probe,
  skip,
  steps,
} from "./engines.ts";
import { openOnProcessor } from "../support/half_on_processor.ts";

const half = { threads: 1, precision: "fp16" } as const;
const network = differentiate(languageModelGraph(config, 2));

const gpu = Object.fromEntries(engines).webgpu;
const refusal = await gpu?.compile(productGraph(1, 2), half).then(
  (program) => program.dispose(),
  (error) => error,
);
/** What runs the graphs: a GPU too, where it can. */
const providers = gpu !== undefined && refusal === undefined ? ["cpu", "webgpu"] : ["cpu"];
if (refusal !== undefined) skip("fp16 on webgpu", refusal.message);

for (const [name, engine] of engines) {
  const hasHalf = name === "webgpu" && providers.includes("webgpu");
  Deno.test(`${name}: precision fp16 is ${hasHalf ? "taken" : "refused with the way out"}`, async () => {
    const refused = name === "webgpu"
      ? /^UsageError: .*expected a GPU with the feature "shader-f16", found ".+" without it \(it has: .+\); set engine.precision=fp32/
      : new RegExp(
        `^UsageError: Cannot use engine "${name}" with precision "fp16": expected "fp32"(?: or "tf32" or "bf16")? \\(set engine`,
      );
    for (
      const compile of [
        () => engine.compile(productGraph(2, 2), half),
        () => engine.compileTraining(network, { ...half, optimizer: adamW }),
      ]
    ) {
      if (hasHalf) await (await compile()).dispose();
      else await assert.rejects(compile(), (error) => refused.test(String(error)));
    }
  });
}

for (const provider of providers) {
  const open = provider === "cpu" ? openOnProcessor : undefined;
  const test = (sentence: string, run: () => Promise<void>) =>
    Deno.test(`fp16 on ${provider}: ${sentence}`, run);
  const train = async (
    graph: Graph,
    engineOptions: EngineOptions,
    optimizer = adamW,
    values = initialValues(config),
  ) => {
    const all = { ...engineOptions, optimizer };
    const on = engineOptions.precision === "fp16" ? open : openOnProcessor;
    const program = await DeviceProgram.open(graph, all, on);
    await program.write(values);
    return program;
  };

  test("a product rounds its factors and its result to half precision, and nothing else is rounded", async () => {
    const builder = new GraphBuilder();
    const x = builder.input("x", float32([1, 2]));
    const w = builder.parameter("w", [1, 2]);
    const product = builder.apply(operators.Gemm, [x, w], { transB: 1 });
    const graph = builder.build({ product, sum: builder.apply(operators.Add, [x, w]) });
    const program = await DeviceProgram.open(graph, half, open);
    const small = 2 ** -12; // half of the spacing above 1 in half precision
    await program.write({ w: Float32Array.of(1, 2 ** -11) });
    const { product: rounded, sum } = await program.run({ x: Float32Array.of(1 + small, 1) });
    assert.deepEqual([...rounded], [1]); // 1·1 + 2⁻¹¹ lies between 1 and 1 + 2⁻¹⁰, and goes to the even one
    assert.deepEqual([...sum], [2 + small, 1 + 2 ** -11]);
    await program.dispose();
  });

  test("sums of more than 1,024 terms are cut, and the parts added in single precision", async () => {
    const program = await DeviceProgram.open(productGraph(1, 3001), half, open);
    await program.write({ w: new Float32Array(3001).fill(1) });
    const { y } = await program.run({ x: new Float32Array(3001).fill(1) });
    assert.deepEqual([...y], [3001]); // no number of half precision, which has even ones only from 2,048
    await program.dispose();
  });

  test("50 AdamW steps agree with fp32", async () => {
    // As in `network_agreement_test.ts`: else a gradient that is zero but for rounding is a step of full length.
    const optimizer = { ...adamW, epsilon: 1e-4 };
    const [expected, found] = await Promise.all([options, half].map(async (precision) => {
      const program = await train(network, precision, optimizer);
      const losses = await steps(program, 0, 50);
      const values = await program.read();
      await program.dispose();
      return { losses, values };
    }));
    const unit = 2 ** -11; // of half precision: a rounded number is off by at most half of it
    nearAll(found.losses, expected.losses, unit, "losses");
    assert.notDeepEqual(found.losses, expected.losses);
    for (const [parameter, value] of Object.entries(expected.values)) {
      // 50 steps of at most 0.01, each off by some units of the dozen products in a row that its gradient passes.
      nearAll(found.values[parameter], value, 0, parameter, 50 * 0.01 * 32 * unit);
    }
  });

  test("gradients with rotary positions, a head of its own and GELU by tanh agree with fp32", async () => {
    const of: ModelConfig = {
      ...config,
      positions: "rotary",
      rotaryFraction: 0.5,
      parallelResidual: true,
      tiedEmbeddings: false,
      gelu: "tanh",
    };
    const graph = differentiate(languageModelGraph(of, 2));
    const [expected, found] = await Promise.all([options, half].map(async (precision) => {
      const program = await train(graph, precision, probe, initialValues(of));
      await program.accumulate(languageFeeds(of, 2, 0));
      await program.update({ learningRate: 0, clipNorm: Infinity });
      const { moments } = await program.readOptimizer();
      await program.dispose();
      return moments;
    }));
    for (const [name, moment] of Object.entries(expected)) {
      // As above: some products in a row, each rounded; absolutely, as a bias of keys has no gradient but rounding.
      if (name.endsWith(".m")) nearAll(found[name], moment, 2 ** -6, name, 2 ** -11);
    }
    assert.notDeepEqual(found, expected);
  });

  test("gradients that overflow are left, and the batch is taken again with half the scale", async () => {
    // With weights so large, gradients of the scaled loss leave half precision's range, 65,504.
    const feeds = languageFeeds(config, 2, 0);
    feeds.weights.forEach((weight, i) => feeds.weights[i] = 64 * weight);
    const [expected, found] = await Promise.all([options, half].map(async (precision) => {
      const program = await train(network, precision, probe);
      await program.accumulate(feeds);
      await program.accumulate(feeds);
      const result = await program.update({ learningRate: 0, clipNorm: Infinity });
      const { moments, step } = await program.readOptimizer();
      await program.dispose();
      return { result, moments, step };
    }));
    assert.ok(found.result.applied && found.step === 1);
    const { lossScale, ...moments } = found.moments;
    assert.ok(lossScale[0] < firstLossScale && lossScale[0] >= 2, `a scale of ${lossScale}`);
    assert.equal(lossScale[1], 1);
    for (const [name, moment] of Object.entries(moments)) {
      // `probe` makes the first moment the gradient. Absolutely: a bias of keys has a gradient of zero but for rounding.
      if (name.endsWith(".m")) nearAll(moment, expected.moments[name], 2 ** -6, name, 2 ** -6);
    }
  });

  test("a gradient that no scale makes finite takes no step and leaves the scale", async () => {
    const program = await train(network, half);
    const feeds = languageFeeds(config, 2, 0);
    feeds.weights.fill(NaN);
    await program.accumulate(feeds);
    const { applied } = await program.update({ learningRate: 1, clipNorm: 1 });
    assert.equal(applied, false);
    const { step, moments } = await program.readOptimizer();
    assert.deepEqual([step, ...moments.lossScale], [0, firstLossScale, 0]);
    assert.deepEqual(await program.read(), initialValues(config));
    await program.dispose();
  });

  test("a run goes on from its weights and optimizer with the same bytes, its scale with them", async () => {
    const loud = async (program: DeviceProgram, step: number) => {
      const feeds = languageFeeds(config, 2, step);
      feeds.weights.forEach((weight, i) => feeds.weights[i] = (step === 1 ? 64 : 1) * weight);
      await program.accumulate(feeds);
      await program.update({ learningRate: 0.01, clipNorm: 1 });
    };
    const whole = await train(network, half);
    for (const step of [0, 1, 2]) await loud(whole, step);
    const [state, values] = [await whole.readOptimizer(), await whole.read()];
    assert.ok(state.moments.lossScale[0] < firstLossScale);
    const resumed = await train(network, half);
    await resumed.write(values);
    await resumed.writeOptimizer(state);
    for (const program of [whole, resumed]) for (const step of [3, 4]) await loud(program, step);
    assert.deepEqual(await resumed.read(), await whole.read());
    assert.deepEqual(await resumed.readOptimizer(), await whole.readOptimizer());
    const { lossScale: _, ...others } = state.moments;
    await resumed.writeOptimizer({ step: 3, moments: others });
    assert.equal((await resumed.readOptimizer()).moments.lossScale[0], firstLossScale);
    const wrong = { ...others, lossScale: Float32Array.of(3, 0) };
    await assert.rejects(
      resumed.writeOptimizer({ step: 3, moments: wrong }),
      /^RangeError: Cannot write "lossScale": expected a power of two .*found 3/,
    );
    await resumed.resetOptimizer();
    assert.deepEqual(
      [...(await resumed.readOptimizer()).moments.lossScale],
      [firstLossScale, 0],
    );
    await Promise.all([whole.dispose(), resumed.dispose()]);
  });
}

Deno.test("LossScale doubles after 2,000 good steps in a row, up to its limit, and halves down to 1", () => {
  const scale = new LossScale();
  const good = (steps: number) => {
    for (let step = 0; step < steps; step++) scale.tookStep();
  };
  good(growthSteps - 1);
  assert.deepEqual([...scale.state], [firstLossScale, growthSteps - 1]);
  good(1);
  assert.deepEqual([...scale.state], [2 * firstLossScale, 0]);
  good(growthSteps - 1);
  assert.ok(scale.lower());
  assert.deepEqual([...scale.state], [firstLossScale, 0]);
  good(20 * growthSteps);
  assert.equal(scale.value, mostLossScale);
  let halvings = 0;
  while (scale.lower()) halvings++;
  assert.deepEqual([halvings, scale.value], [24, 1]);
});

/** y = x·wᵀ: rows of x and w with so many terms. */
function productGraph(rows: number, terms: number): Graph {
  const builder = new GraphBuilder();
  const x = builder.input("x", float32([rows, terms]));
  const w = builder.parameter("w", [1, terms]);
  return builder.build({ y: builder.apply(operators.Gemm, [x, w], { transB: 1 }) });
}
