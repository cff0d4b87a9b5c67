import assert from "node:assert/strict";
import {
  interruptionOf,
  interruptionText,
  machinesOf,
  noteMachine,
  noteStop,
  openCheckpointFolder,
} from "../../pipeline/checkpoint_notes.ts";

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

Deno.test("interruptionOf() says where work was stopped, and whether it goes on or begins again", () => {
  const folder = Deno.makeTempDirSync();
  const key = "0".repeat(64);
  try {
    assert.equal(interruptionOf(`${folder}/none`), undefined);
    assert.equal(openCheckpointFolder(folder, key, ""), false);
    assert.equal(interruptionOf(folder), undefined, "it was killed before it had come to anything");
    const place = { done: 37, total: 600, unit: "steps" };
    const begins = noteStop(folder, place);
    assert.deepEqual(begins, { stoppedAt: place, hasCheckpoint: false });
    // What a stage notes beside checkpoints, what is unfinished, and a folder without any.
    Deno.writeTextFileSync(`${folder}/.noted.json`, "{}");
    Deno.mkdirSync(`${folder}/run-1/checkpoint-1.tmp`, { recursive: true });
    assert.deepEqual(interruptionOf(folder), begins);
    assert.equal(interruptionText(begins), "stopped at step 37 of 600, begins again");

    Deno.writeTextFileSync(`${folder}/checkpoint-1`, "");
    const goesOn = interruptionOf(folder)!;
    assert.equal(
      interruptionText(goesOn),
      "stopped at step 37 of 600, goes on from its checkpoint",
    );
    assert.equal(openCheckpointFolder(folder, key, ""), true);
    const killed = interruptionOf(folder)!; // the note is of an earlier stop
    assert.equal(interruptionText(killed), "interrupted, goes on from its checkpoint");
    assert.deepEqual(noteStop(folder, undefined), killed);
    Deno.writeTextFileSync(`${folder}/stopped-at`, '{"done":');
    assert.deepEqual(interruptionOf(folder), killed, "a damaged note is none");
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
