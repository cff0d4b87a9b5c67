/**
 * The contract of `engine/engine.ts`, run over every engine.
 */
import assert from "node:assert/strict";
import type { Feeds, TrainingProgram } from "../../engine/mod.ts";
import {
  differentiate,
  float32,
  type Graph,
  GraphBuilder,
  int32,
  languageModelGraph,
  type ModelConfig,
  operators,
  parameterShapes,
} from "../../model/mod.ts";
import { writeTensors } from "../../training/mod.ts";
import {
  adamW,
  config,
  engines,
  initialValues,
  languageFeeds,
  near,
  networkTest,
  options,
  probe,
  skipMissing,
  steps,
} from "./engines.ts";

skipMissing();

for (const [name, engine] of engines) {
  const contract = (sentence: string, test: () => Promise<void>) =>
    Deno.test(`${name}: ${sentence}`, test);
  const ofNetworks = (sentence: string, test: () => Promise<void>) =>
    networkTest(name, sentence, test);
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

  contract(
    "weights and moments of another model are refused, and nothing of them is taken",
    async () => {
      const program = await train(differentiate(languageModelGraph(config, 2)));
      const before = initialValues(config);
      await program.write(before);
      const others: readonly [Partial<ModelConfig>, RegExp][] = [
        [{ dModel: 8 }, /with \[50, 16\] as "embedding\.token\.weight", found \[50, 8\]/],
        [{ vocabSize: 51 }, /with \[50, 16\] as "embedding\.token\.weight", found \[51, 16\]/],
        [{ nLayers: 3 }, /with none as "body\.block\.2\.norm_1\.weight", found \[16\]/],
        [{ nLayers: 1 }, /with \[16\] as "body\.block\.1\.norm_1\.weight", found none/],
        [{ bias: false }, /with \[16\] as "body\.block\.0\.norm_1\.bias", found none/],
        [{ positions: "learned" }, /with none as "embedding\.position\.weight", found \[12, 16\]/],
      ];
      for (const [changes, message] of others) {
        const other = { ...config, ...changes };
        const [values, shapes] = [initialValues(other), parameterShapes(other)];
        const tensors = Object.fromEntries(
          Object.entries(values).map(([name, data]) => [name, { shape: shapes[name], data }]),
        );
        await assert.rejects(writeTensors(program, tensors), (error: Error) => {
          assert.match(error.message, /^Cannot use weights: .*; they are of another model$/);
          assert.match(error.message, message);
          return true;
        });
      }
      const { step, moments } = await program.readOptimizer();
      const [first] = Object.keys(moments);
      const short = { ...moments, [first]: new Float32Array(1) };
      await assert.rejects(program.writeOptimizer({ step, moments: short }), RangeError);
      await assert.rejects(program.writeOptimizer({ step, moments: {} }), RangeError);
      assert.deepEqual(await program.read(), before);
      await program.dispose();
    },
  );

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
    assert.deepEqual(first, { gradientNorm: 5, gradientNorms: { w: 5 }, applied: true });
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

  contract("discard() forgets the summed gradients and nothing else", async () => {
    const program = await train(differentiate(linearGraph()), probe);
    await program.write({ w: Float32Array.of(2, 3) });
    const target = Float32Array.of(0);
    await program.accumulate({ x: Float32Array.of(100, NaN), target });
    await program.discard();
    await program.accumulate({ x: Float32Array.of(3, 4), target });
    const { gradientNorm } = await program.update({ learningRate: 0, clipNorm: Infinity });
    assert.equal(gradientNorm, 5);
    assert.deepEqual(await program.read(), { w: Float32Array.of(2, 3) });
    assert.equal((await program.readOptimizer()).step, 1);
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
      assert.deepEqual(next, { gradientNorm: 5, gradientNorms: { w: 5 }, applied: true });
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

  // A software driver takes its time to compile the kernels of each new program: there a program trains ten times, anew from
  // the first weights. One block has every operator of a step.
  const timesEach = name === "webgpu" ? 10 : 1;
  ofNetworks("training 20 times for 5 steps gives the same bytes", async () => {
    const small = { ...config, nLayers: 1 };
    const graph = differentiate(languageModelGraph(small, 2));
    let first: { values: Record<string, Float32Array>; state: unknown } | undefined;
    for (let program = 0; program < 20 / timesEach; program++) {
      const optimizer = adamW;
      const trained = await engine.compileTraining(graph, { ...options, threads: 2, optimizer });
      for (let time = 0; time < timesEach; time++) {
        await trained.write(initialValues(small));
        await trained.resetOptimizer();
        await steps(trained, 0, 5);
        const end = { values: await trained.read(), state: await trained.readOptimizer() };
        assert.deepEqual(end, first ??= end, `program ${program}, time ${time}`);
      }
      await trained.dispose();
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
