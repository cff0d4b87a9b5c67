/**
 * Continued pre-training: a body, and a global embedding new or its own, on the mixture of all sources.
 *
 * Source: DEPT §3.5: all parameters train, with a fresh optimizer, fresh streams and one
 * cosine over the steps.
 */
import type { Engine, EngineOptions } from "../engine/mod.ts";
import { type Json, type Log, StageError } from "../base/mod.ts";
import type { Checkpoint, Tensors } from "./checkpoint.ts";
import { CheckpointPace } from "./checkpoint_pace.ts";
import { CheckpointStore } from "./checkpoint_store.ts";
import { wholeVocabulary } from "./local_vocabulary.ts";
import { mixtureWindows } from "./mixture.ts";
import {
  momentTensors,
  momentValues,
  readTensors,
  TrainingPrograms,
  writeTensors,
} from "./programs.ts";
import { PhaseClock } from "./phases.ts";
import { isMonitored, RunMonitor } from "./run_monitor.ts";
import { learningRateAt } from "./schedule.ts";
import type { ContinuationSettings } from "./settings.ts";
import { embeddingOf, initialTable, type SeedOf, type TrainingSource } from "./source.ts";
import { addStep, emptyRecord, type StepRecord, trainSteps } from "./trainer.ts";
import { validationLoss } from "./validation.ts";
import { tokenEmbedding } from "./variant.ts";
import { warnOnce, weakContinuation } from "./warnings.ts";

