import assert from "node:assert/strict";
import { engine } from "../../engine/reference/mod.ts";
import type { AdamWOptions } from "../../engine/mod.ts";
import {
  differentiate,
  float32,
  GraphBuilder,
  initialiseBody,
  initialiseTable,
  int32,
  languageModelGraph,
  type ModelConfig,
  operators,
} from "../../model/mod.ts";
import { Random, seedOf } from "../../base/mod.ts";
import { assertTensorsClose } from "../support/tensors.ts";

const options = { threads: 1, precision: "fp32" } as const;
const adam: AdamWOptions = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0 };

Deno.test("kernels: values worked by hand", async () => {
  const builder = new GraphBuilder();
  const x = builder.input("x", float32([2, 2]));
  const ids = builder.input("ids", int32([3]));
  const ones = builder.constant([1, 1], float32([2]));
  const [norm, mean, inverse] = builder.applyAll(operators.LayerNormalization, [x, ones], {
    epsilon: 1,
  });
  const [nll, probabilities] = builder.applyAll(operators.CrossEntropy, [
    x,
    builder.constant([1, 0], int32([2])),
  ]);
  const graph = builder.build({
    gelu: builder.apply(operators.Gelu, [x]),
    erf: builder.apply(operators.Erf, [x]),
    norm,
    mean,
    inverse,
    nll,
    probabilities,
    rows: builder.apply(operators.Gather, [x, ids]),
    sums: builder.apply(operators.EmbeddingGradient, [
      ids,
      builder.apply(operators.Gather, [x, ids]),
    ], { rows: 3 }),
    product: builder.apply(operators.Gemm, [x, x, ones], { transB: 1, alpha: 0.5 }),
    tail: builder.apply(operators.Slice, [x], { axes: [1], starts: [1], ends: [2] }),
    turned: builder.apply(operators.Transpose, [x], { perm: [1, 0] }),
  });
  const program = await engine.compile(graph, options);
  const found = await program.run({ x: Float32Array.of(0, 1, -1, 2), ids: Int32Array.of(1, 0, 1) });
  const e = Math.E;
  const expected: Record<string, number[]> = {
    gelu: [0, 0.841344746068543, -0.158655253931457, 1.954499736103642], // x·Φ(x)
    erf: [0, 0.842700792949715, -0.842700792949715, 0.995322265018953],
    mean: [0.5, 0.5],
    inverse: [1 / Math.sqrt(0.25 + 1), 1 / Math.sqrt(2.25 + 1)],
    norm: [
      -0.5 / Math.sqrt(1.25),
      0.5 / Math.sqrt(1.25),
      -1.5 / Math.sqrt(3.25),
      1.5 / Math.sqrt(3.25),
    ],
    nll: [Math.log(1 + e) - 1, Math.log(1 / e + e * e) + 1],
    probabilities: [1 / (1 + e), e / (1 + e), 1 / (1 + e ** 3), e ** 3 / (1 + e ** 3)],
    rows: [-1, 2, 0, 1, -1, 2],
    sums: [0, 1, -2, 4, 0, 0], // row 1 twice
    product: [0.5 * 1 + 1, 0.5 * 2 + 1, 0.5 * 2 + 1, 0.5 * 5 + 1],
    tail: [1, 2],
    turned: [0, -1, 1, 2],
  };
  for (const [name, values] of Object.entries(expected)) {
    const { shape } = graph.types[graph.outputs[name]];
    // Rounded once to single precision.
    assertTensorsClose(name, found[name], values, shape, { relative: 1e-7 });
  }
});

Deno.test("Erf is odd, reaches ±1 and keeps NaN", async () => {
  const builder = new GraphBuilder();
  const x = builder.input("x", float32([6]));
  const program = await engine.compile(
    builder.build({ y: builder.apply(operators.Erf, [x]) }),
    options,
  );
  const { y } = await program.run({ x: Float32Array.of(0.5, -0.5, 3, 7, -Infinity, NaN) });
  const expected = [0.520499877813047, -0.520499877813047, 0.999977909503001, 1, -1, NaN];
  assertTensorsClose("y", y, Float32Array.from(expected), [6], { absolute: 1e-7 });
});

/** loss = Σ w·x, so that the gradient of w is what is fed. */
function linear(length: number) {
  const builder = new GraphBuilder();
  const w = builder.parameter("w", [length]);
  const x = builder.input("x", float32([length]));
  const product = builder.apply(operators.Mul, [w, x]);
  return differentiate(
    builder.build({
      loss: builder.apply(operators.ReduceSum, [product], { axes: [0], keepdims: 0 }),
    }),
  );
}

