import assert from "node:assert/strict";
import type { Engine } from "../../engine/mod.ts";
import { engine } from "../../engine/reference/mod.ts";
import {
  countParameters,
  differentiate,
  float32,
  GraphBuilder,
  languageModelGraph,
  mul,
  neg,
  operators,
  peakLiveBytes,
} from "../../model/mod.ts";
import { silentLog } from "../../pipeline/stage.ts";
import { type MicroBatchSearch, resolveMicroBatch, trainingBytes } from "../../training/mod.ts";
import { programBytes } from "../../training/micro_batch.ts";
import { peakOfProcess } from "../instruments/training_estimate.ts";
import { engineOptions, inner, model, vocabSize } from "./support.ts";

Deno.test("peakLiveBytes() counts what nodes hold at one time, worked by hand", () => {
  const builder = new GraphBuilder();
  const x = builder.input("x", float32([10])); // inputs are not counted
  const a = builder.apply(neg, [x]);
  const b = builder.apply(neg, [a]);
  const c = builder.apply(mul, [a, b]);
  // a and b live while c is made: 3 · 40 bytes. Then only d and c.
  const d = builder.apply(neg, [c]);
  assert.equal(peakLiveBytes(builder.build({ d })), 120);
  assert.equal(peakLiveBytes(builder.build({ d, a, b })), 160); // outputs stay
});

Deno.test("peakLiveBytes() counts the probabilities of an attention until its gradient", () => {
  const builder = new GraphBuilder();
  const [q, k, v] = ["q", "k", "v"].map((name) => builder.parameter(name, [3, 2]));
  const bias = builder.constant([0], float32([]));
  const context = builder.apply(operators.Attention, [q, k, v, bias]);
  // 3 · 2 numbers of the context, 3 of logSumExp, 3 · 3 probabilities
  assert.equal(peakLiveBytes(builder.build({ context })), 4 * (6 + 3 + 9));
  const loss = builder.apply(operators.ReduceSum, [context], { axes: [0, 1], keepdims: 0 });
  // At the gradient: loss, dO, context, logSumExp, probabilities, three gradients, and the gradient of the probabilities.
  assert.equal(
    peakLiveBytes(differentiate(builder.build({ loss }))),
    4 * (1 + 6 + 6 + 3 + 9 + 3 * 6 + 9),
  );
});

Deno.test("trainingBytes() grows with the micro-batch, and by the same amount for each sequence", () => {
  const config = { ...model, vocabSize };
  const [one, two, three] = [1, 2, 3].map((size) => trainingBytes(config, size));
  assert.ok(two > one);
  // Gradients of parameters are there whatever the batch.
  assert.ok(Math.abs((three - two) - (two - one)) < 0.02 * (two - one));
  const copies = trainingBytes(config, 1, { heldCopies: 10 }) - one;
  assert.equal(copies, 10 * 4 * countParameters(config).total);
  const program = programBytes(differentiate(languageModelGraph(config, 1)));
  const others = trainingBytes(config, 1, { otherPrograms: 3 }) - one;
  assert.ok(Math.abs(others - 3 * program) < 1, `${others}`);
  const many = trainingBytes(config, 1, { otherPrograms: 1e9 }) - one;
  assert.ok(Math.abs(many + program - 4e9) < 1, `${many}`); // more are not held together
});

Deno.test("resolveMicroBatch() takes the largest divisor whose step works, once", async () => {
  const folder = Deno.makeTempDirSync();
  try {
    const tried: number[] = [];
    /** An engine with room for fewer than six sequences. */
    const small: Engine = {
      ...engine,
      compileTraining(graph, options) {
        const [sequences] = graph.inputs.tokens.shape;
        tried.push(sequences);
        if (sequences >= 6) return Promise.reject(new Error("out of memory"));
        return engine.compileTraining(graph, options);
      },
    };
    const search: MicroBatchSearch = {
      microBatchSize: "auto",
      batchSize: 12,
      config: { ...model, vocabSize },
      engine: small,
      engineOptions,
      optimizer: inner,
      checkpointFolder: `${folder}/checkpoints`,
      log: silentLog,
    };
    assert.equal(await resolveMicroBatch(search), 4);
    assert.deepEqual(tried, [12, 6, 4]); // divisors only
    assert.equal(await resolveMicroBatch({ ...search, engine }), 4); // as it was found
    assert.deepEqual(tried.length, 3);
    assert.equal(await resolveMicroBatch({ ...search, microBatchSize: 3 }), 3);
    for (const text of ['{"microBatchSize":5}', '{"microBatchSize":', "null"]) {
      Deno.writeTextFileSync(`${search.checkpointFolder}/.micro_batch.json`, text);
      await assert.rejects(
        resolveMicroBatch(search),
        /StageError: .*expected a divisor of 12, found a damaged file; --force begins again/,
      );
    }
    // A parameter's copies alone are more than any machine has: only single sequences are tried all the same.
    const heavy = { ...search, engine, heldCopies: 1e12, checkpointFolder: `${folder}/heavy` };
    assert.equal(await resolveMicroBatch(heavy), 1);
    const none = { ...engine, compileTraining: () => Promise.reject(new Error("out of memory")) };
    const nowhere = { ...search, engine: none, checkpointFolder: `${folder}/others` };
    await assert.rejects(resolveMicroBatch(nowhere), /expected one sequence of 8 tokens to fit/);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("trainingBytes() is at least what a process takes that trains, and at most twice that", async () => {
  const shape = [4, 128, 2, 4096, 128, 8] as const;
  const [nLayers, dModel, nHeads, vocabSize, seqLen, sequences] = shape;
  const config = { ...model, nLayers, dModel, nHeads, vocabSize, seqLen, expansion: 4 };
  const peakBytes = await peakOfProcess(shape, { engine: "cpu", threads: 1 });
  const estimate = trainingBytes(config, sequences);
  assert.ok(estimate > 0.95 * peakBytes && estimate < 2 * peakBytes, `${estimate}, ${peakBytes}`);
});
