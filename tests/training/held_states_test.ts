/**
 * What participants hold between rounds, and what crosses between a leader and them.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import {
  heldFolder,
  HeldStates,
  type LocalOutcome,
  type LocalTask,
  LocalTrainer,
  pretrain,
  type PretrainSettings,
  type Tensors,
} from "../../training/mod.ts";
import { helpersOf, plain, pretraining, withSources } from "./support.ts";

const tensors = (...data: number[]): Tensors => ({
  "embedding.token.weight": { shape: [data.length], data: Float32Array.from(data) },
});

function withStore(use: (folder: string, store: HeldStates) => void): void {
  const folder = Deno.makeTempDirSync();
  try {
    use(folder, new HeldStates(folder));
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("HeldStates gives a state back, by a digest of all that it has", () =>
  withStore((folder, store) => {
    const optimizer = { step: 3, moments: tensors(5) };
    const digest = store.put({ local: tensors(1, 2), optimizer, position: { at: 7 } });
    const others = [
      { local: tensors(1, 3), optimizer, position: { at: 7 } },
      { local: tensors(1, 2), optimizer: { ...optimizer, step: 4 }, position: { at: 7 } },
      { local: tensors(1, 2), optimizer, position: { at: 8 } },
      { position: { at: 7 } },
    ].map((state) => store.put(state));
    assert.equal(new Set([digest, ...others]).size, 5);
    store.sync();
    const { local, optimizer: read, position } = new HeldStates(folder).read(digest);
    assert.deepEqual(local!.read(), tensors(1, 2));
    assert.deepEqual([read!.step, read!.moments.read()], [3, tensors(5)]);
    assert.deepEqual(position, { at: 7 });
  }));

Deno.test("HeldStates refuses a state that is gone or damaged", () =>
  withStore((folder, store) => {
    const gone = "0".repeat(64);
    assert.throws(() => store.read(gone), /Cannot read what a source held .* found none/);
    const digest = store.put({ local: tensors(1, 2), position: 0 });
    Deno.writeTextFileSync(join(folder, `${digest}.json`), "{}");
    assert.throws(() => new HeldStates(folder).read(digest), /found other bytes/);
    const whole = store.put({ local: tensors(1, 2), position: 1 });
    for (const { name } of Deno.readDirSync(join(folder, "tensors"))) {
      Deno.writeTextFileSync(join(folder, "tensors", name), "x");
    }
    assert.throws(() => new HeldStates(folder).read(whole), /found other bytes/);
  }));

Deno.test("HeldStates keeps what the last two checkpoints name, and what none has named yet", () =>
  withStore((folder, store) => {
    const table = tensors(1, 2);
    const [first, second, third] = [0, 1, 2].map((position) =>
      store.put({ local: table, position })
    );
    const answer = store.put({ local: tensors(9), position: 3 });
    const here = () => [...Deno.readDirSync(folder)].filter(({ isFile }) => isFile).length;
    store.keepNamed(new Set([first]));
    store.keepNamed(new Set([second]));
    assert.equal(here(), 4);
    store.keepNamed(new Set([third])); // the last two name second and third
    assert.equal(here(), 3);
    assert.throws(() => store.read(first), /found none/);
    assert.deepEqual(
      new HeldStates(folder).read(second).local!.read(),
      table,
      "others have it too",
    );
    store.keepNamed(new Set([answer]));
    store.keepNamed(new Set([answer]));
    assert.equal(here(), 1);
    assert.equal([...Deno.readDirSync(join(folder, "tensors"))].length, 1);
  }));

/** All tasks and outcomes of a run whose participants are trained through `LocalTrainer`. */
async function crossing(id: string, changes: Partial<PretrainSettings>) {
  const tasks: LocalTask[] = [];
  const outcomes: LocalOutcome[] = [];
  await withSources(async (sources, folder) => {
    const options = pretraining(id, sources, folder, changes);
    const held = new HeldStates(heldFolder(options.checkpointFolder));
    const trainer = new LocalTrainer({ ...options, held });
    const helpers = helpersOf(async (task) => {
      tasks.push(task);
      const outcome = await trainer.train(task);
      outcomes.push(outcome);
      return outcome;
    });
    await pretrain({ ...options, helpers });
  });
  return { tasks, outcomes };
}

Deno.test("own tables and Adam's state do not cross; what is averaged of it does", async () => {
  const isOwn = (name: string) => name.startsWith("embedding.");
  for (const adamState of ["reset", "keep", "average"] as const) {
    const { tasks, outcomes } = await crossing("spec", { adamState, sourcesPerRound: 3 });
    assert.ok(tasks.length > 0 && tasks.length === outcomes.length);
    for (const { shared, optimizer, round } of tasks) {
      assert.ok(Object.keys(shared).length > 0 && !Object.keys(shared).some(isOwn));
      assert.equal(optimizer !== undefined, adamState === "average" && round > 1);
      assert.ok(!Object.keys(optimizer?.moments ?? {}).some(isOwn));
    }
    for (const { made } of outcomes) {
      assert.ok(!Object.keys(made!.shared).some(isOwn));
      assert.equal(made!.optimizer !== undefined, adamState === "average");
      assert.ok(!Object.keys(made!.optimizer?.moments ?? {}).some(isOwn));
    }
  }
});

Deno.test("LocalTrainer that is killed at any step goes on from its own checkpoint", () =>
  withSources(async (sources, folder) => {
    const changes = { checkpointEverySteps: 1, sourcesPerRound: 3, localSteps: 4 };
    const alone = await pretrain(pretraining("spec", sources, folder, changes));
    const options = pretraining("spec", sources, folder, changes);
    const held = new HeldStates(heldFolder(options.checkpointFolder));
    const steps: string[] = [];
    let kills = 0;
    const train = async (task: LocalTask): Promise<LocalOutcome> => {
      let left = 2;
      const progress = ({ done }: { readonly done: number }) => {
        if (left-- === 0) throw new Error("killed"); // what is in memory is lost
        steps.push(`${task.round} ${task.name} ${done}`);
      };
      const log = { ...options.log, progress };
      try {
        return await new LocalTrainer({ ...options, held, log }).train(task);
      } catch (error) {
        if ((error as Error).message !== "killed") throw error;
        kills++;
        return await train(task);
      }
    };
    const helpers = helpersOf(train);
    const result = await pretrain({ ...options, helpers });
    assert.deepEqual(plain(result.last), plain(alone.last));
    assert.deepEqual(result.metrics, alone.metrics);
    assert.equal(new Set(steps).size, steps.length, "no step is taken twice");
    assert.equal(kills, 6); // two rounds of three: each is killed after two steps of four
  }));
