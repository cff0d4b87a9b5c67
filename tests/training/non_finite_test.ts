import assert from "node:assert/strict";
import type { Engine } from "../../engine/mod.ts";
import { engine } from "../../engine/reference/mod.ts";
import { canonicalJson, StageError } from "../../base/mod.ts";
import { silentLog } from "../../pipeline/stage.ts";
import { specialIds } from "../../tokenizers/mod.ts";
import {
  continueTraining,
  cutVocabulary,
  type MonitorRow,
  pretrain,
  type Pretraining,
  type PretrainSettings,
  renumber,
} from "../../training/mod.ts";
import type { MetricsRow } from "../../training/metrics_files.ts";
import { activationGrowth } from "../../training/monitors.ts";
import { initialShared } from "../../training/source.ts";
import { warnOfGrowth } from "../../training/warnings.ts";
import {
  groupsOf,
  inner,
  model,
  pretraining,
  settings,
  vocabSize,
  withSources,
} from "./support.ts";

/**
 * The reference engine with a fault: programs whose table has `rows` rows, which tells a source of TRIM and SPEC, give a weight
 * that is not a number after `good` readings of their weights.
 */
function faulty(rows: number, good: number): Engine {
  let readings = 0;
  return {
    ...engine,
    async compileTraining(graph, options) {
      const program = await engine.compileTraining(graph, options);
      if (graph.parameters["embedding.token.weight"].shape[0] !== rows) return program;
      return new Proxy(program, {
        get(target, key) {
          if (key === "read") {
            return async () => {
              const values = await target.read();
              if (readings++ >= good) values["body.norm_final.weight"][3] = NaN;
              return values;
            };
          }
          const value = Reflect.get(target, key);
          return typeof value === "function" ? value.bind(target) : value;
        },
      });
    },
  };
}

/** Every round has all sources: alpha's V_k is 8, beta's 9, gamma's 7. A step a round keeps checkpoints from reading. */
const all = { rounds: 3, localSteps: 1, sourcesPerRound: 3 };
const betaFails = (options: Pretraining): Pretraining => ({ ...options, engine: faulty(9, 1) });

interface Row {
  readonly kind: string;
  readonly round: number;
  readonly source: string;
  readonly skipped?: string;
  readonly drift: { readonly deltaNorms: Record<string, number> };
}

Deno.test("pretrain() stops at a source's weight that is not finite, naming source, round and parameter", () =>
  withSources(async (sources, folder) => {
    const options = betaFails(pretraining("trim", sources, folder, all));
    await assert.rejects(pretrain(options), (error) => {
      assert.ok(error instanceof StageError);
      assert.match(
        error.message,
        /^Cannot go on training trim \(round 2, source beta\): expected finite weights, found NaN in "body\.norm_final\.weight"; lower .*nonFinite: skip/,
      );
      return true;
    });
  }));

for (const adamState of ["reset", "average"] as const) {
  Deno.test(`pretrain() told to skip leaves such a source out of its round and says so (Adam's state: ${adamState})`, () =>
    withSources(async (sources, folder) => {
      const settings: Partial<PretrainSettings> = { ...all, nonFinite: "skip", adamState };
      const warnings: string[] = [];
      const log = { ...silentLog, warn: (message: string) => void warnings.push(message) };
      const options = betaFails(pretraining("trim", sources, folder, settings));
      const { last, metrics } = await pretrain({ ...options, log });
      assert.deepEqual(warnings, ["left beta out of round 2", "left beta out of round 3"]);
      const rows = metrics as unknown as Row[];
      const skipped = rows.filter((row) => row.skipped !== undefined);
      assert.deepEqual(skipped.map(({ round, source }) => [round, source]), [
        [2, "beta"],
        [3, "beta"],
      ]);
      const rounds = rows.filter(({ kind }) => kind === "round");
      assert.deepEqual(rounds.map(({ drift }) => Object.keys(drift.deltaNorms)), [
        ["alpha", "beta", "gamma"],
        ["alpha", "gamma"],
        ["alpha", "gamma"],
      ]);
      for (const { data } of Object.values(groupsOf(last).model)) {
        assert.ok(data.every(Number.isFinite));
      }
    }));
}

