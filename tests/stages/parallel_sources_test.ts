/**
 * Sources of a round trained in processes of their own: the bytes of training one after the other.
 */
import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import {
  heldFolder,
  HeldStates,
  LocalTrainer,
  pretrain,
  type PretrainResult,
  type PretrainSettings,
} from "../../training/mod.ts";
import { silentLog } from "../../pipeline/stage.ts";
import { LocalParts } from "../../training/local_parts.ts";
import { openParallelSources } from "../../stages/parallel_sources.ts";
import type { SiloProcesses } from "../../stages/silo_processes.ts";
import { pipeline, temporaryFolder, tinyRecipe } from "../support/command_line.ts";
import { trainingSetup } from "../support/silo_setup.ts";
import { helpersOf, plain, pretraining, settings, withSources } from "../training/support.ts";

type Options = Awaited<ReturnType<typeof pretraining>>;

/** Trains by so many processes. @param use Is given them at once. */
async function byProcesses(
  options: Options,
  folder: string,
  count: number,
  use: (processes: SiloProcesses) => void = () => {},
  engine?: string,
): Promise<PretrainResult> {
  const { sources, log, signal } = options;
  const parallel = await openParallelSources({
    count,
    sources,
    log,
    signal,
    setup: trainingSetup(options, folder, engine),
  });
  use(parallel.processes);
  try {
    return await pretrain({ ...options, helpers: parallel.helpers });
  } finally {
    await parallel.close();
  }
}

const same = (a: PretrainResult, b: PretrainResult) => {
  assert.deepEqual(plain(a.last), plain(b.last));
  assert.deepEqual(plain(a.best), plain(b.best));
  assert.deepEqual(a.metrics, b.metrics);
  assert.deepEqual(a.monitors, b.monitors);
};

const cases: readonly (readonly [string, number, Partial<PretrainSettings>])[] = [
  ["spec", 2, { sourcesPerRound: 3, adamState: "keep", monitors: { everySteps: 2 } }],
  ["trim", 1, { sourcesPerRound: 3, adamState: "average", outer: nesterov() }],
  ["local-sgd", 1, {}],
];

function nesterov() {
  return { kind: "nesterov", learningRate: 0.7, momentum: 0.9 } as const;
}

for (const [variant, count, changes] of cases) {
  Deno.test(`pretrain() of ${variant} by ${count} processes has the bytes of a plain run`, () =>
    withSources(async (sources, folder) => {
      const one = await pretrain(pretraining(variant, sources, folder, changes));
      const many = pretraining(variant, sources, folder, changes);
      same(await byProcesses(many, folder, count), one);
    }));
}

/** A log that hears of every step of the run, and how many were told. */
function heard(log: Options["log"], act: (done: number) => void) {
  const seen: number[] = [];
  const progress = ({ done }: { readonly done: number }) => {
    seen.push(done);
    act(done);
  };
  return { seen, log: { ...log, progress } };
}

Deno.test("pretrain() whose processes are killed while they train has the bytes of a plain run", () =>
  withSources(async (sources, folder) => {
    const changes = { rounds: 1, sourcesPerRound: 3, localSteps: 300, checkpointEverySteps: 20 };
    const one = await pretrain(pretraining("spec", sources, folder, changes));
    const options = pretraining("spec", sources, folder, changes);
    let processes: SiloProcesses | undefined;
    let [kills, ends] = [0, 0];
    const { log } = heard(options.log, () => {
      // Somebody has just said how far it is. There are five more such moments at least: one for each answer.
      const [pid] = processes?.pids ?? [];
      if (pid === undefined || kills >= 2 || kills > ends) return;
      Deno.kill(pid, "SIGKILL");
      kills++;
    });
    const warn = (message: string) => void (/ended with SIGKILL/.test(message) && ends++);
    const killed = { ...options, log: { ...log, warn } };
    same(await byProcesses(killed, folder, 2, (started) => processes = started), one);
    assert.deepEqual([kills, ends], [2, 2], "both were killed at work, and started again");
  }));

