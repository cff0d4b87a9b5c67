/**
 * Local training: steps of the inner optimizer on windows of one source, or of a mixture.
 */
import type { Fetches, TrainingProgram } from "../engine/mod.ts";
import { type Json, type Log, StageError } from "../base/mod.ts";
import type { Tensors } from "./checkpoint.ts";
import { Guard, type GuardEvent, type GuardRecord } from "./guard.ts";
import { type MonitorRow, monitorStep } from "./monitors.ts";
import type { PhaseClock } from "./phases.ts";
import type { GuardSettings } from "./settings.ts";
import { windowFeeds, type WindowSource } from "./windows.ts";

/** What steps gave so far, and where their windows go on; plain data for checkpoints. */
export type StepRecord = {
  /** Global number of the next step: the schedule's t. */
  step: number;
  /** Steps that were taken. */
  steps: number;
  firstLossNats: number;
  lastLossNats: number;
  lossNatsSum: number;
  gradientNormSum: number;
  gradientNormMax: number;
  /** Where the windows of the next step begin; absent: at their beginning. */
  position?: Json;
  /** What the guard remembers; absent while there is nothing. */
  guard?: GuardRecord;
};

export function emptyRecord(step: number, position?: Json): StepRecord {
  return {
    step,
    position,
    steps: 0,
    firstLossNats: 0,
    lastLossNats: 0,
    lossNatsSum: 0,
    gradientNormSum: 0,
    gradientNormMax: 0,
  };
}

/** Steps that a record counts, those included that were left out. */
function stepsTaken({ steps, guard }: StepRecord): number {
  return steps + (guard?.events.length ?? 0);
}

/** Looks into the program every so many steps; the rows are the caller's to keep. */
export interface Monitor {
  readonly everySteps: number;
  readonly note: (row: MonitorRow) => void;
}

interface LocalTraining {
  readonly program: TrainingProgram;
  readonly windows: WindowSource;
  /** Where it stands, and what is added to; step counts up to `to`. */
  readonly record: StepRecord;
  /** First step that is not taken. */
  readonly to: number;
  readonly learningRate: (step: number) => number;
  /** Factor of the rate by step and parameter; 1 when absent. */
  readonly rateFactor?: (step: number) => (parameter: string) => number;
  readonly settings: {
    /** Windows a step; a multiple of `microBatchSize`, the program's B. */
    readonly batchSize: number;
    readonly microBatchSize: number;
    readonly model: { readonly seqLen: number };
    readonly inner: { readonly clipNorm: number };
    readonly guard: GuardSettings;
  };
  readonly monitor?: Monitor;
  readonly clock: PhaseClock;
  /** For messages: `trim`, `(round 4, source it)`, and the recipe's key of the peak rate. */
  readonly name: string;
  readonly place?: string;
  readonly rateKey: string;
  /** For progress: steps of the whole run, of all sources, and those taken before this record's. */
  readonly totalSteps: number;
  readonly stepsBefore: number;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Called after each step that was taken, to note its loss and to write checkpoints. */
  readonly afterStep?: (lossNats: number, gradientNorm: number) => Promise<void>;
}

/**
 * Takes the steps from `record.step` to `to`. The loss is the mean over the B·(T − 1) predicted tokens of a batch.
 *
 * @throws DivergedError for a loss or gradient that the guard does not let pass. @throws signal.reason when aborted:
 * parameters and record then stand at the beginning of the step under way.
 */
export async function trainSteps(training: LocalTraining): Promise<void> {
  const { record, windows, settings, to, log } = training;
  const guard = new Guard(settings.guard, record.guard);
  if (record.position !== undefined) windows.seek(record.position);
  while (record.step < to) {
    const outcome = await takeStep(training, guard);
    record.position = windows.position;
    if ("policy" in outcome) {
      const event = { step: record.step, ...outcome };
      if (!guard.leaveOut(event)) throw diverged(training, event);
      log.warn(`left step ${event.step} out`, { ...event });
      record.step++;
    }
    record.guard = guard.record;
    if ("policy" in outcome) continue;
    log.progress({
      done: training.stepsBefore + stepsTaken(record),
      total: training.totalSteps,
      unit: "steps",
      lossNats: record.lastLossNats,
      tokens: settings.batchSize * settings.model.seqLen,
      note: training.place,
    });
    await training.afterStep?.(record.lastLossNats, outcome.gradientNorm);
  }
}

