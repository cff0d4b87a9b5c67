import assert from "node:assert/strict";
import type { Engine } from "../../engine/mod.ts";
import { engine } from "../../engine/reference/mod.ts";
import { type GuardSettings, pretrain, type PretrainSettings } from "../../training/mod.ts";
import { plain, pretraining, withSources } from "./support.ts";

const guard: GuardSettings = {
  nonFinite: "skip",
  spike: "skip",
  spikeNats: null,
  spikeWindow: 2,
  lowerFactor: 0.5,
  attempts: 2,
};

/** The reference engine, but the losses of the calls named are what `fault` makes of them. */
function faulty(calls: readonly number[], fault: (loss: number) => number): Engine {
  let call = 0;
  return {
    ...engine,
    async compileTraining(graph, options) {
      const program = await engine.compileTraining(graph, options);
      const accumulate = program.accumulate.bind(program);
      program.accumulate = async (feeds) => {
        const found = await accumulate(feeds);
        if (calls.includes(call++)) found.loss[0] = fault(found.loss[0]);
        return found;
      };
      return program;
    },
  };
}

interface LocalRow {
  readonly kind: string;
  readonly steps: number;
  readonly leftOut?: readonly { step: number; what: string; found: string; policy: string }[];
}

/** One round of six steps of std-t0, whose third step goes wrong; a micro-batch a step. */
const trial = (changes: Partial<GuardSettings>, fault: (loss: number) => number, faults = [2]) =>
  withSources(async (sources, folder) => {
    const settings: Partial<PretrainSettings> = {
      rounds: 1,
      localSteps: 6,
      microBatchSize: 4,
      guard: { ...guard, ...changes },
    };
    const options = pretraining("std-t0", sources, folder, settings);
    const run = (engine: Engine) => pretrain({ ...options, engine });
    const { last, metrics } = await run(faulty(faults, fault));
    const [row] = metrics as unknown as readonly LocalRow[];
    return { weights: plain(last).groups, row };
  });

Deno.test("pretrain() leaves out a step whose loss is not finite, as its recipe says, and stops by default", async () => {
  const skipped = await trial({}, () => NaN);
  assert.equal(skipped.row.steps, 5);
  assert.deepEqual(skipped.row.leftOut, [
    { step: 2, what: "loss", found: "NaN", policy: "skip" },
  ]);
  const lowered = await trial({ nonFinite: "lower" }, () => NaN);
  assert.equal(lowered.row.steps, 5);
  assert.notDeepEqual(lowered.weights, skipped.weights); // three steps at half the rate
  await assert.rejects(
    trial({ nonFinite: "stop" }, () => Infinity),
    /Cannot go on training std-t0 at step 2: expected a finite loss, found Infinity; lower pretrain\.inner/,
  );
});

Deno.test("pretrain() sees a loss that leaps above the mean of the steps before", async () => {
  const leap = (loss: number) => loss + 3;
  const seen = await trial({ spikeNats: 2 }, leap);
  assert.equal(seen.row.leftOut?.[0].what, "loss spike");
  assert.match(seen.row.leftOut![0].found, /^[\d.]+ nats after a mean of [\d.]+$/);
  assert.equal((await trial({ spikeNats: 4 }, leap)).row.leftOut, undefined);
  assert.equal((await trial({ spikeNats: 2, spikeWindow: 3 }, leap)).row.leftOut, undefined); // too early to say
  await assert.rejects(
    trial({ spikeNats: 2, spike: "stop" }, leap),
    /at step 2: expected no leap of the loss, found .* nats after a mean of/,
  );
});

Deno.test("pretrain() goes on after a leap that stays: its losses are the usual ones by then", async () => {
  const stays = await trial(
    { spikeNats: 2, spike: "lower" },
    (loss) => loss + 3,
    [2, 3, 4, 5],
  );
  // Step 2 lies 3 above a mean; step 3 only 1.5, as one of the two before it has leapt too.
  assert.deepEqual(stays.row.leftOut?.map(({ step }) => step), [2]);
  assert.equal(stays.row.steps, 5);
});

Deno.test("pretrain() stops when more steps go wrong than may be left out", async () => {
  await assert.rejects(
    trial({}, () => NaN, [1, 2, 3]),
    /at step 3: expected a finite loss, found NaN, after 2 steps that were left out/,
  );
});
