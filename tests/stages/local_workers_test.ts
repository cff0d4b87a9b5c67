/**
 * Sources of a round trained in processes of their own: the bytes of training one after the other.
 */
import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { engineModule } from "../../engine/mod.ts";
import {
  heldFolder,
  HeldStates,
  type LocalHelpers,
  LocalTrainer,
  participantSeeds,
  pretrain,
  type PretrainResult,
  type PretrainSettings,
} from "../../training/mod.ts";
import { silentLog } from "../../pipeline/stage.ts";
import { LocalParts } from "../../training/local_parts.ts";
import { LocalWorkers } from "../../stages/local_workers.ts";
import { pipeline, temporaryFolder, tinyRecipe } from "../support/command_line.ts";
import { plain, pretraining, seed, settings, withSources } from "../training/support.ts";

type Options = Awaited<ReturnType<typeof pretraining>>;

/** Trains with so many processes beside this one. */
async function withHelpers(
  options: Options,
  folder: string,
  lanes: number,
): Promise<PretrainResult> {
  const helpers = new LocalWorkers({
    lanes,
    log: options.log,
    signal: options.signal,
    setup: {
      variant: options.variant,
      engineModule: engineModule("reference"),
      settings: options.settings,
      engine: { kind: "reference", threads: 1, precision: "fp32" },
      sources: options.sources.map(({ name, localVocabulary }) => ({
        name,
        train: `${folder}/${name}/train`,
        validation: `${folder}/${name}/validation`,
        localVocabulary: [...localVocabulary],
      })),
      seeds: participantSeeds(options.variant, options.sources.map(({ name }) => name), seed),
      checkpointFolder: options.checkpointFolder,
    },
  });
  try {
    return await pretrain({ ...options, helpers });
  } finally {
    await helpers.close();
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

for (const [variant, lanes, changes] of cases) {
  Deno.test(`pretrain() of ${variant} with ${lanes} processes beside it has the bytes of a plain run`, () =>
    withSources(async (sources, folder) => {
      const one = await pretrain(pretraining(variant, sources, folder, changes));
      const many = pretraining(variant, sources, folder, changes);
      same(await withHelpers(many, folder, lanes), one);
    }));
}

/** Steps that other processes had taken when a run was stopped. */
function stepsAhead(checkpointFolder: string): number {
  const parts = new LocalParts({ checkpointFolder, log: silentLog });
  const names = [...Deno.readDirSync(checkpointFolder)].map(({ name }) => name)
    .filter((name) => name.startsWith("ahead-")).map((name) => name.slice("ahead-".length));
  return names.reduce((sum, name) => {
    const { part, outcome } = parts.of({ name, round: 1 }) ?? parts.of({ name, round: 2 })!;
    return sum + (part?.record.steps ?? outcome!.row.steps as number);
  }, 0);
}

// Six steps of its own, then it waits for the others of the round; the next are those of round 2. Afterwards alone, or with one beside it.
for (const [at, lanes] of [[6, 0], [8, 0], [9, 1]]) {
  Deno.test(`pretrain() stopped at step ${at} of a parallel run goes on from there, ${lanes} beside it, to the same bytes`, () =>
    withSources(async (sources, folder) => {
      const changes = {
        ...settings,
        sourcesPerRound: 3,
        localSteps: 6,
        monitors: { everySteps: 2 },
        checkpointEverySteps: "auto",
      } as const;
      const one = await pretrain(pretraining("trim", sources, folder, changes));
      const stop = new AbortController();
      const stopped = pretraining("trim", sources, folder, changes);
      const seen: number[] = [];
      const progress = ({ done }: { readonly done: number }) => void seen.push(done);
      const log = { ...stopped.log, progress };
      const stopping = {
        ...log,
        progress(state: { readonly done: number }) {
          progress(state);
          if (seen.length === at) stop.abort(new Error("stop"));
        },
      };
      await assert.rejects(
        withHelpers({ ...stopped, log: stopping, signal: stop.signal }, folder, 2),
        { message: "stop" },
      );
      assert.equal(seen.length, at);
      const ahead = stepsAhead(stopped.checkpointFolder);
      const resumed = { ...stopped, log };
      same(await (lanes === 0 ? pretrain(resumed) : withHelpers(resumed, folder, lanes)), one);
      assert.ok(seen[at] > seen[at - 1]);
      // Steps of the run: 2 rounds of 3 sources; what is done of them is this process's own, all of round 1 before round 2, and what is ahead.
      const own = at > 6 ? 18 + at - 6 : at;
      if (lanes === 0) assert.equal(seen.length - at, 36 - own - ahead);
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
    const helpers: LocalHelpers = {
      lanes: 1,
      async train(_lane, task) {
        const outcome = await trainer.train(task());
        return () => outcome;
      },
    };
    await assert.rejects(pretrain({ ...options, log: count(own), helpers }), { message: "stop" });
    assert.equal(stepsAhead(options.checkpointFolder), 4);
    const { signal } = new AbortController();
    const rest = { steps: 0 };
    same(await pretrain({ ...options, log: count(rest), signal }), one);
    assert.equal(own.steps + other.steps + rest.steps, 24, "no step is done twice"); // 2 rounds of 2 sources
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
    assert.equal(await failure((options) => withHelpers(options, folder, 1)), alone);
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
