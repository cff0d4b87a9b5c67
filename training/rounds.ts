/**
 * Pre-training: rounds of local training and outer steps, or the same number of steps on a mixture.
 *
 * Source: DEPT Algorithm 1. Every variant takes rounds × localSteps sequential
 * steps under one cosine: round r begins at step (r − 1)·localSteps.
 */
import type { Engine, EngineOptions } from "../engine/mod.ts";
import { type Json, messageOf, StageError } from "../pipeline/base/mod.ts";
import type { StageLog } from "../pipeline/stage.ts";
import type { Checkpoint, Tensors } from "./checkpoint.ts";
import { CheckpointStore } from "./checkpoint_store.ts";
import { driftOf } from "./drift.ts";
import { forget, forgetMoments, forgettingRates } from "./forgetting.ts";
import type { SourceVocabulary } from "./local_vocabulary.ts";
import {
  averageOptimizers,
  readOptimizer,
  sentOptimizer,
  writeOptimizer,
} from "./optimizer_state.ts";
import { outerStep } from "./outer_optimizer.ts";
import { parameterNorm, type SourceResult, split, sumResults, updateNorm } from "./outer_step.ts";
import { nonFiniteIn, recordRow, trafficRow } from "./local_report.ts";
import { Participants } from "./participants.ts";
import {
  finishedModel,
  type OptimizerTensors,
  type PretrainState,
  stateFromCheckpoint,
  stateToCheckpoint,
} from "./pretrain_state.ts";
import { readTensors, TrainingPrograms, writeTensors } from "./programs.ts";
import {
  type RoundValidationOptions,
  validateResults,
  validateSources,
} from "./round_validation.ts";
import { cosineWithWarmup } from "./schedule.ts";
import type { PretrainSettings } from "./settings.ts";
import {
  initialLocal,
  initialShared,
  localPart,
  type SeedOf,
  sharedPart,
  type TrainingSource,
} from "./source.ts";
import { DivergedError, emptyRecord, type StepRecord, trainSteps } from "./trainer.ts";
import type { Variant } from "./variant.ts";

export interface Pretraining {
  readonly variant: Variant;
  readonly settings: PretrainSettings;
  readonly sources: readonly TrainingSource[];
  readonly engine: Engine;
  readonly engineOptions: EngineOptions;
  readonly seed: SeedOf;
  readonly checkpointFolder: string;
  readonly log: StageLog;
  readonly signal: AbortSignal;
}

export interface PretrainResult {
  readonly last: Checkpoint;
  readonly best: Checkpoint;
  readonly metrics: readonly Json[];
  readonly bestRound: number;
  /** Mean validation loss of the best round; null when no round had a table for every source. */
  readonly bestLossNats: number | null;
}

/**
 * Trains a variant from the newest checkpoint in `checkpointFolder`, or from the beginning.
 * @throws StageError when training diverges. @throws signal.reason when aborted, after a checkpoint.
 */
export async function pretrain(options: Pretraining): Promise<PretrainResult> {
  const run = new PretrainRun(options);
  try {
    return await run.toEnd();
  } finally {
    await run.dispose();
  }
}

class PretrainRun {
  readonly #options: Pretraining;
  readonly #participants: Participants;
  readonly #validation: RoundValidationOptions;
  readonly #programs: TrainingPrograms;
  readonly #store: CheckpointStore;
  readonly #state: PretrainState;

