/**
 * Local training: steps of the inner optimizer on windows of one source, or of a mixture.
 */
import { setImmediate } from "node:timers";
import type { TrainingProgram } from "../engine/mod.ts";
import { StageError } from "../pipeline/base/mod.ts";
import type { StageLog } from "../pipeline/stage.ts";
import { windowFeeds, type WindowSource } from "./windows.ts";

/** What steps gave so far; plain data for checkpoints. */
export interface StepRecord {
  /** Global number of the next step: the schedule's t. */
  step: number;
  steps: number;
  firstLossNats: number;
  lastLossNats: number;
  lossNatsSum: number;
  gradientNormSum: number;
  gradientNormMax: number;
}

export function emptyRecord(step: number): StepRecord {
  return {
    step,
    steps: 0,
    firstLossNats: 0,
    lastLossNats: 0,
    lossNatsSum: 0,
    gradientNormSum: 0,
    gradientNormMax: 0,
  };
}

export interface LocalTraining {
  readonly program: TrainingProgram;
  readonly windows: WindowSource;
  /** Where it stands, and what is added to; step counts up to `to`. */
  readonly record: StepRecord;
  /** First step that is not taken. */
  readonly to: number;
  readonly learningRate: (step: number) => number;
  /** Factor of the rate by step and parameter; 1 when absent. */
  readonly rateFactor?: (step: number) => (parameter: string) => number;
  /** Windows a step; a multiple of `microBatchSize`, the program's B. */
  readonly batchSize: number;
  readonly microBatchSize: number;
  readonly seqLen: number;
  readonly clipNorm: number;
  /** For messages: `trim`, `(round 4, source it)`, and the recipe's key of the peak rate. */
  readonly name: string;
  readonly place?: string;
  readonly rateKey: string;
  /** For progress: steps of the whole run, of all sources, and those taken before this record's. */
  readonly totalSteps: number;
  readonly stepsBefore: number;
  readonly log: StageLog;
  readonly signal: AbortSignal;
  /** Called after each step, to note its loss and to write checkpoints. */
  readonly afterStep?: (lossNats: number, gradientNorm: number) => Promise<void>;
}

/**
 * Takes the steps from `record.step` to `to`. The loss is the mean over the B·(T − 1) predicted tokens of a batch.
 *
 * @throws DivergedError for a non-finite loss or gradient. @throws signal.reason when aborted: parameters, windows and record
 * then stand at the beginning of the step under way, and the program's gradient sum is spoiled.
 */
export async function trainSteps(training: LocalTraining): Promise<void> {
  const { program, windows, record, to, batchSize, microBatchSize, seqLen, log, signal } = training;
  const shape = {
    batchSize: microBatchSize,
    seqLen,
    weight: 1 / (batchSize * (seqLen - 1)),
  };
  while (record.step < to) {
    const before = windows.position;
    let loss = 0;
    for (let done = 0; done < batchSize; done += microBatchSize) {
      await nextTick();
      if (signal.aborted) {
        windows.seek(before);
        throw signal.reason;
      }
      const batch = Array.from({ length: microBatchSize }, () => windows.next());
      loss += (await program.accumulate(windowFeeds(batch, shape))).loss[0];
    }
    if (!Number.isFinite(loss)) throw diverged(training, "loss", loss);
    const { gradientNorm, applied } = await program.update({
      learningRate: training.learningRate(record.step),
      clipNorm: training.clipNorm,
      rateFactor: training.rateFactor?.(record.step),
    });
    if (!applied) throw diverged(training, "gradient norm", gradientNorm);
    addStep(record, loss, gradientNorm);
    log.progress({
      done: training.stepsBefore + record.steps,
      total: training.totalSteps,
      unit: "steps",
      lossNats: loss,
      tokens: batchSize * seqLen,
      note: training.place,
    });
    await training.afterStep?.(loss, gradientNorm);
  }
}

/** Training whose loss, gradient or weights are no longer finite. */
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

function diverged({ name, place, record, rateKey }: LocalTraining, what: string, found: number) {
  return new DivergedError(
    `Cannot go on training ${name} at step ${record.step}${place ? ` (${place})` : ""}: ` +
      `expected a finite ${what}, found ${found}; lower ${rateKey} or lengthen warmupSteps beside it`,
  );
}

/** Lets the event loop turn: engines may block it, and an abort arrives through it. */
export function nextTick(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
