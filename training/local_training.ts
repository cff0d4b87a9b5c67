/**
 * The local training of one participant in one round: a function of its task alone, which this process computes, or
 * another one.
 *
 * Source: DEPT Algorithm 1, lines 4, 6 and 7.
 */
import type { Engine, EngineOptions, TrainingProgram } from "../engine/mod.ts";
import type { Json, Log, Seed } from "../base/mod.ts";
import type { Tensors } from "./checkpoint.ts";
import { forgettingRates } from "./forgetting.ts";
import type { MetricsRows } from "./metrics_rows.ts";
import type { MonitorRow } from "./monitors.ts";
import { type OptimizerTensors, readOptimizer, writeOptimizer } from "./optimizer_state.ts";
import { Participants } from "./participants.ts";
import { PhaseClock } from "./phases.ts";
import { openPrograms, readTensors, type TrainingPrograms, writeTensors } from "./programs.ts";
import { learningRateAt } from "./schedule.ts";
import type { PretrainSettings } from "./settings.ts";
import type { SeedOf, TrainingSource } from "./source.ts";
import type { TensorFiles } from "./tensor_files.ts";
import {
  DivergedError,
  emptyRecord,
  type Monitor,
  nonFiniteWeights,
  type StepRecord,
  trainSteps,
} from "./trainer.ts";
import type { Variant } from "./variant.ts";

/** What a participant is to do. Plain data and tensors, so that another process can be given it as a checkpoint. */
export type LocalTask = {
  readonly name: string;
  readonly round: number;
  /** Steps of the whole run that were taken before, of all participants: for progress. */
  readonly stepsBefore: number;
  /** All parameters that it begins with, its own ones too. */
  readonly sent: Tensors;
  /** Adam's state that it begins with; a new one when absent. */
  readonly optimizer?: OptimizerTensors;
  /** Where its windows go on; at their beginning when absent. */
  readonly position?: Json;
  /** Seeds that its windows are drawn with, by name. */
  readonly seeds: Readonly<Record<string, Seed>>;
  /** What was done of it when it was stopped; absent for one that begins. */
  readonly part?: LocalPart;
};

/** A task that was stopped. Plain data and tensors. */
export type LocalPart = {
  readonly record: StepRecord;
  /** What its program held. */
  readonly current: { readonly parameters: Tensors; readonly optimizer: OptimizerTensors };
  /** What the monitors of another process noted. */
  readonly noted: readonly MonitorRow[];
};

/** What it has made. Plain data and tensors, as a task. */
export type LocalOutcome = {
  readonly record: StepRecord;
  /** Why it could not finish; absent when it has. */
  readonly diverged?: string;
  /** Where another process was stopped: then there is nothing else. */
  readonly part?: LocalPart;
  /** Parameters and Adam's state after the last step; absent where training diverged. */
  readonly made?: { readonly result: Tensors; readonly optimizer: OptimizerTensors };
  /** What the monitors of another process noted. */
  readonly noted?: readonly MonitorRow[];
};

/** What local training needs, in the process that leads the run and in others. */
interface Trainer {
  readonly variant: Variant;
  readonly settings: PretrainSettings;
  readonly participants: Participants;
  readonly programs: TrainingPrograms;
  readonly clock: PhaseClock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** The process that leads a run: it knows all sources and seeds. */
export interface Leader extends Trainer {
  readonly sources: readonly TrainingSource[];
  readonly seed: SeedOf;
  readonly metrics: MetricsRows;
  /** Takes tensors that need not be in memory. */
  readonly files: Pick<TensorFiles, "put">;
}

/** Where a participant's steps are counted from: the first of its round, or those that were taken before a stop. */
export function firstRecord({ localSteps }: PretrainSettings, task: LocalTask): StepRecord {
  return task.part?.record ?? emptyRecord((task.round - 1) * localSteps, task.position);
}

/** What a task's program holds at first. */
export function firstProgram(
  { sent, optimizer, part }: LocalTask,
): { readonly parameters: Tensors; readonly optimizer?: OptimizerTensors } {
  return part?.current ?? { parameters: sent, optimizer };
}

/**
 * Takes the N_local steps of a task with a program that has been given what the task sends.
 * @param record Where it stands: `firstRecord`, or that of a training that was stopped.
 * @throws signal.reason when aborted.
 */
export async function trainLocally(
  { variant, settings, participants, clock, log, signal }: Trainer,
  { name, round, stepsBefore, seeds }: LocalTask,
  program: TrainingProgram,
  record: StepRecord,
  watch: { readonly monitor?: Monitor; readonly afterStep?: () => Promise<void> },
): Promise<LocalOutcome> {
  const { rounds, localSteps, inner } = settings;
  const totalSteps = rounds * localSteps;
  const place = participants.placeOf(name, round);
  const to = round * localSteps;
  try {
    await trainSteps({
      program,
      windows: participants.windowsOf(name, (seed) => seeds[seed]),
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
    if (error instanceof DivergedError) return { record, diverged: error.message };
    throw error;
  }
  const result = await readTensors(program);
  const wayOut = "lower pretrain.inner.peakLearningRate" +
    (variant.mixture ? "" : ", or leave such results out with pretrain.nonFinite: skip");
  const diverged = nonFiniteWeights(result, variant.id, place, wayOut);
  if (diverged !== undefined) return { record, diverged };
  return { record, made: { result, optimizer: await readOptimizer(program) } };
}

/** Local training for another process: task in, outcome out. */
export class LocalTrainer {
  readonly #trainer: Trainer;

  constructor(
    options: Pick<Trainer, "variant" | "settings" | "log" | "signal"> & {
      readonly engine: Engine;
      readonly engineOptions: EngineOptions;
      readonly sources: readonly TrainingSource[];
    },
  ) {
    this.#trainer = {
      ...options,
      participants: new Participants(options),
      programs: openPrograms(options),
      clock: new PhaseClock(),
    };
  }

  /** Trains, or tells how far it is when the signal is aborted. */
  async train(task: LocalTask): Promise<LocalOutcome> {
    const { settings, participants, programs, signal } = this.#trainer;
    const everySteps = settings.monitors.everySteps;
    const noted: MonitorRow[] = [...task.part?.noted ?? []];
    const monitor = everySteps === null
      ? undefined
      : { everySteps, note: (row: MonitorRow) => void noted.push(row) };
    const program = await programs.get(participants.vocabularyOf(task.name).size);
    const { parameters, optimizer } = firstProgram(task);
    await writeTensors(program, parameters);
    await writeOptimizer(program, optimizer);
    const record = firstRecord(settings, task);
    try {
      const outcome = await trainLocally(this.#trainer, task, program, record, { monitor });
      return { ...outcome, noted };
    } catch (error) {
      if (!signal.aborted || error !== signal.reason) throw error;
      const current = {
        parameters: await readTensors(program),
        optimizer: await readOptimizer(program),
      };
      return { record, part: { record, current, noted } };
    }
  }
}