Deno.test("pretrain() whose leader is killed reads the answers that are there, and goes on to the same bytes", () =>
  withSources(async (sources, folder) => {
    const changes = { sourcesPerRound: 3, localSteps: 6, checkpointEverySteps: 1000 };
    const one = await pretrain(pretraining("trim", sources, folder, changes));
    const options = pretraining("trim", sources, folder, changes);
    // All of round 1 is answered; the leader ends before it has written any checkpoint.
    const first = heard(options.log, (done) => {
      if (done >= 3 * 6) throw new Error("killed");
    });
    await assert.rejects(byProcesses({ ...options, log: first.log }, folder, 2), /killed/);
    const second = heard(options.log, () => {});
    same(await byProcesses({ ...options, log: second.log }, folder, 2), one);
    const working = second.seen.filter((done) => done < 3 * 6 && done % 6 !== 0);
    assert.deepEqual(working, [], "nothing of round 1 is trained again");
  }));

/** Steps that other processes had taken when a run was stopped. */
function stepsAhead(checkpointFolder: string): number {
  const parts = new LocalParts({ checkpointFolder, log: silentLog });
  const folders = [...Deno.readDirSync(checkpointFolder)].map(({ name }) => name);
  const names = folders.flatMap((folder) => /^ahead-([^@]*)/.exec(folder)?.[1] ?? []);
  return [...new Set(names)].reduce((sum, name) => {
    const { part, outcome } = parts.of({ name, round: 1 }) ?? parts.of({ name, round: 2 })!;
    return sum + (part?.record.steps ?? outcome!.row.steps as number);
  }, 0);
}

// Afterwards by this process alone, or by one other.
for (const count of [0, 1]) {
  Deno.test(`pretrain() by two processes that is stopped keeps what they have done, and goes on by ${count} others to the same bytes`, () =>
    withSources(async (sources, folder) => {
      const changes = {
        ...settings,
        rounds: 1,
        sourcesPerRound: 2,
        localSteps: 600, // some tenths of a second, in which the leader looks once at least
        monitors: { everySteps: 200 },
        checkpointEverySteps: "auto",
      } as const;
      const one = await pretrain(pretraining("trim", sources, folder, changes));
      const stop = new AbortController();
      const stopped = pretraining("trim", sources, folder, changes);
      const { log } = heard(stopped.log, () => stop.abort(new Error("stop")));
      await assert.rejects(
        byProcesses({ ...stopped, log, signal: stop.signal }, folder, 2),
        { message: "stop" },
      );
      const ahead = stepsAhead(stopped.checkpointFolder);
      assert.ok(ahead > 0, "steps of a task that was stopped are kept");
      const rest = { steps: 0 };
      const counting = { ...stopped.log, progress: () => void rest.steps++ };
      const resumed = { ...stopped, log: count === 0 ? counting : stopped.log };
      same(await (count === 0 ? pretrain(resumed) : byProcesses(resumed, folder, count)), one);
      if (count === 0) assert.equal(rest.steps, 2 * 600 - ahead, "no step is taken twice");
      assert.equal(stepsAhead(stopped.checkpointFolder), 0, "nothing is left behind");
    }));
}

Deno.test("pretrain() keeps the steps that others have taken when it is stopped, and goes on from them", () =>
  withSources(async (sources, folder) => {
    const changes = { ...settings, sourcesPerRound: 2, localSteps: 6 };
    const one = await pretrain(pretraining("spec", sources, folder, changes));
    const stop = new AbortController();
    const options = { ...pretraining("spec", sources, folder, changes), signal: stop.signal };
    const count = (counted: { steps: number }, act: (steps: number) => void = () => {}) => ({
      ...options.log,
      progress: () => act(++counted.steps),
    });
    const [own, other] = [{ steps: 0 }, { steps: 0 }];
    // What another process does, in this one: so the moment of the stop is known.
    const log = count(other, (steps) => void (steps === 4 && stop.abort(new Error("stop"))));
    const held = new HeldStates(heldFolder(options.checkpointFolder));
    const trainer = new LocalTrainer({ ...options, held, log });
    const helpers = helpersOf((task) => trainer.train(task), [1]);
    await assert.rejects(pretrain({ ...options, log: count(own), helpers }), { message: "stop" });
    assert.equal(stepsAhead(options.checkpointFolder), 4);
    const { signal } = new AbortController();
    const rest = { steps: 0 };
    same(await pretrain({ ...options, log: count(rest), signal }), one);
    assert.equal(own.steps + other.steps + rest.steps, 24, "no step is done twice"); // 2 rounds of 2 sources
  }));