  constructor(options: Pretraining) {
    const { settings, engine, engineOptions } = options;
    this.#options = options;
    this.#participants = new Participants(options);
    this.#programs = new TrainingPrograms({
      engine,
      engineOptions,
      optimizer: settings.inner,
      model: settings.model,
      microBatchSize: settings.microBatchSize,
    });
    this.#validation = {
      ...options,
      participants: this.#participants,
      programs: this.#programs,
    };
    this.#store = new CheckpointStore(options.checkpointFolder);
    const saved = this.#store.latest();
    this.#state = saved ? stateFromCheckpoint(saved) : this.#initialState();
    if (saved) options.log.info("resumed", { round: this.#state.round });
  }

  async toEnd(): Promise<PretrainResult> {
    const state = this.#state;
    while (state.round <= this.#options.settings.rounds) {
      const names = this.#participants.ofRound(state.round);
      while (state.finished < names.length) await this.#trainNext(names[state.finished]);
      await this.#closeRound(names);
    }
    const { best, metrics } = state;
    const last = finishedModel(this.#options, { ...state, round: state.round - 1 });
    return {
      last,
      best: best ? finishedModel(this.#options, best) : last,
      metrics,
      bestRound: best?.round ?? state.round - 1,
      bestLossNats: best?.lossNats ?? null,
    };
  }

  dispose(): Promise<void> {
    return this.#programs.dispose();
  }

  #initialState(): PretrainState {
    const { variant, settings, sources, seed } = this.#options;
    const shared = initialShared(variant, settings.model, sources[0].train.vocabSize, seed);
    return {
      round: 1,
      finished: 0,
      shared,
      results: {},
      outer: {},
      locals: {},
      optimizers: {},
      positions: {},
      metrics: [],
    };
  }

  /** Trains a participant of the round and keeps what it made. */
  async #trainNext(name: string): Promise<void> {
    const { variant, settings } = this.#options;
    const state = this.#state;
    const vocabulary = this.#participants.vocabularyOf(name);
    const sent = this.#parametersFor(name, vocabulary);
    const row = { kind: "local", round: state.round, source: name, vocabSize: vocabulary.size };
    try {
      const { record, result, optimizer } = await this.#trainLocally(name, sent, vocabulary);
      const isAveraged = !variant.mixture && settings.adamState === "average";
      if (variant.mixture) state.shared = result;
      else {
        const tensors = sharedPart(variant, result);
        state.results[name] = { tensors, optimizer: isAveraged ? optimizer : undefined };
        if (!variant.sharesEmbeddings) state.locals[name] = localPart(variant, result);
      }
      if (variant.mixture || settings.adamState === "keep") state.optimizers[name] = optimizer;
      else if (isAveraged && !variant.sharesEmbeddings) {
        const moments = localPart(variant, optimizer.moments);
        state.optimizers[name] = { step: optimizer.step, moments };
      }
      state.metrics.push({
        ...row,
        ...recordRow(record),
        updateNorm: updateNorm(sent, result),
        ...trafficRow(variant, {
          sent,
          result,
          moments: optimizer.moments,
          sentMoments: isAveraged ? state.averaged : undefined,
          returnedMoments: isAveraged ? optimizer : undefined,
        }),
      });
    } catch (error) {
      const isSkipped = settings.nonFinite === "skip" && !variant.mixture;
      if (!(error instanceof DivergedError && isSkipped)) throw error;
      const reason = messageOf(error);
      this.#options.log.warn(`left ${name} out of round ${state.round}`, { reason });
      state.metrics.push({ ...row, skipped: reason });
    }
    state.local = undefined;
    state.finished++;
    this.#save();
  }

  async #trainLocally(
    name: string,
    sent: Tensors,
    vocabulary: SourceVocabulary,
  ): Promise<{ record: StepRecord; result: Tensors; optimizer: OptimizerTensors }> {
    const { variant, settings, log, signal } = this.#options;
    const { rounds, localSteps, inner, checkpointEverySteps } = settings;
    const state = this.#state;
    const from = (state.round - 1) * localSteps;
    const totalSteps = rounds * localSteps;
    const { perRound } = this.#participants;
    const record: StepRecord = state.local ? { ...state.local.record } : emptyRecord(from);
    const windows = this.#participants.windowsOf(name);
    if (state.positions[name] !== undefined) windows.seek(state.positions[name]);
    const program = await this.#programs.get(vocabulary.size);
    await writeTensors(program, state.local?.parameters ?? sent);
    await writeOptimizer(
      program,
      state.local?.optimizer ?? this.#optimizerFor(name, vocabulary, sent),
    );

    const keepState = async () => {
      state.positions[name] = windows.position as Json;
      state.local = {
        record: { ...record },
        parameters: await readTensors(program),
        optimizer: await readOptimizer(program),
      };
      this.#save();
    };
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
          : { learningRate: (step) => cosineWithWarmup(step, { ...inner, totalSteps }) }),
        batchSize: this.#participants.batchSize,
        microBatchSize: settings.microBatchSize,
        seqLen: settings.model.seqLen,
        clipNorm: inner.clipNorm,
        name: variant.id,
        place: this.#participants.placeOf(name, state.round),
        rateKey: "pretrain.inner.peakLearningRate",
        totalSteps: totalSteps * perRound,
        stepsBefore: from * perRound + state.finished * localSteps,
        log,
        signal,
        afterStep: async () => {
          const isLast = record.steps === localSteps;
          if (!isLast && record.steps % checkpointEverySteps === 0) await keepState();
        },
      });
    } catch (error) {
      if (signal.aborted && error === signal.reason) await keepState();
      throw error;
    } finally {
      state.positions[name] = windows.position as Json;
    }
    const result = await readTensors(program);
    const found = nonFiniteIn(result);
    if (found !== undefined) throw this.#notFinite(name, found);
    return { record, result, optimizer: await readOptimizer(program) };
  }

  /** Takes the outer step, validates, and goes on to the next round. */
  async #closeRound(participants: readonly string[]): Promise<void> {
    const { variant, settings } = this.#options;
    const state = this.#state;
    const row: Record<string, Json> = {};
    if (!variant.mixture) {
      const results = this.#results(participants);
      row.drift = driftOf(state.shared, results) as unknown as Json;
      row.validationBefore = await validateResults(
        this.#validation,
        state.shared,
        state.locals,
        results,
      );
      const deltas = sumResults(variant, state.shared, results).deltas();
      if (settings.adamState === "average") {
        const { shared, averaged } = this.#state;
        const withOptimizers = new Map([...results].map(([name, result]) => [
          name,
          { ...result, optimizer: state.results[name].optimizer! },
        ]));
        state.averaged = averageOptimizers(variant, shared, averaged, withOptimizers);
      }
      const next = outerStep(state.shared, deltas, settings.outer, state.outer);
      state.shared = next.shared;
      state.outer = next.state;
    }
    const losses = await validateSources(this.#validation, state.shared, state.locals);
    const values = Object.values(losses).map(({ lossNats }) => lossNats);
    const isWhole = values.length === this.#options.sources.length;
    const lossNats = isWhole ? values.reduce((sum, value) => sum + value, 0) / values.length : null;
    const isBest = lossNats !== null && !(state.best && state.best.lossNats <= lossNats);
    if (isBest) {
      state.best = {
        round: state.round,
        lossNats,
        shared: state.shared,
        locals: { ...state.locals },
      };
    }
    state.metrics.push({
      kind: "round",
      round: state.round,
      sources: participants,
      ...row,
      validation: { ...losses },
      validationLossNats: lossNats,
      isBest,
      parameterNorm: parameterNorm(state.shared),
    });
    this.#options.log.info("round", { round: state.round, validationLossNats: lossNats });
    state.round++;
    state.finished = 0;
    state.results = {};
    this.#save();
  }

  /** What the participants of the round have made. @throws StageError when all were left out. */
  #results(participants: readonly string[]): Map<string, SourceResult> {
    const { results, round } = this.#state;
    const finished = participants.filter((name) => results[name] !== undefined);
    if (finished.length === 0) {
      throw new StageError(
        `Cannot average round ${round} of ${this.#options.variant.id}: expected a finite result, ` +
          `found none: ${participants.join(", ")} diverged; lower pretrain.inner.peakLearningRate`,
      );
    }
    return new Map(finished.map((name) => [
      name,
      { tensors: results[name].tensors, vocabulary: this.#participants.vocabularyOf(name) },
    ]));
  }

  #parametersFor(name: string, vocabulary: SourceVocabulary): Tensors {
    const { variant, settings, sources, seed } = this.#options;
    const { shared, locals, round } = this.#state;
    if (variant.forgetsEmbeddings) {
      const vocabSize = sources[0].train.vocabSize;
      return forget(shared, round, { ...settings, vocabSize, seed });
    }
    if (variant.mixture) return shared;
    const sent = split(variant, shared, vocabulary);
    if (variant.sharesEmbeddings) return sent;
    const source = this.#participants.sourceOf(name)!;
    const local = locals[name] ?? initialLocal(variant, source, vocabulary, settings.model, seed);
    return { ...sent, ...local };
  }

  /** Adam's state that a participant begins the round with; undefined for a new one. */
  #optimizerFor(
    name: string,
    vocabulary: SourceVocabulary,
    sent: Tensors,
  ): OptimizerTensors | undefined {
    const { variant, settings } = this.#options;
    const { averaged, optimizers } = this.#state;
    const kept = optimizers[name];
    if (variant.mixture) {
      return kept && variant.forgetsEmbeddings ? forgetMoments(kept) : kept;
    }
    if (settings.adamState === "average") {
      return averaged && sentOptimizer(variant, averaged, kept, vocabulary, sent);
    }
    return kept;
  }

  #notFinite(name: string, found: string): DivergedError {
    const { variant } = this.#options;
    const place = this.#participants.placeOf(name, this.#state.round);
    return new DivergedError(
      `Cannot go on training ${variant.id}${
        place ? ` (${place})` : ""
      }: expected finite weights, ` +
        `found ${found}; lower pretrain.inner.peakLearningRate` +
        (variant.mixture ? "" : ", or leave such results out with pretrain.nonFinite: skip"),
    );
  }

  #save(): void {
    this.#store.write(stateToCheckpoint(this.#state));
  }
}
