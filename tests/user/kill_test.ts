/**
 * A run that is killed and started again ends with the bytes of a run that was never disturbed.
 */
import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import { join } from "node:path";
import {
  outputDigests,
  pipeline,
  pipelineCommand,
  temporaryFolder,
  tinyRecipe,
} from "../support/command_line.ts";
import { engineHere, whyNoNetworks } from "../support/devices.ts";

const words = ["--recipe", tinyRecipe];
const webgpu = await engineHere("webgpu"); // names the software driver to child processes
const cuda = await engineHere("cuda-native"); // and a card's driver on the processor

interface Trial {
  readonly engine: string;
  readonly kills: number;
  /** Long enough that a kill meets it at work, with checkpoints on the way. */
  readonly localSteps: number;
  readonly checkpointEverySteps: number;
  readonly whyNot?: string;
}

const trials: readonly Trial[] = [
  { engine: "cpu", kills: 3, localSteps: 60, checkpointEverySteps: 5 },
  { engine: "reference", kills: 1, localSteps: 20, checkpointEverySteps: 5 },
  { engine: "tfjs", kills: 1, localSteps: 20, checkpointEverySteps: 5 },
  {
    engine: "webgpu",
    kills: 1,
    localSteps: 6,
    checkpointEverySteps: 2,
    whyNot: typeof webgpu === "string" ? webgpu : whyNoNetworks("webgpu"),
  },
  {
    engine: "cuda-native",
    kills: 1,
    localSteps: 20,
    checkpointEverySteps: 5,
    whyNot: typeof cuda === "string" ? cuda : undefined,
  },
];

Deno.test("run resumes after kill -9 in pre-training to the same bytes", async (t) => {
  using folder = temporaryFolder();
  const tokenized = join(folder.path, "tokenized");
  const made = await pipeline(["run", "tokenize/*/global", ...words, "--store", tokenized]);
  assert.equal(made.code, 0, made.stderr + made.stdout);

  for (const { engine, kills: times, localSteps, checkpointEverySteps, whyNot } of trials) {
    const name = `${engine}${whyNot === undefined ? "" : `: skipped: ${whyNot}`}`;
    const fn = async () => {
      const [undisturbed, killed] = ["undisturbed", "killed"].map((kind) => {
        const store = join(folder.path, `${engine}-${kind}`);
        cpSync(tokenized, store, { recursive: true });
        return store;
      });
      const length = [
        `pretrain.localSteps=${localSteps}`,
        `pretrain.checkpointEverySteps=${checkpointEverySteps}`,
      ].flatMap((one) => ["--set", one]);
      const typed = [...words, ...length, "--engine", engine];
      const command = (store: string) => ["run", "pretrain/trim", ...typed, "--store", store];
      const whole = await pipeline(command(undisturbed));
      assert.equal(whole.code, 0, whole.stderr + whole.stdout);

      let kills = 0;
      for (let attempt = 0; attempt < times; attempt++) {
        const child = pipelineCommand(command(killed)).spawn();
        let hasEnded = false;
        const output = child.output().finally(() => hasEnded = true);
        if (await checkpointAppears(killed, attempt, () => hasEnded)) {
          kills++;
          child.kill("SIGKILL");
        }
        await output;
      }
      assert.ok(kills > 0, "no run was met at work: make the run longer");

      // As if the checkpoints had come from another machine: that is said and recorded, threads are part of the key.
      const notes = Deno.readTextFileSync(checkpointFile(killed, "machines"));
      Deno.writeTextFileSync(checkpointFile(killed, "machines"), `another\n`);
      const resumed = await pipeline([...command(killed), "--verbose"]);
      assert.equal(resumed.code, 0, resumed.stderr + resumed.stdout);
      assert.match(resumed.stdout, /resumed/);
      assert.match(resumed.stdout, /^warning .*a machine with other instructions/m);
      assert.deepEqual(instructionSetsOf(killed, "pretrain/trim"), ["another", notes.trim()]);
      const withThreads = await pipeline([...command(killed), "--threads", "2", "--dry-run"]);
      assert.match(withThreads.stdout, /^run +pretrain\/trim +parameter engine.threads: 1 → 2$/m);
      assert.deepEqual(outputDigests(killed), outputDigests(undisturbed));
    };
    await t.step({ name, ignore: whyNot !== undefined, fn });
  }
});

/** Waits for one more checkpoint than there was, as long as the run goes on. */
async function checkpointAppears(
  store: string,
  attempt: number,
  hasEnded: () => boolean,
): Promise<boolean> {
  const before = checkpoints(store).join();
  while (!hasEnded()) {
    const now = checkpoints(store);
    if (now.length > 0 && now.join() !== before) {
      await delay(attempt * 30); // later attempts are met at other places
      return true;
    }
    await delay(20);
  }
  return false;
}

function checkpoints(store: string): string[] {
  try {
    return filesNamed(/^checkpoint-\d+$/, join(store, "checkpoints"));
  } catch {
    return []; // it vanished while it was read, or is not there yet
  }
}

function checkpointFile(store: string, name: string): string {
  const [path, ...others] = filesNamed(new RegExp(`^${name}$`), join(store, "checkpoints"));
  assert.equal(others.length, 0);
  return path;
}

function filesNamed(name: RegExp, folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory) return filesNamed(name, path);
    return name.test(entry.name) ? [path] : [];
  }).sort();
}

/** The machines that have worked on an instance, as its manifest has them. */
function instructionSetsOf(store: string, instance: string): readonly string[] {
  const manifests = [...Deno.readDirSync(join(store, "manifests"))]
    .filter(({ name }) => name.endsWith(".json"))
    .map(({ name }) => JSON.parse(Deno.readTextFileSync(join(store, "manifests", name))));
  return manifests.find((manifest) => manifest.instance === instance).provenance.instructionSets;
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
