import assert from "node:assert/strict";
import { EditedProject } from "../instruments/edits.ts";
import { inTemporaryFolder } from "../support/toy_cli.ts";

// Code while a walk works, put back soon; data while they are read, put back after the run; code, and the runner is killed.
const indices = [5, 16, 30];

Deno.test("run: after edits while it works a store holds what a clean one would give (of seed 1; `instruments edits` makes 200)", async () => {
  await inTemporaryFolder(async (folder) => {
    const project = new EditedProject(folder);
    for (const index of indices) {
      const { isInTime } = await project.disturb(1, index);
      assert.ok(isInTime, `edit ${index}`);
    }
  });
});
