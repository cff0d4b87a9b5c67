/**
 * What processes of a run keep of tasks that are under way, and take over from each other.
 */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { silentLog } from "../../base/mod.ts";
import type { Kept } from "../../training/local_parts.ts";
import { LocalParts } from "../../training/local_parts.ts";
import { temporaryFolder } from "../support/command_line.ts";

const parts = (checkpointFolder: string, worker?: string) =>
  new LocalParts({ checkpointFolder, worker, log: silentLog });
const outcome = (steps: number): Kept => ({
  outcome: { row: { steps }, exposure: [], held: "0".repeat(64) },
});
const steps = (kept: Kept | undefined) => kept?.outcome?.row.steps;

Deno.test("whoever goes on with a task makes what was kept of it its own; who kept it harms nothing then", () => {
  using folder = temporaryFolder();
  const [a, b, leader] = ["a", "b", undefined].map((worker) => parts(folder.path, worker));
  const task = { name: "it", round: 1 };
  assert.equal(a.of(task), undefined);
  assert.equal(parts(`${folder.path}/none`).of(task), undefined);
  a.keep(task, outcome(1));
  a.keep({ name: "it-2", round: 1 }, outcome(7));
  assert.equal(steps(b.of(task)), 1);
  assert.deepEqual(readdirSync(folder.path).sort(), ["ahead-it-2@a", "ahead-it@b"]);
  b.keep(task, outcome(2));
  a.keep(task, outcome(1)); // it does not know yet
  a.keep(task, outcome(1));
  assert.equal(steps(b.of(task)), 2);
  b.keep(task, outcome(3));
  a.drop("it");
  assert.equal(steps(parts(folder.path, "c").of(task)), 3);
  assert.equal(steps(b.of(task)), 3, "back again");
  assert.equal(steps(leader.of(task)), 3);
  assert.deepEqual(readdirSync(folder.path).sort(), ["ahead-it", "ahead-it-2@a"]);
  assert.equal(leader.of({ name: "it", round: 2 }), undefined);
  a.keep(task, outcome(4));
  leader.dropAll("it");
  assert.deepEqual(readdirSync(folder.path), ["ahead-it-2@a"]);
});

Deno.test("what was kept of another round is not gone on from", () => {
  using folder = temporaryFolder();
  const [a, b] = ["a", "b"].map((worker) => parts(folder.path, worker));
  a.keep({ name: "it", round: 1 }, outcome(1));
  b.keep({ name: "it", round: 2 }, outcome(2));
  assert.equal(steps(a.of({ name: "it", round: 2 })), 2);
});
