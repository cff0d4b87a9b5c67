import assert from "node:assert/strict";
import { engine as reference } from "../../engine/reference/mod.ts";
import { silentLog } from "../../pipeline/stage.ts";
import { CheckpointStore, packState, unpackState } from "../../training/mod.ts";
import { Run, type RunState } from "../../training/run.ts";

const tensors = (value: number) => ({ w: { shape: [2], data: Float32Array.of(value, 0.5) } });

Deno.test("packState() names groups after their places, and unpackState() puts them back", () => {
  const state = {
    round: 3,
    shared: tensors(1),
    results: { "a.tensors": { tensors: tensors(2), optimizer: { step: 4, moments: tensors(3) } } },
    outer: {},
    rows: [{ kind: "round", loss: null }],
  };
  const { groups, state: packed } = packState({ ...state, absent: undefined });
  assert.deepEqual(Object.keys(groups), [
    "shared",
    "results.a.tensors.tensors",
    "results.a.tensors.optimizer.moments",
  ]);
  const read = JSON.parse(JSON.stringify(packed)); // as a checkpoint's file gives it
  assert.deepEqual(unpackState({ groups, state: read }), state);
});

Deno.test("Run goes on from its last checkpoint, and writes one when nothing is under training", async () => {
  const checkpointFolder = Deno.makeTempDirSync();
  try {
    const { signal } = new AbortController();
    const warnings: string[] = [];
    const log = { ...silentLog, warn: (message: string) => void warnings.push(message) };
    const engine = { ...reference, keepChoices: () => "goes on on another card" };
    const engineOptions = { threads: 1, precision: "fp32" } as const;
    const options = { settings: {}, checkpointFolder, log, signal, engine, engineOptions };
    const open = () => new Run<RunState & { done: number }>(options, () => ({ done: 0 }));
    const first = open();
    assert.equal(first.isResumed, false);
    assert.deepEqual(warnings, []);
    first.state.done = 7;
    await first.save();
    first.state.done = 8; // after the checkpoint: lost
    const second = open();
    assert.equal(second.isResumed, true);
    assert.deepEqual(warnings, ["goes on on another card"]);
    assert.deepEqual(second.state, { done: 7 });
    assert.deepEqual(new CheckpointStore(checkpointFolder).latest()?.groups, {});
  } finally {
    Deno.removeSync(checkpointFolder, { recursive: true });
  }
});
