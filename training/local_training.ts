/**
 * The local training of one participant in one round: a function of what it is sent and of where its text goes on, whoever
 * computes it, in this process or in another one.
 *
 * Source: DEPT Algorithm 1, lines 4 to 7.
 */
import type { Engine, EngineOptions } from "../engine/mod.ts";
import type { Json, Log, Seed } from "../base/mod.ts";
import type { Tensors } from "./checkpoint.ts";
import { forgettingRates } from "./forgetting.ts";
import { nonFiniteIn } from "./local_report.ts";
import type { MonitorRow } from "./monitors.ts";
import { readOptimizer, writeOptimizer } from "./optimizer_state.ts";
import { Participants } from "./participants.ts";
import { PhaseClock } from "./phases.ts";
import type { LocalState, OptimizerTensors } from "./pretrain_state.ts";
import { readTensors, TrainingPrograms, writeTensors } from "./programs.ts";
import { isMonitored } from "./run_monitor.ts";
import { learningRateAt } from "./schedule.ts";
import type { PretrainSettings } from "./settings.ts";
import type { TrainingSource } from "./source.ts";
import {
  DivergedError,
  emptyRecord,
  type LocalTraining,
  type StepRecord,
  trainSteps,
} from "./trainer.ts";
import type { Variant } from "./variant.ts";

/** What a participant is to do. */
export interface LocalTask {
  readonly name: string;
  readonly round: number;
  /** Steps of the whole run that were taken before, of all participants: for progress. */
  readonly stepsBefore: number;
  /** All parameters that it begins with, its own ones too. */
  readonly sent: Tensors;
  /** Adam's state that it begins with; undefined for a new one. */
  readonly optimizer: OptimizerTensors | undefined;
  /** Where its windows go on; undefined at their beginning. */
  readonly position: Json | undefined;
}

/** What it has made. */
export interface LocalOutcome {
  /** Where its windows have come to. */
  readonly position: Json;
  readonly made: LocalMade | DivergedError;
  /** What monitors saw: rows, and the steps before each within this local training. */
  readonly seen: readonly (readonly [MonitorRow, number])[];
}

export interface LocalMade {
  readonly record: StepRecord;
  readonly result: Tensors;
  readonly optimizer: OptimizerTensors;
}

