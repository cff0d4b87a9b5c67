import assert from "node:assert/strict";
import { measure } from "../../bench/train.ts";
import { measureMemory, slopeOf } from "../../bench/training_memory.ts";
import { judge } from "../../bench/pytorch.ts";

Deno.test("judge() takes OpenBLAS and refuses the reference BLAS, with what to install", () => {
  const folder = "/usr/lib/x86_64-linux-gnu";
  const peer = { python: "python3", version: "1.13.1" };
  const fast = `${folder}/openblas-pthread/libopenblasp-r0.3.21.so`;
  const libraries = [`${folder}/openblas-pthread/libblas.so.3`, fast];
  assert.deepEqual(judge({ ...peer, libraries }), { ...peer, blas: fast });
  const refused = judge({ ...peer, libraries: [`${folder}/blas/libblas.so.3.11.0`] });
  assert.match(refused as string, /refused: .* found the reference BLAS .*libopenblas0-pthread/);
});

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

Deno.test("slopeOf() is the least-squares slope", () => {
  const points = [[1, 3], [2, 5], [3, 7], [4, 9]].map(([step, bytes]) => ({ step, bytes }));
  assert.equal(slopeOf(points), 2);
  assert.equal(slopeOf([{ step: 0, bytes: 1 }, { step: 1, bytes: 4 }, { step: 2, bytes: 1 }]), 0);
});

Deno.test("measureMemory() finds no growth over thousands of steps", async () => {
  const { bytesPerStep, firstBytes, lastBytes } = await measureMemory("cpu", 1000);
  // Gradients kept at every step would be 98 kB a step. The heap is still finding its size, by some kB a step: the bound of
  // 1 kB is for 10,000 steps (deno task bench training-memory).
  assert.ok(bytesPerStep < 20_000, `${bytesPerStep} bytes a step, ${firstBytes} to ${lastBytes}`);
});
