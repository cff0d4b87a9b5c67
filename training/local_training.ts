/**
 * The local training of one participant in one round, which this process computes, or another one.
 *
 * Source: DEPT Algorithm 1, lines 6 and 7.
 */
import type { TrainingProgram } from "../engine/mod.ts";
import { forgettingRates } from "./forgetting.ts";
import { type Beginning, divergedOutcome, madeOutcome } from "./local_state.ts";
import type { LocalOutcome, LocalTask, Trainer } from "./local_work.ts";
import { readOptimizer } from "./optimizer_state.ts";
import { readTensors } from "./programs.ts";
import { learningRateAt } from "./schedule.ts";
import {
  DivergedError,
  emptyRecord,
  type Monitor,
  nonFiniteWeights,
  type StepRecord,
  trainSteps,
} from "./trainer.ts";

/** Where a participant's steps are counted from: the first of its round. */
export function firstRecord(
  { settings: { localSteps } }: Trainer,
  { round }: LocalTask,
  { position }: Beginning,
): StepRecord {
  return emptyRecord((round - 1) * localSteps, position);
}

/**
 * Takes the N_local steps of a task.
 * @param beginning What the task begins with.
 * @param program It holds that, or what a training that was stopped had in hand.
 * @param record Where it stands: `firstRecord`, or that of a training that was stopped.
 * @throws signal.reason when aborted.
 */
export async function trainLocally(
  trainer: Trainer,
  task: LocalTask,
  beginning: Beginning,
  program: TrainingProgram,
  record: StepRecord,
  watch: { readonly monitor?: Monitor; readonly afterStep?: () => Promise<void> },
): Promise<LocalOutcome> {
  const { variant, settings, participants, clock, log, signal } = trainer;
  const { name, round, stepsBefore } = task;
  const { rounds, localSteps, inner } = settings;
  const totalSteps = rounds * localSteps;
  const place = participants.placeOf(name, round);
  const to = round * localSteps;
  const windows = participants.windowsOf(name, trainer.seed);
  const ended = (diverged: string) =>
    divergedOutcome(trainer, beginning, record, windows, diverged);
  try {
    await trainSteps({
      program,
      windows,
      record,
      to,
      ...(variant.forgetsEmbeddings
        ? {
          learningRate: () => 1,
          rateFactor: forgettingRates(inner, { localSteps, totalSteps }),
        }
        : { learningRate: (step) => learningRateAt(step, { ...inner, totalSteps }) }),
      settings,
      monitor: watch.monitor,
      clock,
      name: variant.id,
      place,
      rateKey: "pretrain.inner.peakLearningRate",
      totalSteps: totalSteps * participants.perRound,
      stepsBefore,
      log,
      signal,
      afterStep: async () => {
        if (record.step < to) await watch.afterStep?.();
      },
    });
  } catch (error) {
    if (error instanceof DivergedError) return ended(error.message);
    throw error;
  }
  const result = await readTensors(program);
  const wayOut = "lower pretrain.inner.peakLearningRate" +
    (variant.mixture ? "" : ", or leave such results out with pretrain.nonFinite: skip");
  const diverged = nonFiniteWeights(result, variant.id, place, wayOut);
  if (diverged !== undefined) return ended(diverged);
  const made = { result, optimizer: await readOptimizer(program) };
  return madeOutcome(trainer, task, beginning, record, windows, made);
}
