/**
 * Continued pre-training: a body with a global embedding, which is new or its own, on the mixture of all sources.
 *
 * Source: DEPT §3.5: all parameters train, with a new optimizer and one cosine over the steps. Differs: text is of windows that
 * pre-training never reads, where the recipe keeps a share of them for it; those of an own tokenizer are other ones, and overlap.
 */
import type { TrainingProgram } from "../engine/mod.ts";
import { StageError } from "../base/mod.ts";
import type { Checkpoint, Tensors } from "./checkpoint.ts";
import { addExposure } from "./exposure.ts";
import { wholeVocabulary } from "./local_vocabulary.ts";
import { mixtureWindows } from "./mixture.ts";
import type { MetricsRow } from "./metrics_files.ts";
import { openPrograms, readTensors } from "./programs.ts";
import { Run, type RunState, type TrainingPlace } from "./run.ts";
import { learningRateAt } from "./schedule.ts";
import type { ContinuationSettings } from "./settings.ts";
import { drawEmbedding, partOf, type TrainingSource } from "./source.ts";
import {
  addStep,
  DivergedError,
  emptyRecord,
  nonFiniteWeights,
  type StepRecord,
  trainSteps,
} from "./trainer.ts";
import { validationLoss } from "./validation.ts";
import { tokenEmbedding } from "./variant.ts";
import { warnOfWeakness } from "./warnings.ts";
import type { CountedWindows } from "./windows.ts";

export interface Continuation extends TrainingPlace {
  readonly settings: ContinuationSettings;
  /** What pre-training ended with. */
  readonly from: Checkpoint;
  readonly sources: readonly (
    & Pick<TrainingSource, "name" | "train">
    & Partial<Pick<TrainingSource, "validation">>
  )[];
}

interface ContinuationResult {
  readonly model: Checkpoint;
  readonly metrics: readonly MetricsRow[];
  /** What monitors saw, in the order of the steps; none without monitors. */
  readonly monitors: readonly MetricsRow[];
  readonly lossNatsLast: number;
}

/** Seeds that continuation draws from. */
export const continuationSeeds = [
  "continue/init",
  "continue/init/output",
  "continue/init/positions",
  "order/*",
] as const;

/** Rows of metrics a run: a mean over this share of its steps each. */
const metricsRows = 50;

type ContinuationState = RunState & {
  readonly record: StepRecord;
  /** Steps since the last row of metrics. */
  part: StepRecord;
};

/**
 * Continues from the newest checkpoint in `checkpointFolder`, or from the beginning.
 * @throws StageError when `from` has no embedding to start from, or training diverges. @throws signal.reason when aborted,
 * after a checkpoint.
 */
export async function continueTraining(options: Continuation): Promise<ContinuationResult> {
  const { sources, log } = options;
  const vocabSize = sources[0].train.vocabSize;
  const run = new Run<ContinuationState>(
    options,
    () => ({ record: emptyRecord(0), part: emptyRecord(0) }),
  );
  const { state: { record }, metrics } = run;
  if (run.isResumed) log.info("resumed", { step: record.step });
  const programs = openPrograms(options);
  try {
    const program = await programs.get(vocabSize);
    const start = () => ({ parameters: startOf(options, vocabSize) });
    await run.train(program, start, () => trainOnMixture(options, run, program));
    const made = await readTensors(program);
    const wayOut = "lower continue.inner.peakLearningRate";
    const diverged = nonFiniteWeights(made, options.settings.variant, "continuation", wayOut);
    if (diverged !== undefined) throw new DivergedError(diverged);
    run.clock.logTo(log);
    const { variant, warnings } = options.settings;
    const lossNats = metrics.all().findLast(({ kind }) => kind === "steps")?.lossNatsMean;
    if (warnings !== undefined && typeof lossNats === "number") {
      const threshold = warnings.weakGainNats;
      warnOfWeakness({ metrics, log }, variant, { lossNats, vocabSize, threshold });
    }
    const windows = windowsOf(options);
    windows.seek(record.position!);
    addExposure({ metrics, log }, windows.exposure, {
      run: `${variant}, continuation,`,
      threshold: warnings?.epochs ?? Infinity,
    });
    return {
      model: finishedModel(options, made, vocabSize),
      metrics: metrics.all(),
      monitors: run.monitor.rows(),
      lossNatsLast: record.lastLossNats,
    };
  } finally {
    await programs.dispose();
  }
}