export interface LocalTrainerOptions {
  readonly variant: Variant;
  readonly settings: PretrainSettings;
  readonly engine: Engine;
  readonly engineOptions: EngineOptions;
  readonly participants: Participants;
  readonly programs: TrainingPrograms;
  readonly clock: PhaseClock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** How local training is stopped in the middle and taken up again. */
export interface Interruption {
  readonly resumed: LocalState | undefined;
  /** Whether a state is to be kept after so many steps of the task. */
  isDue(steps: number): boolean;
  /** Called when one is due, and before an abort is thrown. */
  keep(position: Json, state: () => Promise<LocalState>): Promise<void>;
}

/** Takes the N_local steps of a task. @throws signal.reason when aborted, once the state is kept. */
export async function trainLocally(
  { variant, settings, participants, programs, clock, log, signal }: LocalTrainerOptions,
  { name, round, stepsBefore, sent, optimizer, position }: LocalTask,
  monitor: LocalTraining["monitor"],
  interruption?: Interruption,
): Promise<Omit<LocalOutcome, "seen">> {
  const { rounds, localSteps, inner } = settings;
  const from = (round - 1) * localSteps;
  const totalSteps = rounds * localSteps;
  const resumed = interruption?.resumed;
  const record = resumed ? { ...resumed.record } : emptyRecord(from);
  const windows = participants.windowsOf(name);
  if (position !== undefined) windows.seek(position);
  const program = await programs.get(participants.vocabularyOf(name).size);
  await writeTensors(program, resumed?.parameters ?? sent);
  await writeOptimizer(program, resumed?.optimizer ?? optimizer);
  const keep = async () =>
    await interruption?.keep(windows.position as Json, async () => ({
      record: { ...record },
      parameters: await readTensors(program),
      optimizer: await readOptimizer(program),
    }));
  const outcome = (made: LocalOutcome["made"]) => ({ position: windows.position as Json, made });
  const place = participants.placeOf(name, round);
  try {
    await trainSteps({
      program,
      windows,
      record,
      to: from + localSteps,
      ...(variant.forgetsEmbeddings
        ? {
          learningRate: () => 1,
          rateFactor: forgettingRates(inner, { localSteps, totalSteps }),
        }
        : { learningRate: (step) => learningRateAt(step, { ...inner, totalSteps }) }),
      batchSize: participants.batchSize,
      microBatchSize: settings.microBatchSize,
      seqLen: settings.model.seqLen,
      clipNorm: inner.clipNorm,
      guard: settings.guard,
      monitor,
      clock,
      name: variant.id,
      place,
      rateKey: "pretrain.inner.peakLearningRate",
      totalSteps: totalSteps * participants.perRound,
      stepsBefore,
      log,
      signal,
      afterStep: async () => {
        const isLast = record.step === from + localSteps;
        if (!isLast && interruption?.isDue(record.steps)) await keep();
      },
    });
  } catch (error) {
    if (error instanceof DivergedError) return outcome(error);
    if (signal.aborted && error === signal.reason) await keep();
    throw error;
  }
  const result = await readTensors(program);
  const found = nonFiniteIn(result);
  if (found !== undefined) return outcome(notFinite(variant, place, found));
  return outcome({ record, result, optimizer: await readOptimizer(program) });
}

function notFinite(variant: Variant, place: string | undefined, found: string): DivergedError {
  return new DivergedError(
    `Cannot go on training ${variant.id}${place ? ` (${place})` : ""}: expected finite weights, ` +
      `found ${found}; lower pretrain.inner.peakLearningRate` +
      (variant.mixture ? "" : ", or leave such results out with pretrain.nonFinite: skip"),
  );
}

/** Others that train participants while this process trains one. Tasks of a lane are taken one after the other. */
export interface LocalHelpers {
  readonly lanes: number;
  /** Resolves, once the task is done, to what reads its outcome. */
  train(lane: number, task: LocalTask, seeds: SeedsByName): Promise<() => LocalOutcome>;
}

/** Seeds that a participant's windows are drawn with, by name. */
export type SeedsByName = Readonly<Record<string, Seed>>;

/** The programs that local training needs. */
export function localPrograms(
  { settings, engine, engineOptions }: Pick<
    LocalTrainerOptions,
    "settings" | "engine" | "engineOptions"
  >,
): TrainingPrograms {
  return new TrainingPrograms({
    engine,
    engineOptions,
    optimizer: settings.inner,
    model: settings.model,
    microBatchSize: settings.microBatchSize,
    isMonitored: isMonitored(settings),
  });
}

type LocalTrainerBasis =
  & Pick<LocalTrainerOptions, "variant" | "settings" | "engine" | "engineOptions" | "log">
  & { readonly sources: readonly TrainingSource[] };

/** Local training for another process: task in, outcome out. */
export class LocalTrainer {
  readonly #options: LocalTrainerBasis;
  readonly #programs: TrainingPrograms;

  constructor(options: LocalTrainerBasis) {
    this.#options = options;
    this.#programs = localPrograms(options);
  }

  async train(task: LocalTask, seeds: SeedsByName): Promise<LocalOutcome> {
    const options = this.#options;
    const everySteps = options.settings.monitors.everySteps;
    const seen: [MonitorRow, number][] = [];
    const outcome = await trainLocally(
      {
        ...options,
        participants: new Participants({ ...options, seed: (name) => seeds[name] }),
        programs: this.#programs,
        clock: new PhaseClock(),
        signal: new AbortController().signal,
      },
      task,
      everySteps === null
        ? undefined
        : { everySteps, note: (row, stepsBehind) => seen.push([row, stepsBehind]) },
    );
    return { ...outcome, seen };
  }
}