Deno.test("update() takes AdamW steps worked by hand", async () => {
  const optimizer = { beta1: 0.5, beta2: 0.75, epsilon: 0, weightDecay: 0.1 };
  const program = await engine.compileTraining(linear(1), { ...options, optimizer });
  await program.write({ w: Float32Array.of(2) });

  await program.accumulate({ x: Float32Array.of(1) });
  await program.accumulate({ x: Float32Array.of(3) }); // gradients add up: 4
  const first = await program.update({ learningRate: 0.5, clipNorm: Infinity });
  assert.deepEqual(first, { gradientNorm: 4, gradientNorms: { w: 4 }, applied: true });
  // m = 2, v = 4, m̂ = 4, v̂ = 16: direction 1; w = 2 − 0.5·(1 + 0.1·2) = 1.4
  assert.deepEqual((await program.read()).w, Float32Array.of(1.4));
  const state = await program.readOptimizer();
  assert.deepEqual(state, {
    step: 1,
    moments: { "w.m": Float32Array.of(2), "w.v": Float32Array.of(4) },
  });

  await program.accumulate({ x: Float32Array.of(-8) });
  // Clipped to −4: m = 0.5·2 − 0.5·4 = −1, v = 3 + 4 = 7, m̂ = −1/0.75, v̂ = 7/0.4375 = 16: direction −1/3
  const second = await program.update({ learningRate: 0.3, clipNorm: 4 });
  assert.deepEqual(second, { gradientNorm: 8, gradientNorms: { w: 8 }, applied: true });
  const expected = 1.4 - 0.3 * (-1 / 3 + 0.14); // 1.458
  assertTensorsClose("w", (await program.read()).w, [expected], [1], { relative: 2e-7 });
});

Deno.test("update() clips by the norm over all parameters", async () => {
  const optimizer = { beta1: 0, beta2: 0, epsilon: 1e9, weightDecay: 0 };
  const program = await engine.compileTraining(linear(2), { ...options, optimizer });
  await program.accumulate({ x: Float32Array.of(3, 4) });
  const { gradientNorm } = await program.update({ learningRate: 1e9, clipNorm: 1 });
  assert.equal(gradientNorm, 5);
  // With ε = rate = 10⁹ a step is the clipped gradient itself: −(3, 4)/5.
  assertTensorsClose("w", (await program.read()).w, [-0.6, -0.8], [2], { relative: 1e-6 });
});

Deno.test("update() with a non-finite norm changes nothing and clears the sum", async () => {
  const program = await engine.compileTraining(linear(2), { ...options, optimizer: adam });
  await program.write({ w: Float32Array.of(1, 2) });
  await program.accumulate({ x: Float32Array.of(1, NaN) });
  const refused = await program.update({ learningRate: 1, clipNorm: 1 });
  assert.deepEqual(refused, { gradientNorm: NaN, gradientNorms: { w: NaN }, applied: false });
  assert.deepEqual((await program.read()).w, Float32Array.of(1, 2));
  assert.equal((await program.readOptimizer()).step, 0);
  await program.accumulate({ x: Float32Array.of(3, 4) });
  const { gradientNorm, applied } = await program.update({ learningRate: 1, clipNorm: 1 });
  assert.deepEqual([gradientNorm, applied], [5, true]);
});

Deno.test("update() leaves a parameter of rate factor 0 as it is", async () => {
  const optimizer = { ...adam, weightDecay: 0.5 };
  const program = await engine.compileTraining(linear(1), { ...options, optimizer });
  await program.write({ w: Float32Array.of(3) });
  await program.accumulate({ x: Float32Array.of(1) });
  await program.update({ learningRate: 1, clipNorm: 1, rateFactor: () => 0 });
  assert.deepEqual((await program.read()).w, Float32Array.of(3));
});

Deno.test("resetOptimizer() gives the first step again", async () => {
  const program = await engine.compileTraining(linear(1), { ...options, optimizer: adam });
  await program.accumulate({ x: Float32Array.of(1) });
  await program.update({ learningRate: 1, clipNorm: 1 });
  await program.resetOptimizer();
  assert.deepEqual(await program.readOptimizer(), {
    step: 0,
    moments: { "w.m": new Float32Array(1), "w.v": new Float32Array(1) },
  });
});

Deno.test("compileTraining() refuses a graph without gradients", async () => {
  const graph = { ...linear(1), gradients: {} };
  await assert.rejects(
    engine.compileTraining(graph, { ...options, optimizer: adam }),
    /expected gradients, found none/,
  );
});

const config: ModelConfig = {
  nLayers: 2,
  dModel: 16,
  nHeads: 2,
  expansion: 4,
  seqLen: 8,
  vocabSize: 23,
  positions: "alibi",
  bias: true,
};

