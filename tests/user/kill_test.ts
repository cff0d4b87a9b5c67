/**
 * A run that is killed and started again ends with the bytes of a run that was never disturbed.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import {
  outputDigests,
  pipeline,
  pipelineCommand,
  temporaryFolder,
  tinyRecipe,
} from "../support/command_line.ts";

/** Long enough that a kill meets it at work, with checkpoints on the way. */
const longer = ["--set", "pretrain.localSteps=60", "--set", "pretrain.checkpointEverySteps=5"];
const base = ["run", "pretrain/trim", "--recipe", tinyRecipe, ...longer];

Deno.test("run resumes after kill -9 in pre-training to the same bytes", async () => {
  using folder = temporaryFolder();
  const undisturbed = join(folder.path, "undisturbed");
  const killed = join(folder.path, "killed");

  const whole = await pipeline([...base, "--store", undisturbed]);
  assert.equal(whole.code, 0, whole.stderr + whole.stdout);

  let kills = 0;
  for (let attempt = 0; attempt < 3; attempt++) {
    const child = pipelineCommand([...base, "--store", killed]).spawn();
    const output = child.output();
    if (await checkpointAppears(killed, attempt)) {
      kills++;
      child.kill("SIGKILL");
    }
    await output;
  }
  assert.ok(kills > 0, "no run was met at work: make the run longer");

  const resumed = await pipeline([...base, "--store", killed]);
  assert.equal(resumed.code, 0, resumed.stderr + resumed.stdout);
  assert.deepEqual(outputDigests(killed), outputDigests(undisturbed));
});

/** Waits for one more checkpoint than there was, at most 20 s. */
async function checkpointAppears(store: string, attempt: number): Promise<boolean> {
  const before = doneFiles(store).join();
  for (let waited = 0; waited < 20_000; waited += 20) {
    const now = doneFiles(store);
    if (now.length > 0 && now.join() !== before) {
      await delay(attempt * 30); // later attempts are met at other places
      return true;
    }
    await delay(20);
  }
  return false;
}

function doneFiles(folder: string): string[] {
  try {
    return walk(join(folder, "checkpoints"));
  } catch {
    return []; // it vanished while it was read, or is not there yet
  }
}

function walk(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory) return walk(path);
    return entry.name === "DONE" ? [path] : [];
  }).sort();
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
