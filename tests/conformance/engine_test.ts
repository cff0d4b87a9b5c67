/**
 * The contract of `engine/engine.ts`, run over every engine; and agreement of every engine with `reference`.
 */
import assert from "node:assert/strict";
import {
  type Engine,
  engineModule,
  engineModules,
  type Feeds,
  type TrainingProgram,
} from "../../engine/mod.ts";
import {
  differentiate,
  fineTuneGraph,
  float32,
  type Graph,
  GraphBuilder,
  headShapes,
  initialiseBody,
  initialiseHead,
  initialiseTable,
  int32,
  languageModelGraph,
  type ModelConfig,
  type OperatorName,
  operators,
  sizeOf,
} from "../../model/mod.ts";
import { Random, seedOf } from "../../pipeline/base/mod.ts";
import { engineHere } from "../support/devices.ts";
import { type OperatorCase, operatorCases, typesOf } from "./_operator_cases.ts";

const options = { threads: 1, precision: "fp32" } as const;
const adamW = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 };
/** With these the first moment after an update is the gradient itself. */
const probe = { beta1: 0, beta2: 0, epsilon: 1, weightDecay: 0 };

const config: ModelConfig = {
  nLayers: 2,
  dModel: 16,
  nHeads: 2,
  expansion: 4,
  seqLen: 12,
  vocabSize: 50,
  positions: "alibi",
  bias: true,
};

/** Engines that run here; of others a test says why they do not. */
const engines: [string, Engine][] = [];
for (const name of Object.keys(engineModules)) {
  const found = await engineHere(name);
  if (typeof found !== "string") engines.push([name, found]);
  else Deno.test({ name: `${name}: skipped: ${found}`, ignore: true, fn: () => {} });
}

/**
 * A software driver takes some ten seconds to compile a network's kernels: there whole networks are tried once, in the last
 * test, unless DEPT_TEST_DEVICES is set.
 */
const triesNetworks = (name: string) =>
  name !== "webgpu" || Deno.env.get("DEPT_TEST_DEVICES") !== undefined;