/** A program that starts from the seed, and its training data: three steps of two micro-batches. */
async function tinyTraining() {
  const graph = differentiate(languageModelGraph(config, 2));
  const program = await engine.compileTraining(graph, { ...options, optimizer: adam });
  await program.write({
    ...initialiseBody(config, seedOf(17, "init/body")),
    "embedding.token.weight": initialiseTable(23, 16, seedOf(17, "init/embedding/global")),
  });
  const random = new Random(seedOf(17, "tokens"));
  const ids = () => Int32Array.from({ length: 16 }, () => random.below(23));
  const batches = Array.from({ length: 6 }, () => ({
    tokens: ids(),
    targets: ids(),
    weights: new Float32Array(16).fill(1 / 32),
  }));
  const train = async (from: number, to: number) => {
    const losses: number[] = [];
    for (let step = from; step < to; step++) {
      for (const batch of batches.slice(2 * step, 2 * step + 2)) {
        losses.push((await program.accumulate(batch)).loss[0]);
      }
      losses.push((await program.update({ learningRate: 1e-2, clipNorm: 1 })).gradientNorm);
    }
    return losses;
  };
  return { program, batches, train };
}

Deno.test("a tiny training run gives the golden losses and norms", async () => {
  const { train } = await tinyTraining();
  const golden = new URL("../golden/reference_training.json", import.meta.url);
  const expected: number[] = JSON.parse(await Deno.readTextFile(golden));
  const found = await train(0, 3);
  // Another V8 may round Math.exp otherwise; that can move a loss by a unit of single precision, 6e-8, and no more.
  found.forEach((value, i) =>
    assertTensorsClose(`golden value ${i}`, [value], [expected[i]], [1], { relative: 1e-7 })
  );
  assert.equal(found.length, expected.length);
});

Deno.test("what is read, written to another program and trained on is the run that never stopped", async () => {
  const whole = await tinyTraining();
  await whole.train(0, 3);
  const before = await tinyTraining();
  await before.train(0, 2);
  const after = await tinyTraining();
  await after.program.write(await before.program.read());
  await after.program.writeOptimizer(await before.program.readOptimizer());
  await after.train(2, 3);
  assert.deepEqual(await after.program.read(), await whole.program.read());
  assert.deepEqual(await after.program.readOptimizer(), await whole.program.readOptimizer());
});

Deno.test("run() refuses bad feeds and names input, index and value", async () => {
  const { program, batches: [batch] } = await tinyTraining();
  const refusals: [Record<string, Float32Array | Int32Array>, RegExp][] = [
    [{ tokens: batch.tokens, targets: batch.targets }, /a feed for input "weights", found none/],
    [{ ...batch, wieghts: batch.weights }, /Cannot feed "wieghts".*did you mean "weights"/],
    [
      { ...batch, weights: new Float32Array(3) },
      /Cannot feed "weights": expected 16 values, shape \[2, 8\], found 3/,
    ],
    [
      { ...batch, tokens: batch.tokens.with(5, 23) },
      /Cannot feed "tokens": expected ids from 0 to 22 \(embedding\.token\.weight\), found 23 at index 5/,
    ],
    [
      { ...batch, targets: batch.targets.with(0, -1) },
      /Cannot feed "targets".* found -1 at index 0/,
    ],
  ];
  for (const [feeds, message] of refusals) {
    await assert.rejects(program.run(feeds), { name: "RangeError", message });
  }
  await assert.rejects(
    program.run({ ...batch, tokens: Float32Array.from(batch.tokens) }),
    { name: "TypeError", message: /Cannot feed "tokens": expected Int32Array, found Float32Array/ },
  );
  await assert.rejects(program.run(batch, ["los"]), /did you mean "loss"/);
});

Deno.test("run() computes only the outputs asked for and their inputs", async () => {
  const { program, batches: [{ tokens, targets, weights }] } = await tinyTraining();
  const { nll } = await program.run({ tokens, targets }, ["nll"]);
  assert.deepEqual(nll, (await program.run({ tokens, targets, weights })).nll);
});

Deno.test("write() and writeOptimizer() refuse what does not fit and change nothing", async () => {
  const { program } = await tinyTraining();
  const before = await program.read();
  const bias = "body.block.0.attn.out.bias";
  const one = new Float32Array(16).fill(1);
  await assert.rejects(
    program.write({ [bias]: one, "body.norm_final.bias": new Float32Array(3) }),
    /Cannot write "body\.norm_final\.bias": expected 16 values, found 3/,
  );
  await assert.rejects(
    program.write({ "body.norm_finl.bias": one }),
    /did you mean "body\.norm_final/,
  );
  await assert.rejects(program.read(["x"]), /Cannot (find|use) parameter "x"/);
  assert.deepEqual(await program.read(), before);

  const { step, moments } = await program.readOptimizer();
  const { [`${bias}.m`]: _, ...rest } = moments;
  await assert.rejects(
    program.writeOptimizer({ step, moments: rest }),
    /moment "body\.block\.0\.attn\.out\.bias\.m": expected 16 values, found 0/,
  );
  await assert.rejects(
    program.writeOptimizer({ step, moments: { ...moments, extra: one } }),
    /moment "extra": expected 0 values, found 16/,
  );
});
