import assert from "node:assert/strict";
import { zeros } from "../../tokenizers/unigram/memory.ts";
import { Team } from "../../tokenizers/unigram/team.ts";

Deno.test("zeros() gives arrays of the length asked for, small and large, on memory of either kind", () => {
  for (const isShared of [false, true]) {
    for (const length of [0, 3, 1_048_575, 1_048_576]) {
      const array = zeros(Int32Array, length, isShared);
      assert.equal(array.length, length);
      assert.equal(array.buffer instanceof SharedArrayBuffer, isShared);
      assert.ok(array.every((item) => item === 0));
    }
  }
});

Deno.test("Team.recycle() has arrays given out again: zero, apart from each other, as long as there is room", () => {
  const team = new Team();
  const old = team.allocate(Int32Array, 10).fill(-1); // 40 bytes
  team.recycle(old);
  const lengths = team.allocate(Uint8Array, 3); // takes 8 of them
  const counts = team.allocate(Float64Array, 4); // 32
  const further = team.allocate(Uint8Array, 1); // none is left
  assert.ok(lengths.buffer === old.buffer && counts.buffer === old.buffer);
  assert.ok(further.buffer !== old.buffer);
  assert.deepEqual([...lengths, ...counts, ...further], Array(8).fill(0));
  lengths.fill(7);
  counts.fill(5);
  assert.deepEqual([...lengths, ...counts], [7, 7, 7, 5, 5, 5, 5]);
});