/** Takes one step and counts it, or says why not: then parameters and moments are as they were. */
async function takeStep(
  training: LocalTraining,
  guard: Guard,
): Promise<Omit<GuardEvent, "step"> | { readonly gradientNorm: number }> {
  const { program, record, monitor, clock } = training;
  const { step } = record;
  const { loss, outputs } = await accumulateBatch(training);
  const objection = guard.objection(loss);
  guard.saw(loss);
  if (objection !== undefined) {
    await program.discard();
    return objection;
  }
  const isMonitored = monitor !== undefined && step % monitor.everySteps === 0;
  const read = () => clock.time("monitors", () => program.read());
  const before = isMonitored ? await read() : undefined;
  const options = {
    learningRate: training.learningRate(step) * guard.rateFactor,
    clipNorm: training.settings.inner.clipNorm,
    rateFactor: training.rateFactor?.(step),
  };
  const updated = await clock.time("optimizer", () => program.update(options));
  if (!updated.applied) return guard.nonFinite("gradient norm", updated.gradientNorm);
  addStep(record, loss, updated.gradientNorm);
  if (before !== undefined) {
    const after = await read();
    const { learningRate } = options;
    monitor!.note(
      monitorStep({ step, lossNats: loss, learningRate, outputs, before, after, ...updated }),
    );
  }
  return updated;
}

/** Sums the gradients of a batch. `outputs` are the program's, of each micro-batch. */
async function accumulateBatch(
  { program, windows, settings, clock, signal }: LocalTraining,
): Promise<{ readonly loss: number; readonly outputs: readonly Fetches[] }> {
  const { batchSize, microBatchSize, model: { seqLen } } = settings;
  const shape = { batchSize: microBatchSize, seqLen, weight: 1 / (batchSize * (seqLen - 1)) };
  const outputs: Fetches[] = [];
  let loss = 0;
  for (let done = 0; done < batchSize; done += microBatchSize) {
    await nextTick();
    if (signal.aborted) {
      await program.discard();
      throw signal.reason;
    }
    const feeds = await clock.time(
      "data",
      () => windowFeeds(Array.from({ length: microBatchSize }, () => windows.next()), shape),
    );
    const found = await clock.time("forwardBackward", () => program.accumulate(feeds));
    loss += found.loss[0];
    outputs.push(found);
  }
  return { loss, outputs };
}

/** Training whose loss, gradient or weights are no longer finite, or whose loss leapt where that is to stop it. */
export class DivergedError extends StageError {}

/** Counts a step. */
export function addStep(record: StepRecord, loss: number, gradientNorm: number): void {
  if (record.steps === 0) record.firstLossNats = loss;
  record.lastLossNats = loss;
  record.lossNatsSum += loss;
  record.gradientNormSum += gradientNorm;
  record.gradientNormMax = Math.max(record.gradientNormMax, gradientNorm);
  record.steps++;
  record.step++;
}

function diverged(
  { name, place, record, rateKey }: LocalTraining,
  { step, what, found }: GuardEvent,
): DivergedError {
  const where = `Cannot go on training ${name} at step ${step}${place ? ` (${place})` : ""}`;
  const leftOut = record.guard?.events.length ?? 0;
  const expected = what === "loss spike"
    ? `expected no leap of the loss, found ${found}`
    : `expected a finite ${what}, found ${found}`;
  return new DivergedError(
    `${where}: ${expected}${leftOut === 0 ? "" : `, after ${leftOut} steps that were left out`}; ` +
      `lower ${rateKey} or lengthen warmupSteps beside it`,
  );
}

/** What is wrong with the weights that a training ended with, if any is not finite. The last update is followed by no loss. */
export function nonFiniteWeights(
  tensors: Tensors,
  name: string,
  place: string | undefined,
  wayOut: string,
): string | undefined {
  for (const [parameter, { data }] of Object.entries(tensors)) {
    const at = data.findIndex((value) => !Number.isFinite(value));
    if (at < 0) continue;
    return `Cannot go on training ${name}${place ? ` (${place})` : ""}: expected finite weights, ` +
      `found ${data[at]} in "${parameter}"; ${wayOut}`;
  }
  return undefined;
}

const nothing = new Uint8Array(0);

/**
 * Lets the event loop turn: engines block it, and an abort arrives through it. By a digest of nothing, 0.05 ms in a thread of the
 * runtime: after `setImmediate` or a message the loop does not look for signals (a stop was heard 12 steps later), a timer takes 2 ms.
 */
export async function nextTick(): Promise<void> {
  await crypto.subtle.digest("SHA-256", nothing);
}
