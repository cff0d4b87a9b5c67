import assert from "node:assert/strict";
import { measure } from "../../bench/training_measurement.ts";

Deno.test("measure() reports speed first, and ours without a peer", async () => {
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
  const report = await measure({ config, batchSize: 2, threads: 1, engine: "cpu" }, 5, false);
  assert.equal(Object.keys(report)[0], "tokensPerSecond");
  assert.ok(report.tokensPerSecond > 0 && report.shareOfMatrixPeak > 0 && report.peakBytes > 1e7);
  assert.ok(report.lastLossNats < report.firstLossNats);
  assert.deepEqual(report.peers, { none: "not asked for" });
});
