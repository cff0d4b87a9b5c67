import assert from "node:assert/strict";
import { CheckpointPace } from "../../training/mod.ts";

Deno.test("CheckpointPace in steps is due at every n-th, and at places that are not counted", () => {
  const pace = new CheckpointPace(3);
  assert.deepEqual([1, 2, 3, 4, 6].map((step) => pace.isDue(step)), [
    false,
    false,
    true,
    false,
    true,
  ]);
  assert.ok(pace.isDue());
});

Deno.test("CheckpointPace auto waits 10 s, then so long that checkpoints take less than 2 % of the time", async () => {
  let now = 0;
  const pace = new CheckpointPace("auto", () => now);
  const stepMs = 500;
  let written = 0;
  const at: number[] = [];
  while (now < 3_600_000) {
    now += stepMs;
    if (!pace.isDue(1)) continue;
    await pace.write(() => {
      now += 3000;
      written += 3000;
    });
    at.push(now);
  }
  assert.equal(at[0], 13_000);
  assert.ok(at[1] - at[0] >= 200_000 && at[1] - at[0] < 201_000, `${at[1] - at[0]}`);
  assert.ok(written / now < 0.02, `${written / now}`);
});