for (const [name, engine] of engines) {
  const contract = (sentence: string, test: () => Promise<void>) =>
    Deno.test(`${name}: ${sentence}`, test);
  const ofNetworks = (sentence: string, test: () => Promise<void>) =>
    Deno.test({ name: `${name}: ${sentence}`, ignore: !triesNetworks(name), fn: test });
  const train = (graph: Graph, optimizer = adamW) =>
    engine.compileTraining(graph, { ...options, optimizer });

  contract(
    "run() returns all outputs or those named, in arrays that are the caller's",
    async () => {
      const program = await engine.compile(linearGraph(), options);
      await program.write({ w: Float32Array.of(2, 3) });
      const feeds = { x: Float32Array.of(5, 7), target: Float32Array.of(1) };
      const all = await program.run(feeds);
      assert.deepEqual(all, { y: Float32Array.of(31), loss: Float32Array.of(30) }); // 2·5 + 3·7
      all.y[0] = 0;
      assert.deepEqual(await program.run(feeds, ["y"]), { y: Float32Array.of(31) });
      await assert.rejects(program.run(feeds, ["z"]), RangeError);
      await program.dispose();
    },
  );

  contract("write() and read() copy, and refuse unknown names and other sizes", async () => {
    const program = await engine.compile(linearGraph(), options);
    const w = Float32Array.of(2, 3);
    await program.write({ w });
    w[0] = 9;
    const read = await program.read();
    assert.deepEqual(read, { w: Float32Array.of(2, 3) });
    read.w[0] = 9;
    assert.deepEqual(await program.read(["w"]), { w: Float32Array.of(2, 3) });
    await assert.rejects(program.write({ v: Float32Array.of(1, 2) }), /^RangeError: .*"v"/);
    await assert.rejects(program.write({ w: Float32Array.of(1) }), /w"?: expected 2.*found 1/);
    await assert.rejects(program.read(["v"]), RangeError);
    await program.dispose();
  });

  contract("run() and accumulate() refuse feeds that are missing or of another size", async () => {
    const program = await train(differentiate(linearGraph()));
    const feeds = { x: Float32Array.of(5, 7), target: Float32Array.of(1) };
    for (const act of [program.run, program.accumulate] as TrainingProgram["accumulate"][]) {
      const call = (given: Feeds) => act.call(program, given);
      await assert.rejects(call({ x: feeds.x }), (error: Error) => {
        return error instanceof RangeError && error.message.includes(`"target"`);
      });
      await assert.rejects(call({ ...feeds, x: new Float32Array(3) }), (error: Error) => {
        return error instanceof RangeError && /"x": expected 2 .*found 3/.test(error.message);
      });
    }
    await program.dispose();
  });

  contract("run() names input, index, value and limit of an id outside its table", async () => {
    const program = await engine.compile(languageModelGraph(config, 2), options);
    await program.write(initialValues(config));
    for (const [input, value] of [["tokens", 50], ["targets", 50], ["tokens", -1]] as const) {
      const feeds = languageFeeds(config, 2, 0);
      feeds[input][17] = value;
      await assert.rejects(program.run(feeds), (error: Error) => {
        assert.ok(error instanceof RangeError, `${error}`);
        for (const part of [`"${input}"`, "17", `${value}`]) {
          assert.ok(error.message.includes(part), error.message);
        }
        assert.match(error.message, /\b(49|50)\b/);
        return true;
      });
    }
    await program.dispose();
  });

  contract("update() takes the AdamW step worked by hand", async () => {
    const program = await train(differentiate(linearGraph()), {
      beta1: 0.5,
      beta2: 0.75,
      epsilon: 0,
      weightDecay: 0.5,
    });
    await program.write({ w: Float32Array.of(2, -4) });
    // The gradient of w·x − target is x. First step: m̂ / √v̂ = sign(g); the decay takes 0.1·0.5·w.
    await program.accumulate({ x: Float32Array.of(3, -4), target: Float32Array.of(0) });
    const first = await program.update({ learningRate: 0.1, clipNorm: Infinity });
    assert.deepEqual(first, { gradientNorm: 5, applied: true });
    near((await program.read()).w, [2 - 0.1 - 0.1, -4 + 0.1 + 0.2], 1e-6, "w");
    const { step, moments } = await program.readOptimizer();
    assert.equal(step, 1);
    near(moments["w.m"], [1.5, -2], 1e-6, "w.m"); // (1 − 0.5)·g
    near(moments["w.v"], [2.25, 4], 1e-6, "w.v"); // (1 − 0.75)·g²
    await program.dispose();
  });

  contract("update() scales gradients down to clipNorm and returns the norm before", async () => {
    const program = await train(differentiate(linearGraph()), probe);
    await program.accumulate({ x: Float32Array.of(3, -4), target: Float32Array.of(0) });
    const { gradientNorm } = await program.update({ learningRate: 0, clipNorm: 1 });
    assert.equal(gradientNorm, 5);
    near((await program.readOptimizer()).moments["w.m"], [0.6, -0.8], 1e-6, "w.m"); // g / 5
    await program.dispose();
  });

  contract("accumulate() adds up micro-batches and update() clears their sum", async () => {
    const program = await train(differentiate(linearGraph()), probe);
    const step = async (...batches: number[][]) => {
      for (const x of batches) {
        await program.accumulate({ x: Float32Array.from(x), target: Float32Array.of(0) });
      }
      await program.update({ learningRate: 0, clipNorm: Infinity });
      return [...(await program.readOptimizer()).moments["w.m"]];
    };
    assert.deepEqual(await step([1, 2], [10, 20], [100, 200]), [111, 222]);
    assert.deepEqual(await step([3, 4]), [3, 4]);
    assert.deepEqual(await step(), [0, 0]); // nothing accumulated is a gradient of zero
    await program.dispose();
  });

  contract(
    "update() with a gradient that is not finite changes nothing and clears it",
    async () => {
      const program = await train(differentiate(linearGraph()));
      await program.write({ w: Float32Array.of(2, 3) });
      const target = Float32Array.of(0);
      for (const bad of [NaN, Infinity]) {
        await program.accumulate({ x: Float32Array.of(1, bad), target });
        const { applied } = await program.update({ learningRate: 1, clipNorm: 1 });
        assert.equal(applied, false);
      }
      assert.deepEqual(await program.read(), { w: Float32Array.of(2, 3) });
      const { step, moments } = await program.readOptimizer();
      assert.equal(step, 0);
      assert.deepEqual(moments["w.m"], new Float32Array(2));
      await program.accumulate({ x: Float32Array.of(3, 4), target });
      const next = await program.update({ learningRate: 0, clipNorm: Infinity });
      assert.deepEqual(next, { gradientNorm: 5, applied: true });
      await program.dispose();
    },
  );

  contract(
    "accumulate() tells parameters apart that share a gradient, and adds all uses of a table",
    async () => {
      const builder = new GraphBuilder();
      const first = builder.input("first", int32([3]));
      const second = builder.input("second", int32([2]));
      const table = builder.parameter("table", [4, 1]);
      const left = builder.parameter("left", [3, 1]);
      const right = builder.parameter("right", [3, 1]);
      const total = (value: string) =>
        builder.apply(operators.ReduceSum, [value], { axes: [0, 1], keepdims: 0 });
      const rows = builder.apply(operators.Gather, [table, first]);
      const shifted = builder.apply(operators.Add, [
        builder.apply(operators.Add, [rows, left]),
        right,
      ]);
      const parts = [shifted, builder.apply(operators.Gather, [table, second]), table].map(total);
      const loss = parts.reduce((sum, part) => builder.apply(operators.Add, [sum, part]));
      const program = await train(differentiate(builder.build({ loss })), probe);
      for (const ids of [[3, 3, 0], [3, 1, 1]]) {
        await program.accumulate({ first: Int32Array.from(ids), second: Int32Array.of(0, 3) });
      }
      await program.update({ learningRate: 0, clipNorm: Infinity });
      const { moments } = await program.readOptimizer();
      // Two batches: 1 a row for the whole table, 1 for each time an id stands in `first` or `second`.
      assert.deepEqual(moments["table.m"], Float32Array.of(2 + 3, 2 + 2, 2, 2 + 5));
      assert.deepEqual(moments["left.m"], Float32Array.of(2, 2, 2));
      assert.deepEqual(moments["right.m"], Float32Array.of(2, 2, 2));
      await program.dispose();
    },
  );

  ofNetworks("update() with a rate factor of 0 leaves a parameter as it is", async () => {
    const program = await train(differentiate(languageModelGraph(config, 2)));
    const before = initialValues(config);
    await program.write(before);
    await program.accumulate(languageFeeds(config, 2, 0));
    await program.update({
      learningRate: 0.1,
      clipNorm: 1,
      rateFactor: (parameter) => parameter.startsWith("embedding.") ? 0 : 1,
    });
    const after = await program.read();
    assert.deepEqual(after["embedding.token.weight"], before["embedding.token.weight"]);
    assert.notDeepEqual(after["body.norm_final.weight"], before["body.norm_final.weight"]);
    await program.dispose();
  });

  ofNetworks(
    "readOptimizer() and writeOptimizer() carry a run on with the same bytes",
    async () => {
      const graph = differentiate(languageModelGraph(config, 2));
      const whole = await train(graph);
      await whole.write(initialValues(config));
      await steps(whole, 0, 3);
      const [state, values] = [await whole.readOptimizer(), await whole.read()];
      await steps(whole, 3, 3);

      const resumed = await train(graph);
      await resumed.write(values);
      await resumed.writeOptimizer(state);
      await steps(resumed, 3, 3);
      assert.deepEqual(await resumed.read(), await whole.read());
      assert.deepEqual(await resumed.readOptimizer(), await whole.readOptimizer());

      await resumed.resetOptimizer();
      const { step, moments } = await resumed.readOptimizer();
      assert.equal(step, 0);
      assert.ok(Object.values(moments).every((moment) => moment.every((value) => value === 0)));
      await Promise.all([whole.dispose(), resumed.dispose()]);
    },
  );

  // The reference engine is plain loops; the others have threads and kernels that could differ between runs.
  const reruns = name === "reference" ? 2 : 20;
  ofNetworks(`training ${reruns} times for 10 steps gives the same bytes`, async () => {
    const graph = differentiate(languageModelGraph(config, 4));
    let first: Record<string, Float32Array> | undefined;
    for (let time = 0; time < reruns; time++) {
      const program = await engine.compileTraining(graph, {
        threads: 2,
        precision: "fp32",
        optimizer: adamW,
      });
      await program.write(initialValues(config));
      await steps(program, 0, 10, 4);
      const end = await program.read();
      assert.deepEqual(end, first ??= end, `run ${time}`);
      await program.dispose();
    }
  });
}

const { engine: reference } = await import(engineModule("reference")) as { engine: Engine };
const others = engines.filter(([name]) => name !== "reference");

/** The spacing of single precision just above 1: the unit of the tolerances below, which leave a factor of two or more. */
const unit = 2 ** -23;

for (const [name, engine] of others) {
  for (const [op, cases] of Object.entries(operatorCases) as [OperatorName, OperatorCase[]][]) {
    Deno.test(`${name}: ${op} agrees with reference`, async () => {
      for (const [i, one] of cases.entries()) {
        if (one.isLarge && !triesNetworks(name)) continue;
        const graph = graphOf(op, one);
        const feeds = feedsOf(op, i, one);
        const [expected, found] = await Promise.all([reference, engine].map(async (each) => {
          const program = await each.compile(graph, options);
          const outputs = await program.run(feeds);
          await program.dispose();
          return outputs;
        }));
        // Sums here have at most a dozen terms, and functions are good to a unit or two.
        for (const output of Object.keys(graph.outputs)) {
          const shown = (values: Float32Array) =>
            values.map((value) => Math.max(value, one.hides ?? -Infinity));
          nearAll(
            shown(found[output]),
            shown(expected[output]),
            4 * unit,
            `${op} case ${i} ${output}`,
          );
        }
      }
    });
  }

  const networks: Record<string, () => [Graph, Feeds, Record<string, Float32Array>]> = {
    "alibi": () => languageNetwork(config),
    "learned positions": () => languageNetwork({ ...config, positions: "learned" }),
    "no biases": () => languageNetwork({ ...config, bias: false }),
    "learned positions, short sequences": () =>
      languageNetwork({ ...config, positions: "learned" }, 8),
    "classification": () => fineTuneNetwork("classification", 1),
    "entailment": () => fineTuneNetwork("entailment", 1),
    "choice": () => fineTuneNetwork("choice", 3),
    "similarity": () => fineTuneNetwork("similarity", 2),
  };
  for (const [title, network] of Object.entries(networks)) {
    const sentence = `loss, outputs and gradients agree with reference: ${title}`;
    const test = async () => {
      const [graph, feeds, values] = network();
      const [expected, found] = await Promise.all([reference, engine].map(async (each) => {
        const program = await each.compileTraining(graph, { ...options, optimizer: probe });
        await program.write(values);
        const outputs = await program.accumulate(feeds);
        await program.update({ learningRate: 0, clipNorm: Infinity });
        const { moments } = await program.readOptimizer();
        await program.dispose();
        return { outputs, moments };
      }));
      for (const output of Object.keys(graph.outputs)) {
        nearAll(found.outputs[output], expected.outputs[output], 16 * unit, output);
      }
      for (const parameter of Object.keys(graph.gradients)) {
        // A gradient passes some forty operators in a row, each good to a unit of its largest value. One that is zero but
        // for rounding (the bias of keys or of choices, to which softmax is blind) is a sum of terms below 1.
        const moment = `${parameter}.m`;
        nearAll(found.moments[moment], expected.moments[moment], 32 * unit, moment, unit);
      }
    };
    Deno.test({ name: `${name}: ${sentence}`, ignore: !triesNetworks(name), fn: test });
  }

  Deno.test(`${name}: 50 AdamW steps agree with reference`, async () => {
    const graph = differentiate(languageModelGraph(config, 2));
    // Adam divides a gradient by its own size: one that is zero but for rounding (the bias of keys, to which softmax is
    // blind) becomes a step of full length. An epsilon above that noise makes trajectories comparable.
    const optimizer = { ...adamW, epsilon: 1e-4 };
    const [expected, found] = await Promise.all([reference, engine].map(async (each) => {
      const program = await each.compileTraining(graph, { ...options, optimizer });
      await program.write(initialValues(config));
      const losses = await steps(program, 0, 50);
      const values = await program.read();
      if (each !== reference) {
        await program.write(initialValues(config));
        await program.resetOptimizer();
        await steps(program, 0, 50);
        assert.deepEqual(await program.read(), values, "the same bytes when run again");
      }
      await program.dispose();
      return { losses, values };
    }));
    assert.ok(expected.losses[49] < expected.losses[0]);
    nearAll(found.losses, expected.losses, 16 * unit, "losses");
    for (const [parameter, value] of Object.entries(expected.values)) {
      // 50 steps of at most 0.01, each off by at most 1e-4 of its length.
      nearAll(found.values[parameter], value, 0, parameter, 50 * 0.01 * 1e-4);
    }
  });
}

/** y = w·x, loss = y − target: the gradient of w is x. */
function linearGraph(): Graph {
  const builder = new GraphBuilder();
  const x = builder.input("x", float32([2]));
  const target = builder.input("target", float32([1]));
  const w = builder.parameter("w", [2]);
  const product = builder.apply(operators.Mul, [w, x]);
  const y = builder.apply(operators.ReduceSum, [product], { axes: [0], keepdims: 1 });
  const error = builder.apply(operators.Sub, [y, target]);
  return builder.build({
    y,
    loss: builder.apply(operators.ReduceSum, [error], { axes: [0], keepdims: 0 }),
  });
}

function graphOf(op: OperatorName, one: OperatorCase): Graph {
  const builder = new GraphBuilder();
  const inputs = typesOf(one).map((type, i) => builder.input(`input${i}`, type));
  const outputs = builder.within(
    "test",
    () => builder.applyAll(operators[op], inputs, one.attributes),
  );
  return builder.build(Object.fromEntries(outputs.map((value, i) => [`output${i}`, value])));
}

function feedsOf(op: string, index: number, one: OperatorCase): Feeds {
  const random = new Random(seedOf(1, `engine_test/${op}/${index}`));
  const { ids = {}, isPositive = false, scale = 1 } = one;
  return Object.fromEntries(one.inputs.map((shape, i) => {
    if (i in ids) return [`input${i}`, Int32Array.from(ids[i])];
    const draw = () => isPositive ? 0.1 + random.float64() : random.normal();
    return [`input${i}`, Float32Array.from({ length: sizeOf(shape) }, () => scale * draw())];
  }));
}

function initialValues(of: ModelConfig): Record<string, Float32Array> {
  const table = (rows: number, name: string) =>
    initialiseTable(rows, of.dModel, seedOf(1, `init/embedding/${name}`));
  return {
    "embedding.token.weight": table(of.vocabSize, "test"),
    ...(of.positions === "learned"
      ? { "embedding.position.weight": table(of.seqLen, "position") }
      : {}),
    ...initialiseBody(of, seedOf(1, "init/body")),
  };
}

/** Feeds of one micro-batch: few distinct ids, so that rows repeat; weights with zeros among them. */
function languageFeeds(of: ModelConfig, batchSize: number, step: number, length = of.seqLen) {
  const random = new Random(seedOf(1, `engine_test/feeds/${step}`));
  const count = batchSize * length;
  const draw = () => Math.floor(of.vocabSize * random.float64() ** 3);
  const weight = () => random.below(8) === 0 ? 0 : 1 / count;
  return {
    tokens: Int32Array.from({ length: count }, draw),
    targets: Int32Array.from({ length: count }, draw),
    weights: Float32Array.from({ length: count }, weight),
  };
}

function languageNetwork(
  of: ModelConfig,
  sequenceLength = of.seqLen,
): [Graph, Feeds, Record<string, Float32Array>] {
  const graph = differentiate(languageModelGraph(of, 2, { sequenceLength }));
  return [graph, languageFeeds(of, 2, 0, sequenceLength), initialValues(of)];
}

function fineTuneNetwork(
  kind: "classification" | "entailment" | "choice" | "similarity",
  sequences: number,
): [Graph, Feeds, Record<string, Float32Array>] {
  const task = { batchSize: 2, seqLen: config.seqLen, sequences, kind, nClasses: 3 } as const;
  const rows = task.batchSize * sequences;
  const select = new Float32Array(rows * rows * config.seqLen);
  for (let row = 0; row < rows; row++) {
    const extract = row * config.seqLen + config.seqLen - 1 - row;
    select[row * rows * config.seqLen + extract] = 1;
  }
  const feeds = {
    ...languageFeeds(config, rows, 1),
    select,
    labels: kind === "similarity" ? Float32Array.of(0.25, 4) : Int32Array.of(2, 0),
    labelWeights: Float32Array.of(0.5, 0.5),
  };
  const head = initialiseHead(config, task, seedOf(1, "finetune/test/0"));
  assert.deepEqual(Object.keys(head), Object.keys(headShapes(config, task)));
  return [differentiate(fineTuneGraph(config, task)), feeds, { ...initialValues(config), ...head }];
}

/** Runs steps of two micro-batches each and returns their losses. */
async function steps(
  program: TrainingProgram,
  from: number,
  count: number,
  batchSize = 2,
): Promise<Float32Array> {
  const losses: number[] = [];
  for (let step = from; step < from + count; step++) {
    const first = await program.accumulate(languageFeeds(config, batchSize, 2 * step));
    const second = await program.accumulate(languageFeeds(config, batchSize, 2 * step + 1));
    await program.update({ learningRate: 0.01, clipNorm: 1 });
    losses.push(first.loss[0] + second.loss[0]);
  }
  return Float32Array.from(losses);
}

/** Element by element within `tolerance`. */
function near(found: Float32Array, expected: readonly number[], tolerance: number, name: string) {
  nearAll(found, Float32Array.from(expected), 0, name, tolerance);
}

/**
 * Every element within `relative` times the tensor's largest value plus `absolute`: rounding errors of a sum are as large
 * as its terms, not as its result. A failure prints the worst element.
 */
function nearAll(
  found: Float32Array,
  expected: Float32Array,
  relative: number,
  name: string,
  absolute = 0,
): void {
  assert.equal(found.length, expected.length, `${name}: length`);
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const allowed = relative * largest + absolute;
  let worst = 0;
  for (let i = 0; i < found.length; i++) {
    const isWorse = !(Math.abs(found[i] - expected[i]) <= Math.abs(found[worst] - expected[worst]));
    if (isWorse) worst = i;
  }
  const error = Math.abs(found[worst] - expected[worst]);
  assert.ok(
    error <= allowed,
    `${name} of ${found.length}: element ${worst} is ${found[worst]}, expected ${
      expected[worst]
    }, off by ${error}, allowed ${allowed}`,
  );
}