export interface Continuation {
  readonly settings: ContinuationSettings;
  /** What pre-training ended with. */
  readonly from: Checkpoint;
  readonly sources: readonly (
    & Pick<TrainingSource, "name" | "train">
    & Partial<Pick<TrainingSource, "validation">>
  )[];
  readonly engine: Engine;
  readonly engineOptions: EngineOptions;
  readonly seed: SeedOf;
  readonly checkpointFolder: string;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export interface ContinuationResult {
  readonly model: Checkpoint;
  readonly metrics: readonly Json[];
  /** What monitors saw, in the order of the steps; none without monitors. */
  readonly monitors: readonly Json[];
  readonly lossNatsLast: number;
}

/** Seeds that continuation draws from. */
export const continuationSeeds = ["continue/init", "continue/init/positions", "order/*"] as const;

/** Rows of metrics a run: a mean over this share of its steps each. */
const metricsRows = 50;

interface SavedState {
  readonly record: StepRecord;
  readonly part: StepRecord;
  readonly optimizerStep: number;
  readonly position: Json;
  readonly metrics: Json[];
}

/**
 * Continues from the newest checkpoint in `checkpointFolder`, or from the beginning.
 * @throws StageError when `from` has no embedding to start from, or training diverges. @throws signal.reason when aborted,
 * after a checkpoint.
 */
export async function continueTraining(options: Continuation): Promise<ContinuationResult> {
  const { settings, sources, engine, engineOptions, seed, log, signal } = options;
  const { model, steps, inner, microBatchSize } = settings;
  const vocabSize = sources[0].train.vocabSize;
  const store = new CheckpointStore(options.checkpointFolder, log);
  const saved = store.latest();
  const state = saved?.state as unknown as SavedState | undefined;
  const programs = new TrainingPrograms({
    engine,
    engineOptions,
    optimizer: inner,
    model,
    microBatchSize,
    isMonitored: isMonitored(settings),
  });
  const monitor = new RunMonitor(options);
  const clock = new PhaseClock();
  const pace = new CheckpointPace(settings.checkpointEverySteps);
  try {
    const program = await programs.get(vocabSize);
    await writeTensors(program, saved?.groups.current ?? startOf(options, vocabSize));
    if (saved) {
      const moments = momentValues(saved.groups["current-optimizer"]);
      await program.writeOptimizer({ step: state!.optimizerStep, moments });
      log.info("resumed", { step: state!.record.step });
    } else {
      await program.resetOptimizer();
    }
    const tau = settings.sampling === "proportional" ? 1 : 0;
    const windows = mixtureWindows(
      sources,
      tau,
      { seqLen: model.seqLen, batchSize: settings.batchSize },
      seed,
    );
    if (state) windows.seek(state.position);
    const record = state?.record ?? emptyRecord(0);
    const metrics: Json[] = state?.metrics ?? [];
    const curve = new LossCurve(Math.ceil(steps / metricsRows), state?.part, metrics);

    const save = async () => {
      const { step: optimizerStep, moments } = await program.readOptimizer();
      store.write({
        groups: {
          "current": await readTensors(program),
          "current-optimizer": momentTensors(moments),
        },
        state: {
          record: { ...record },
          part: { ...curve.part },
          optimizerStep,
          position: windows.position as Json,
          metrics: [...metrics],
        },
      });
    };
    const validate = async () => {
      if (settings.validation === undefined) return;
      const { everySteps, windows: maxWindows } = settings.validation;
      if (record.step % everySteps !== 0 && record.step !== steps) return;
      const losses: Record<string, number> = {};
      for (const { name, validation } of sources) {
        if (validation === undefined) continue;
        const shape = { batchSize: microBatchSize, seqLen: model.seqLen, maxWindows };
        const vocabulary = wholeVocabulary(vocabSize);
        const options = { source: name, shards: validation, vocabulary, ...shape };
        losses[name] = (await validationLoss(program, options)).lossNats;
      }
      metrics.push({ kind: "validation", step: record.step, lossNats: losses });
    };
    if (!state) await validate();
    const rateFactor = settings.start === "pretrained" ? settings.pretrainedRateFactor : 1;
    const schedule = {
      ...inner,
      peakLearningRate: inner.peakLearningRate * rateFactor,
      totalSteps: steps,
    };
    try {
      await trainSteps({
        program,
        windows,
        record,
        to: steps,
        learningRate: (step) => learningRateAt(step, schedule),
        batchSize: settings.batchSize,
        microBatchSize,
        seqLen: model.seqLen,
        clipNorm: inner.clipNorm,
        guard: settings.guard,
        monitor: monitor.of({ source: "mixture" }, metrics, 0),
        clock,
        name: settings.variant,
        place: `continuation, ${settings.start} start`,
        rateKey: "continue.inner.peakLearningRate",
        totalSteps: steps,
        stepsBefore: 0,
        log,
        signal,
        afterStep: async (loss, gradientNorm) => {
          curve.add(record.step, loss, gradientNorm);
          await clock.time("evaluation", validate);
          if (record.step < steps && pace.isDue(record.step)) {
            await clock.time("checkpoint", () => pace.write(save));
          }
        },
      });
    } catch (error) {
      if (signal.aborted && error === signal.reason) await save();
      throw error;
    }
    curve.close();
    clock.logTo(log);
    warnOfWeakness(options, vocabSize, metrics);
    return {
      model: {
        groups: { model: await readTensors(program) },
        state: {
          variant: settings.variant,
          start: settings.start,
          vocabulary: "global",
          model: { ...model, vocabSize },
          step: steps,
        },
      },
      metrics,
      monitors: monitor.rows(),
      lossNatsLast: record.lastLossNats,
    };
  } finally {
    await programs.dispose();
  }
}

function warnOfWeakness(
  { settings: { variant, warnings }, log }: Continuation,
  vocabSize: number,
  metrics: Json[],
): void {
  const rows = metrics as unknown as readonly {
    readonly kind: string;
    readonly lossNatsMean: number;
  }[];
  const lossNats = rows.findLast(({ kind }) => kind === "steps")?.lossNatsMean;
  if (warnings === undefined || lossNats === undefined) return;
  const threshold = warnings.weakGainNats;
  warnOnce(metrics, log, weakContinuation(variant, { lossNats, vocabSize, threshold }));
}

/** The body of `from`, with its own embedding or a new one. */
function startOf({ settings, from, seed }: Continuation, vocabSize: number): Tensors {
  const { model, start, variant } = settings;
  const tensors = from.groups.model ?? {};
  const body = Object.fromEntries(
    Object.entries(tensors).filter(([name]) => name.startsWith("body.")),
  );
  if (start === "random") {
    // One sequence for both tables would tie positions to |V|; the paper draws both anew.
    const table = initialTable(vocabSize, model.dModel, seed("continue/init"));
    return { ...body, ...embeddingOf(table, model, seed("continue/init/positions")) };
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

/** Mean losses over equal parts of a run, as rows of metrics. */
class LossCurve {
  part: StepRecord;
  readonly #every: number;
  readonly #rows: Json[];

  constructor(every: number, part: StepRecord | undefined, rows: Json[]) {
    this.part = part ?? emptyRecord(0);
    this.#every = every;
    this.#rows = rows;
  }

  add(step: number, loss: number, gradientNorm: number): void {
    addStep(this.part, loss, gradientNorm);
    if (step % this.#every === 0) this.close();
  }

  /** Writes the part's row, if it has any steps. */
  close(): void {
    const { step, steps, lossNatsSum, gradientNormSum } = this.part;
    if (steps === 0) return;
    this.#rows.push({
      kind: "steps",
      step,
      lossNatsMean: lossNatsSum / steps,
      gradientNormMean: gradientNormSum / steps,
    });
    this.part = emptyRecord(step);
  }
}