Deno.test("LocalTrainer leaves a task that is lost without a checkpoint, and trains the next", () =>
  withSources(async (sources, folder) => {
    const options = pretraining("spec", sources, folder, { ...settings, localSteps: 6 });
    const held = new HeldStates(heldFolder(options.checkpointFolder));
    const lost = new AbortController();
    const log = { ...options.log, progress: () => lost.abort(new Error("lost")) };
    const trainer = new LocalTrainer({ ...options, held, log, worker: "a" });
    const isLeft: string[] = [];
    const helpers = helpersOf(async (task) => {
      await assert.rejects(trainer.train(task, lost.signal), { message: "lost" });
      isLeft.push(task.name);
      assert.equal(stepsAhead(options.checkpointFolder), 0);
      return await trainer.train(task);
    }, [1]);
    same(
      await pretrain({ ...options, helpers }),
      await pretrain(pretraining("spec", sources, folder, { ...settings, localSteps: 6 })),
    );
    assert.ok(isLeft.length > 0);
  }));

Deno.test("pretrain() leaves a diverged source out alike, whoever trains it", () =>
  withSources(async (sources, folder) => {
    const inner = { ...settings.inner, peakLearningRate: 1e38, clipNorm: 1e38, warmupSteps: 0 };
    const changes = { inner, nonFinite: "skip", sourcesPerRound: 3 } as const;
    const failure = async (run: (options: Options) => Promise<PretrainResult>) =>
      await run(pretraining("glob", sources, folder, changes)).then(
        () => assert.fail("nothing diverged"),
        ({ message }) => message,
      );
    const alone = await failure(pretrain);
    assert.match(alone, /Cannot average round 1 of glob/);
    assert.equal(await failure((options) => byProcesses(options, folder, 1)), alone);
  }));

Deno.test("pretrain() by processes ends with what their engine refuses, once a second one of them has refused it too", () =>
  withSources(async (sources, folder) => {
    const module = join(folder, "engine.ts");
    // It takes longer than the leader between two looks: of two refusals at once it would see one.
    Deno.writeTextFileSync(
      module,
      `import { StageError } from ${JSON.stringify(import.meta.resolve("../../base/mod.ts"))};
export const engine = {
  name: "none",
  runsOn: "processor",
  async compileTraining() {
    await new Promise((resolve) => setTimeout(resolve, 600));
    throw new StageError("no such operator");
  },
};
`,
    );
    const warnings: string[] = [];
    const options = pretraining("spec", sources, folder);
    const warn = (message: string) => void warnings.push(message);
    const log = { ...options.log, warn };
    await assert.rejects(
      byProcesses({ ...options, log }, folder, 2, undefined, pathToFileURL(module).href),
      { name: "StageError", message: "no such operator" },
    );
    assert.ok(warnings.some((text) => /cannot answer in round 1 now/.test(text)), `${warnings}`);
  }));

Deno.test("pretrain.parallelSources changes neither key nor bytes, on ONNX Runtime", async () => {
  using folder = temporaryFolder();
  const made: unknown[] = [];
  const words = ["--recipe", tinyRecipe, "--set", "pretrain.variants=[spec]"];
  const tokenized = join(folder.path, "tokenized");
  const prepared = await pipeline(["run", "tokenize/*/global", ...words, "--store", tokenized]);
  assert.equal(prepared.code, 0, prepared.stdout + prepared.stderr);
  for (const parallel of [1, 2]) {
    const store = join(folder.path, `${parallel}`);
    cpSync(tokenized, store, { recursive: true });
    const parallelSources = `pretrain.parallelSources=${parallel}`;
    const options = [...words, "--store", store, "--set", parallelSources];
    const run = await pipeline(["run", "pretrain/spec", "--quiet", ...options]);
    assert.equal(run.code, 0, run.stdout + run.stderr);
    const why = await pipeline(["why", "pretrain/spec", "--json", ...options]);
    const [{ key, outputs }] = JSON.parse(why.stdout).instances;
    made.push({ key, outputs });
  }
  assert.deepEqual(made[1], made[0]);
});
