import assert from "node:assert/strict";
import { engine } from "../../engine/reference/mod.ts";
import {
  differentiate,
  float32,
  GraphBuilder,
  languageModelGraph,
  mul,
  neg,
  operators,
  peakLiveBytes,
} from "../../model/mod.ts";
import { resolveMicroBatch, trainingBytes } from "../../training/mod.ts";
import { programBytes } from "../../training/micro_batch.ts";
import { peakOfProcess } from "../instruments/training_estimate.ts";
import { model, vocabSize } from "./support.ts";

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
});

Deno.test("resolveMicroBatch() is the recipe's number, or on a processor the largest divisor that stays in its caches", () => {
  const of = (
    question: { batchSize?: number; threads?: number; vocabSize?: number; seqLen?: number },
  ) => {
    const { batchSize = 12, threads = 1, vocabSize = 50, seqLen = 256 } = question;
    const config = { ...model, dModel: 256, seqLen, vocabSize };
    const engine = { runsOn: "processor" } as const;
    return resolveMicroBatch({ microBatchSize: "auto", batchSize, config, engine, threads });
  };
  // 2^18 / (256 · 256) = 4 sequences for each thread.
  assert.equal(of({}), 4);
  assert.equal(of({ threads: 2 }), 6); // not 8: a divisor of 12
  assert.equal(of({ threads: 3 }), 12);
  assert.equal(of({ batchSize: 7 }), 1);
  assert.equal(of({ seqLen: 4096 }), 1); // no sequence is cut
  assert.equal(of({ vocabSize: 1_000_000 }), 4);
  const config = { ...model, vocabSize };
  const asked = { batchSize: 12, config, engine, threads: 1 };
  assert.equal(resolveMicroBatch({ ...asked, microBatchSize: 3 }), 3);
});

Deno.test("resolveMicroBatch() fills 4 GB of a GPU, so the vocabulary counts", () => {
  const of = (vocabSize: number) => {
    const config = { ...model, nLayers: 1, dModel: 64, seqLen: 512, vocabSize };
    const engine = { runsOn: "gpu" } as const;
    const size = resolveMicroBatch({
      microBatchSize: "auto",
      batchSize: 64,
      config,
      engine,
      threads: 1,
    });
    const bytes = (size: number) => programBytes(differentiate(languageModelGraph(config, size)));
    assert.ok(bytes(size) <= 4e9 && (size === 64 || bytes(2 * size) > 4e9), `${size}`);
    return size;
  };
  assert.equal(of(100), 64);
  assert.ok(of(50_000) < 64);
});

Deno.test("trainingBytes() is at least what a process takes that trains, and at most twice that", async () => {
  const shape = [4, 128, 2, 4096, 128, 8] as const;
  const [nLayers, dModel, nHeads, vocabSize, seqLen, sequences] = shape;
  const config = { ...model, nLayers, dModel, nHeads, vocabSize, seqLen, expansion: 4 };
  const peakBytes = await peakOfProcess(shape, { engine: "cpu", threads: 1 });
  const estimate = trainingBytes(config, sequences);
  assert.ok(estimate > 0.95 * peakBytes && estimate < 2 * peakBytes, `${estimate}, ${peakBytes}`);
});
