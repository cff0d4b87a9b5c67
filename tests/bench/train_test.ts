import assert from "node:assert/strict";
import { compete, measure, ourWorker } from "../../bench/training_measurement.ts";
import { measureSizes, sizesText } from "../../bench/training_sizes.ts";
import { cardTest } from "../support/cuda_shim.ts";

const config = {
  nLayers: 1,
  dModel: 16,
  nHeads: 2,
  expansion: 4,
  seqLen: 8,
  vocabSize: 32,
  positions: "alibi",
  bias: false,
} as const;

Deno.test("measure() reports speed first, and ours without a peer", async () => {
  const report = await measure({ config, batchSize: 2, threads: 1, engine: "cpu" }, 5, false);
  assert.equal(Object.keys(report)[0], "tokensPerSecond");
  assert.ok(report.tokensPerSecond > 0 && report.shareOfMatrixPeak > 0 && report.peakBytes > 1e7);
  assert.ok(report.lastLossNats < report.firstLossNats);
  assert.deepEqual(report.peers, { none: "not asked for" });
});

cardTest("compete() trains in the precision that is asked for", async () => {
  const settings = { config, batchSize: 2, threads: 1, engine: "cuda-native" } as const;
  const half = { ...settings, precision: "bf16", products: "own" } as const;
  const [single, rounded] = await Promise.all(
    [settings, half].map((each) => compete(each, 1, { ours: ourWorker() })),
  );
  const losses = [single, rounded].map(({ ours }) => ours.measurement.firstLossNats);
  assert.notEqual(losses[0], losses[1]);
  assert.ok(Math.abs(losses[0] - losses[1]) < 2 ** -8 * losses[0], `${losses}`);
});

Deno.test("measureSizes() times every divisor of the batch, and says what to write into the recipe", async () => {
  const settings = { config, batchSize: 6, threads: 1, engine: "cpu" };
  const report = await measureSizes(settings, 1);
  assert.deepEqual(report.sizes.map(({ microBatchSize }) => microBatchSize), [6, 3, 2, 1]);
  assert.equal(report.auto, 6); // 48 tokens of width 16 stay in any cache
  const losses = report.sizes.map(({ firstLossNats }) => firstLossNats);
  for (const loss of losses) {
    assert.ok(Math.abs(loss - losses[0]) < 1e-5, "one batch, cut otherwise");
  }
  const { bestStepMs } = report.sizes.find(({ microBatchSize }) =>
    microBatchSize === report.fastest
  )!;
  assert.ok(report.sizes.every((size) => size.bestStepMs >= bestStepMs));
  const text = sizesText({ ...report, fastest: 3, auto: 6 });
  assert.match(text, /write into the recipe: microBatchSize: 3 \(auto takes 6\)$/);
});
