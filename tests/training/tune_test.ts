import assert from "node:assert/strict";
import { StageError } from "../../base/mod.ts";
import { silentLog } from "../../pipeline/stage.ts";
import { pretrain, tuneLearningRate, type TuneSettings } from "../../training/mod.ts";
import { inner, pretraining, withSources } from "./support.ts";

const tune = {
  choose: "highest",
  factors: [1, 2],
  gridStep: 100,
  attempts: 3,
  spikeNats: 0.5,
} as const satisfies TuneSettings;
/** 200.03 and 100.03 throw the weights far out; 0.03 trains. */
const hot = { rounds: 2, localSteps: 20, inner: { ...inner, peakLearningRate: 200.03 } };

Deno.test("tuneLearningRate() goes down the grid until a run survives, and says why others did not", () =>
  withSources(async (sources, folder) => {
    const options = pretraining("std-t0", sources, folder, hot);
    const { peakLearningRate, attempts } = await tuneLearningRate({ ...options, tune });
    assert.equal(peakLearningRate, 0.03);
    assert.deepEqual(attempts.map((attempt) => attempt.peakLearningRate), [200.03, 100.03, 0.03]);
    assert.match(attempts[0].diverged!, /validation loss|expected a finite/);
    assert.equal(attempts[2].diverged, null);
    // The run that survived is the one that pre-training does at that rate.
    const run = pretraining("std-t0", sources, folder, {
      ...hot,
      inner: { ...inner, peakLearningRate: 0.03 },
    });
    assert.equal(attempts[2].bestLossNats, (await pretrain(run)).bestLossNats);
    // A damaged list is passed over: the same attempts end again as they did.
    const warnings: string[] = [];
    const log = { ...silentLog, warn: (message: string) => void warnings.push(message) };
    Deno.writeTextFileSync(`${options.checkpointFolder}/attempts.json`, "[null]");
    const again = await tuneLearningRate({ ...options, tune, log });
    assert.deepEqual(again.attempts, attempts);
    assert.match(warnings[0], /attempts\.json": expected a list of attempts, found a damaged file/);
  }));

Deno.test("tuneLearningRate() stopped and started again gives the result of a plain run", () =>
  withSources(async (sources, folder) => {
    const undisturbed = await tuneLearningRate({
      ...pretraining("std-t0", sources, folder, hot),
      tune,
    });
    const options = { ...pretraining("std-t0", sources, folder, hot), tune };
    let stops = 0;
    for (;;) {
      const controller = new AbortController();
      let left = 25;
      const progress = () => {
        if (--left === 0) controller.abort(new Error("stop"));
      };
      const log = { ...silentLog, progress };
      try {
        const result = await tuneLearningRate({ ...options, log, signal: controller.signal });
        assert.deepEqual(result, undisturbed);
        break;
      } catch (error) {
        if ((error as Error).message !== "stop") throw error;
        stops++;
      }
    }
    assert.ok(stops >= 3, `expected several stops, found ${stops}`);
  }));

Deno.test("tuneLearningRate() takes the rate of the lowest validation loss, and warns at an end of the list", () =>
  withSources(async (sources, folder) => {
    const search = async (factors: number[]) => {
      const warnings: string[] = [];
      const log = { ...silentLog, warn: (message: string) => void warnings.push(message) };
      const options = pretraining("std-t0", sources, folder, {
        ...hot,
        inner: { ...inner, peakLearningRate: 0.03 },
      });
      const best = { ...tune, choose: "best", factors } as const;
      return { ...await tuneLearningRate({ ...options, tune: best, log }), warnings };
    };
    const { peakLearningRate, attempts, warnings } = await search([10_000, 1, 0.001]);
    assert.deepEqual(attempts.map((attempt) => attempt.peakLearningRate), [300, 0.03, 0.00003]);
    assert.equal(peakLearningRate, 0.03);
    assert.ok(attempts[1].bestLossNats! < attempts[2].bestLossNats!);
    assert.deepEqual(warnings, []);
    const atEnd = await search([0.001, 1]);
    assert.equal(atEnd.peakLearningRate, 0.03);
    assert.match(
      atEnd.warnings[0],
      /best rate of std-t0, 0\.03, is at an end of those that were tried/,
    );
  }));

Deno.test("tuneLearningRate() gives up after the attempts it is allowed, naming the rates", () =>
  withSources(async (sources, folder) => {
    const options = pretraining("std-t0", sources, folder, hot);
    await assert.rejects(
      tuneLearningRate({ ...options, tune: { ...tune, attempts: 2 } }),
      (error) => {
        assert.ok(error instanceof StageError);
        assert.match(error.message, /Cannot tune std-t0: .* found none of 200\.03, 100\.03; lower/);
        return true;
      },
    );
  }));
