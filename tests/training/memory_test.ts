import assert from "node:assert/strict";
import { peakOfRound } from "../instruments/round_memory.ts";
import { measureMemory, slopeOf } from "../instruments/training_memory.ts";

Deno.test("slopeOf() is the least-squares slope", () => {
  const points = [[1, 3], [2, 5], [3, 7], [4, 9]].map(([step, bytes]) => ({ step, bytes }));
  assert.equal(slopeOf(points), 2);
  assert.equal(slopeOf([{ step: 0, bytes: 1 }, { step: 1, bytes: 4 }, { step: 2, bytes: 1 }]), 0);
});

Deno.test("measureMemory() finds no growth over thousands of steps", async () => {
  const { bytesPerStep, firstBytes, lastBytes } = await measureMemory("cpu", 1000);
  // Gradients kept at every step would be 98 kB a step. The heap is still finding its size, by some kB a step: the bound of
  // 1 kB is for 10,000 steps (deno task instruments training-memory).
  assert.ok(bytesPerStep < 20_000, `${bytesPerStep} bytes a step, ${firstBytes} to ${lastBytes}`);
});

Deno.test("pretrain() of a round takes as much memory with nine sources as with three", async () => {
  const round = {
    variant: "spec",
    adamState: "average",
    engine: "cpu",
    isCollected: true,
  } as const;
  const few = await peakOfRound({ ...round, sources: 3 });
  const many = await peakOfRound({ ...round, sources: 9 });
  // Six results more, with their tables and moments, would be 6 · 3 models of 21 MB, 378 MB; up to 71 MB were seen on a busy
  // machine: deno task instruments round-memory.
  assert.ok(many - few < 150e6, `${few} bytes with 3 sources, ${many} with 9`);
});
