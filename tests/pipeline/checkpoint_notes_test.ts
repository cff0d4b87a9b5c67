import assert from "node:assert/strict";
import { machinesOf, noteMachine } from "../../pipeline/checkpoint_notes.ts";

Deno.test("noteMachine() keeps the instruction sets that worked on an action, in order", () => {
  const folder = Deno.makeTempDirSync();
  try {
    assert.deepEqual(machinesOf(folder), []);
    assert.deepEqual(noteMachine(folder, "avx2 fma"), ["avx2 fma"]);
    assert.deepEqual(noteMachine(folder, "avx2 fma"), ["avx2 fma"]);
    assert.deepEqual(noteMachine(folder, ""), ["avx2 fma", ""]); // a system that does not tell
    assert.deepEqual(noteMachine(folder, "avx2 fma"), ["avx2 fma", "", "avx2 fma"]);
    assert.deepEqual(machinesOf(folder), ["avx2 fma", "", "avx2 fma"]);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