/** All steps under one cosine: their losses go into rows of metrics, validation and checkpoints come in between. */
async function trainOnMixture(
  options: Continuation,
  run: Run<ContinuationState>,
  program: TrainingProgram,
): Promise<void> {
  const { settings, log, signal } = options;
  const { steps, inner, start } = settings;
  const { state, metrics, clock } = run;
  const { record } = state;
  const rateFactor = start === "random" ? 1 : settings.pretrainedRateFactor;
  const peakLearningRate = inner.peakLearningRate * rateFactor;
  const schedule = { ...inner, peakLearningRate, totalSteps: steps };
  if (!run.isResumed) await validate(options, program, run);
  await trainSteps({
    program,
    windows: windowsOf(options),
    record,
    to: steps,
    learningRate: (step) => learningRateAt(step, schedule),
    settings,
    monitor: run.monitor.of({ source: "mixture" }, metrics),
    clock,
    name: settings.variant,
    place: `continuation, ${start} start`,
    rateKey: "continue.inner.peakLearningRate",
    totalSteps: steps,
    stepsBefore: 0,
    log,
    signal,
    afterStep: async (loss, gradientNorm) => {
      addStep(state.part, loss, gradientNorm);
      if (record.step % Math.ceil(steps / metricsRows) === 0) closePart(run);
      await clock.time("evaluation", () => validate(options, program, run));
      if (record.step < steps) await run.saveIfDue(record.step);
    },
  });
  closePart(run);
}

/** The mixture from its beginning: of each source, the windows that are kept for continuation. */
function windowsOf({ settings, sources, seed }: Continuation): CountedWindows {
  const { model: { seqLen }, sampling, batchSize, share } = settings;
  const tau = sampling === "proportional" ? 1 : 0;
  return mixtureWindows(sources, tau, { seqLen, batchSize, ...partOf("heldBack", share) }, seed);
}

/** Writes the row of the part under way, if that has any steps, and begins another part. */
function closePart({ state, metrics }: Run<ContinuationState>): void {
  const { step, steps, lossNatsSum, gradientNormSum } = state.part;
  if (steps === 0) return;
  metrics.push({
    kind: "steps",
    step,
    lossNatsMean: lossNatsSum / steps,
    gradientNormMean: gradientNormSum / steps,
  });
  state.part = emptyRecord(step);
}

/** At the steps that the settings name, and at the last: the loss on the validation text of each source that has any. */
async function validate(
  { settings, sources, log }: Continuation,
  program: TrainingProgram,
  { state: { record: { step } }, metrics }: Run<ContinuationState>,
): Promise<void> {
  const { validation, steps, microBatchSize, model: { seqLen } } = settings;
  if (validation === undefined) return;
  if (step % validation.everySteps !== 0 && step !== steps) return;
  const vocabulary = wholeVocabulary(sources[0].train.vocabSize);
  const shape = { batchSize: microBatchSize, seqLen, maxWindows: validation.windows, vocabulary };
  const losses: Record<string, number> = {};
  for (const { name, validation: shards } of sources) {
    if (shards === undefined) continue;
    const { lossNats } = await validationLoss(program, { source: name, shards, ...shape });
    losses[name] = lossNats;
  }
  metrics.push({ kind: "validation", step, lossNats: losses });
  const values = Object.values(losses);
  const validationLossNats = values.reduce((sum, value) => sum + value, 0) / values.length;
  log.info("validation", { step, validationLossNats });
}

function finishedModel(
  { settings: { variant, start, model, steps } }: Continuation,
  tensors: Tensors,
  vocabSize: number,
): Checkpoint {
  return {
    groups: { model: tensors },
    state: { variant, start, vocabulary: "global", model: { ...model, vocabSize }, step: steps },
  };
}

/** The body of `from`, with its own embedding or a new one. */
function startOf({ settings, from, seed }: Continuation, vocabSize: number): Tensors {
  const { model, start, variant } = settings;
  const tensors = from.groups.model ?? {};
  const body = Object.fromEntries(
    Object.entries(tensors).filter(([name]) => name.startsWith("body.")),
  );
  if (start === "random") {
    // One sequence for both tables would tie positions to |V|; the paper draws both again.
    const names = { pieces: "continue/init", positions: "continue/init/positions" };
    return { ...body, ...drawEmbedding(model, vocabSize, seed, names) };
  }
  const rows = tensors[tokenEmbedding]?.shape[0];
  if (rows !== vocabSize) {
    throw new StageError(
      `Cannot continue ${variant} from its pre-trained embedding: expected "${tokenEmbedding}" of ` +
        `${vocabSize} rows, found ${rows ?? "none"}; ask for the start "random"`,
    );
  }
  return tensors;
}
