import assert from "node:assert/strict";
import { engine } from "../../engine/reference/mod.ts";
import type { Json } from "../../base/mod.ts";
import { silentLog } from "../../pipeline/stage.ts";
import {
  type ContinuationSettings,
  continueTraining,
  pretrain,
  type PretrainSettings,
} from "../../training/mod.ts";
import { initialShared } from "../../training/source.ts";
import {
  engineOptions,
  inner,
  model,
  pretraining,
  seed,
  settings,
  shardsOf,
  variantOf,
  vocabSize,
  withSources,
} from "./support.ts";

interface Warning {
  readonly name: string;
  readonly about: string;
  readonly found: number;
  readonly threshold: number;
}

/** The warnings of a run: its rows, which are what it has logged. */
async function warningsOf(
  run: (log: typeof silentLog) => Promise<{ readonly metrics: readonly Json[] }>,
): Promise<Warning[]> {
  const logged: string[] = [];
  const log = { ...silentLog, warn: (message: string) => void logged.push(message) };
  const { metrics } = await run(log);
  const rows = (metrics as unknown as (Warning & { kind: string; message: string })[])
    .filter(({ kind }) => kind === "warning");
  assert.deepEqual(logged, rows.map(({ name, message }) => `${name}: ${message}`));
  return rows.map(({ name, about, found, threshold }) => ({ name, about, found, threshold }));
}

Deno.test("pretrain() warns of a source whose validation text its vocabulary lacks, once, and of no other", () =>
  withSources(async (sources, folder) => {
    // A third of gamma's validation text are ids that its training text, and so its V_k, does not have.
    const validation = await shardsOf(`${folder}/strange`, [14, 15, 16, 14, 20, 21], 6);
    const strange = sources.map((source) =>
      source.name === "gamma" ? { ...source, validation } : source
    );
    const trial = (variant: string, unknownShare: number) =>
      warningsOf(async (log) => {
        const options = pretraining(variant, strange, folder, {
          sourcesPerRound: 3,
          warnings: { unknownShare, activationGrowth: 10, epochs: Infinity },
        });
        return await pretrain({ ...options, log });
      });
    const [warning, ...others] = await trial("spec", 0.05); // two rounds, each of all sources
    assert.deepEqual(others, []);
    assert.deepEqual([warning.name, warning.about, warning.threshold], [
      "vocabulary-coverage",
      "gamma",
      0.05,
    ]);
    assert.ok(warning.found > 0.2 && warning.found < 0.5, `${warning.found}`);
    assert.deepEqual(await trial("spec", 0.5), []);
    assert.deepEqual(await trial("trim", 0.05), []); // judged with the shared table, which has all ids
    validation.close();
  }));

Deno.test("pretrain() warns of activations that have grown, by participant, and not where they have not", () =>
  withSources(async (sources, folder) => {
    const trial = (peakLearningRate: number, changes: Partial<PretrainSettings> = {}) =>
      warningsOf(async (log) => {
        const options = pretraining("spec", sources, folder, {
          localSteps: 6,
          sourcesPerRound: 3,
          inner: { ...inner, peakLearningRate },
          monitors: { everySteps: 2 },
          warnings: { unknownShare: 1, activationGrowth: 3, epochs: Infinity },
          ...changes,
        });
        return await pretrain({ ...options, log });
      });
    const grown = await trial(0.3);
    assert.deepEqual(grown.map(({ name, about }) => `${name} ${about}`).sort(), [
      "activation-growth alpha",
      "activation-growth beta",
      "activation-growth gamma",
    ]);
    assert.ok(grown.every(({ found, threshold }) => threshold === 3 && found > 3));
    assert.deepEqual(await trial(0.003), []);
    assert.deepEqual(await trial(0.3, { monitors: { everySteps: null } }), []); // nobody looks
  }));

Deno.test("continueTraining() warns when it has learnt little, and not when it has learnt", () =>
  withSources(async (sources, folder) => {
    const trial = (changes: Partial<ContinuationSettings>) =>
      warningsOf(async (log) =>
        await continueTraining({
          settings: {
            variant: "spec",
            start: "random",
            model,
            steps: 5,
            share: 0,
            sampling: "uniform",
            batchSize: 4,
            microBatchSize: 4,
            inner,
            pretrainedRateFactor: 0.5,
            guard: settings.guard,
            monitors: { everySteps: null },
            checkpointEverySteps: 1000,
            warnings: { weakGainNats: 1, activationGrowth: 10, epochs: Infinity },
            ...changes,
          },
          from: {
            groups: { model: initialShared(variantOf("spec"), model, vocabSize, seed) },
            state: {},
          },
          sources,
          engine,
          engineOptions,
          seed,
          checkpointFolder: Deno.makeTempDirSync({ dir: folder }),
          log,
          signal: new AbortController().signal,
        })
      );
    const [weak, ...others] = await trial({});
    assert.deepEqual(others, []);
    assert.deepEqual([weak.name, weak.about, weak.threshold], ["weak-continuation", "spec", 1]);
    assert.ok(weak.found < 1, `${weak.found}`); // ln 24 less the loss
    const longer = { steps: 60, inner: { ...inner, peakLearningRate: 0.03 } };
    assert.deepEqual(await trial(longer), []);
    assert.equal((await trial({ ...longer, warnings: undefined })).length, 0);
    const [hopeless] = await trial({
      ...longer,
      warnings: { weakGainNats: 4, activationGrowth: 10, epochs: Infinity },
    });
    assert.ok(hopeless.found > 1 && hopeless.found < Math.log(vocabSize)); // a perfect guess gains ln 24 = 3.18
  }));