for (const localSteps of [1, 2]) {
  Deno.test(`pretrain() with monitors says in a sentence that a step made weights infinite (${localSteps} a round)`, () =>
    withSources(async (sources, folder) => {
      const warnings: string[] = [];
      const log = { ...silentLog, warn: (message: string) => void warnings.push(message) };
      const options = pretraining("std-t0", sources, folder, {
        localSteps,
        inner: { ...inner, peakLearningRate: 1e39, warmupSteps: 0 },
        monitors: { everySteps: 1 },
        warnings: { activationGrowth: 1, epochs: Infinity, unknownShare: Infinity },
      });
      await assert.rejects(pretrain({ ...options, log }), (error) => {
        assert.ok(error instanceof StageError);
        const expected = localSteps === 1
          ? /finite weights, found -?Infinity/
          : /finite loss, found/;
        assert.match(error.message, expected);
        return true;
      });
      // The row of that step has null for what no number holds.
      const [row] = Deno.readTextFileSync(`${options.checkpointFolder}/.parts/monitors.jsonl`)
        .split("\n", 1).map((line) => JSON.parse(line));
      assert.deepEqual([row.step, row.parameterNorm, row.updateNorm], [0, null, null]);
      assert.ok(row.lossNats > 0 && row.gradientNorm > 0);
    }));
}

Deno.test("activationGrowth() of norms that are not finite is a warning with a value that can be written", () => {
  const row = (norm: number | null) =>
    ({ activations: { "block.0": { mean: 0, norm } } }) as unknown as MonitorRow;
  const growth = activationGrowth(row(2), row(null));
  assert.equal(growth, Infinity);
  assert.equal(activationGrowth(row(2), row(3)), 1.5);
  const rows: MetricsRow[] = [];
  const metrics = { push: (row: MetricsRow) => void rows.push(row), hasWarning: () => false };
  warnOfGrowth({ metrics, log: silentLog }, "alpha", growth, 3);
  assert.equal(rows[0].found, null);
  assert.match(canonicalJson(rows), /alpha.* are beyond all numbers/);
});

Deno.test("pretrain() told to skip stops when no source of a round is left, naming them", () =>
  withSources(async (sources, folder) => {
    const options = pretraining("glob", sources, folder, {
      nonFinite: "skip",
      inner: { ...inner, peakLearningRate: 1e38, warmupSteps: 0 },
    });
    await assert.rejects(pretrain(options), (error) => {
      assert.ok(error instanceof StageError);
      assert.match(
        error.message,
        /Cannot average round 1 of glob: .* found none: \w+, \w+ diverged; lower/,
      );
      return true;
    });
  }));

Deno.test("pretrain() of a mixture stops whatever the policy: there is nobody else", () =>
  withSources(async (sources, folder) => {
    const options = pretraining("std-t0", sources, folder, {
      nonFinite: "skip",
      inner: { ...inner, peakLearningRate: 1e38, warmupSteps: 0 },
    });
    await assert.rejects(pretrain(options), /Cannot go on training std-t0/);
  }));

Deno.test("continueTraining() refuses weights that its last step has made infinite, where no loss comes after it", () =>
  withSources(async (sources, folder) => {
    const { variant, ...options } = pretraining("glob", sources, folder);
    const shared = initialShared(variant, model, vocabSize, options.seed);
    const from = { groups: { model: shared }, state: {} };
    const { rounds: _, warnings: __, ...pretrainSettings } = settings;
    const run = (peakLearningRate: number) =>
      continueTraining({
        ...options,
        settings: {
          ...pretrainSettings,
          variant: "glob",
          start: "random",
          steps: 1,
          share: 0,
          sampling: "uniform",
          pretrainedRateFactor: 1,
          inner: { ...inner, warmupSteps: 0, peakLearningRate },
          warnings: { activationGrowth: Infinity, epochs: Infinity, weakGainNats: -Infinity },
        },
        from,
      });
    await assert.rejects(
      run(1e39),
      /^StageError: Cannot go on training glob \(continuation\): expected finite weights, found -?Infinity in "/,
    );
  }));

Deno.test("renumber() refuses an id that is outside the vocabulary", () => {
  const vocabulary = cutVocabulary(Int32Array.of(0, 1, 5), 6);
  assert.deepEqual([...renumber(Int32Array.of(5, 2), vocabulary)], [2, specialIds.unknown]);
  for (const id of [6, -1]) {
    assert.throws(
      () => renumber(Int32Array.of(1, id), vocabulary),
      {
        name: "RangeError",
        message: `Cannot use token ${id}: expected ids from 0 to 5, the vocabulary's`,
      },
    );
  }
});
