/**
 * Pre-training: rounds of local training and outer steps, or the same number of steps on a mixture.
 *
 * Source: DEPT Algorithm 1. Every variant takes rounds × localSteps sequential
 * steps under one cosine: round r begins at step (r − 1)·localSteps.
 */
import type { Engine, EngineOptions } from "../engine/mod.ts";
import { type Json, type Log, messageOf, type Seed, StageError } from "../base/mod.ts";
import type { Checkpoint, Tensors } from "./checkpoint.ts";
import { CheckpointPace } from "./checkpoint_pace.ts";
import { CheckpointStore } from "./checkpoint_store.ts";
import { driftOf } from "./drift.ts";
import { forget, forgetMoments } from "./forgetting.ts";
import type { SourceVocabulary } from "./local_vocabulary.ts";
import { averageOptimizers, sentOptimizer } from "./optimizer_state.ts";
import { outerStep } from "./outer_optimizer.ts";
import { parameterNorm, type SourceResult, split, sumResults, updateNorm } from "./outer_step.ts";
import { recordRow, trafficRow } from "./local_report.ts";
import {
  type LocalHelpers,
  type LocalOutcome,
  localPrograms,
  type LocalTask,
  type SeedsByName,
  trainLocally,
} from "./local_training.ts";
import { Participants } from "./participants.ts";
import { PhaseClock } from "./phases.ts";
import {
  finishedModel,
  type OptimizerTensors,
  type PretrainState,
  stateFromCheckpoint,
  stateToCheckpoint,
} from "./pretrain_state.ts";
import type { TrainingPrograms } from "./programs.ts";
import {
  type RoundValidationOptions,
  validateResults,
  validateSources,
} from "./round_validation.ts";
import type { PretrainSettings } from "./settings.ts";
import {
  initialLocal,
  initialShared,
  localPart,
  type SeedOf,
  sharedPart,
  type TrainingSource,
} from "./source.ts";
import { RunMonitor } from "./run_monitor.ts";
import { DivergedError } from "./trainer.ts";
import type { Variant } from "./variant.ts";
import { warnOfCoverage } from "./warnings.ts";

export interface Pretraining {
  readonly variant: Variant;
  readonly settings: PretrainSettings;
  readonly sources: readonly TrainingSource[];
  readonly engine: Engine;
  readonly engineOptions: EngineOptions;
  readonly seed: SeedOf;
  readonly checkpointFolder: string;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Train some of a round's participants meanwhile; results do not depend on them. */
  readonly helpers?: LocalHelpers;
}

export interface PretrainResult {
  readonly last: Checkpoint;
  readonly best: Checkpoint;
  readonly metrics: readonly Json[];
  /** What monitors saw, in the order of the steps; none without monitors. */
  readonly monitors: readonly Json[];
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
  readonly #monitor: RunMonitor;
  readonly #clock = new PhaseClock();
  readonly #pace: CheckpointPace;
  /** Participants of the round that helpers train. */
  readonly #ahead = new Map<string, Promise<() => LocalOutcome>>();

  constructor(options: Pretraining) {
    this.#options = options;
    this.#participants = new Participants(options);
    this.#programs = localPrograms(options);
    this.#validation = {
      ...options,
      participants: this.#participants,
      programs: this.#programs,
    };
    this.#store = new CheckpointStore(options.checkpointFolder, options.log);
    this.#pace = new CheckpointPace(options.settings.checkpointEverySteps);
    this.#monitor = new RunMonitor(options);
    const saved = this.#store.latest();
    this.#state = saved ? stateFromCheckpoint(saved) : this.#initialState();
    if (saved) options.log.info("resumed", { round: this.#state.round });
  }

  async toEnd(): Promise<PretrainResult> {
    const state = this.#state;
    while (state.round <= this.#options.settings.rounds) {
      const names = this.#participants.ofRound(state.round);
      this.#sendAhead(names);
      while (state.finished < names.length) await this.#trainNext(names[state.finished]);
      await this.#closeRound(names);
    }
    const { best, metrics } = state;
    this.#clock.logTo(this.#options.log);
    const last = finishedModel(this.#options, { ...state, round: state.round - 1 });
    return {
      last,
      best: best ? finishedModel(this.#options, best) : last,
      metrics,
      monitors: this.#monitor.rows(),
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

  /** Gives helpers their share of the participants that are left: each lane, and this process, every so many of them. */
  #sendAhead(names: readonly string[]): void {
    const { helpers } = this.#options;
    if (helpers === undefined) return;
    names.slice(this.#state.finished).forEach((name, at) => {
      const lane = at % (helpers.lanes + 1) - 1;
      if (lane < 0) return;
      const stepsBefore = this.#stepsBefore(this.#state.finished + at);
      const outcome = helpers.train(lane, this.#taskOf(name, stepsBefore), this.#seedsOf(name));
      outcome.catch(() => {}); // it is thrown where the outcome is asked for
      this.#ahead.set(name, outcome);
    });
  }

  #taskOf(name: string, stepsBefore: number): LocalTask {
    const { positions, round } = this.#state;
    const vocabulary = this.#participants.vocabularyOf(name);
    const sent = this.#parametersFor(name, vocabulary);
    const optimizer = this.#optimizerFor(name, vocabulary, sent);
    return { name, round, stepsBefore, sent, optimizer, position: positions[name] };
  }

  /** Seeds that a participant's windows ask for. */
  #seedsOf(name: string): SeedsByName {
    const asked: Record<string, Seed> = {};
    const seed = (of: string) => asked[of] = this.#options.seed(of);
    new Participants({ ...this.#options, seed }).windowsOf(name);
    return asked;
  }

  /** Steps of all participants before the round's participant number `finished`. */
  #stepsBefore(finished: number): number {
    const { localSteps } = this.#options.settings;
    return ((this.#state.round - 1) * this.#participants.perRound + finished) * localSteps;
  }

  /** Trains a participant of the round and keeps what it made. */
  async #trainNext(name: string): Promise<void> {
    const { variant, settings, log } = this.#options;
    const state = this.#state;
    const vocabSize = this.#participants.vocabularyOf(name).size;
    const row = { kind: "local", round: state.round, source: name, vocabSize };
    const task = this.#taskOf(name, this.#stepsBefore(state.finished));
    const { made, position } = await this.#outcomeOf(task);
    state.positions[name] = position;
    if (made instanceof DivergedError) {
      if (settings.nonFinite !== "skip" || variant.mixture) throw made;
      const reason = messageOf(made);
      log.warn(`left ${name} out of round ${state.round}`, { reason });
      state.metrics.push({ ...row, skipped: reason });
    } else {
      const { record, result, optimizer } = made;
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
        updateNorm: updateNorm(task.sent, result),
        ...trafficRow(variant, {
          sent: task.sent,
          result,
          moments: optimizer.moments,
          sentMoments: isAveraged ? state.averaged : undefined,
          returnedMoments: isAveraged ? optimizer : undefined,
        }),
      });
    }
    state.local = undefined;
    state.finished++;
    if (this.#pace.isDue()) await this.#save();
  }

  /** Of a helper, where one has the task, else trained here. */
  async #outcomeOf(task: LocalTask): Promise<Omit<LocalOutcome, "seen">> {
    const { name, round, stepsBefore } = task;
    const state = this.#state;
    const monitor = this.#monitor.of({ round, source: name }, state.metrics, stepsBefore);
    const ahead = this.#ahead.get(name);
    if (ahead === undefined) {
      const trainer = {
        ...this.#options,
        participants: this.#participants,
        programs: this.#programs,
        clock: this.#clock,
      };
      return await trainLocally(trainer, task, monitor, {
        resumed: state.local,
        isDue: (steps) => this.#pace.isDue(steps),
        keep: (position, local) =>
          this.#save(async () => {
            state.positions[name] = position;
            state.local = await local();
          }),
      });
    }
    const { seen, ...outcome } = (await ahead)();
    this.#ahead.delete(name);
    for (const [row, stepsBehind] of seen) monitor?.note(row, stepsBehind);
    return outcome;
  }

  /** Takes the outer step, validates, and goes on to the next round. */
  async #closeRound(participants: readonly string[]): Promise<void> {
    const { variant, settings, log } = this.#options;
    const state = this.#state;
    const row: Record<string, Json> = {};
    if (!variant.mixture) {
      const results = this.#results(participants);
      row.drift = driftOf(state.shared, results) as unknown as Json;
      row.validationBefore = await this.#clock.time(
        "evaluation",
        () => validateResults(this.#validation, state.shared, state.locals, results),
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
    const losses = await this.#clock.time(
      "evaluation",
      () => validateSources(this.#validation, state.shared, state.locals),
    );
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
    warnOfCoverage(state.metrics, log, losses, settings.warnings.unknownShare);
    log.info("round", { round: state.round, validationLossNats: lossNats });
    state.round++;
    state.finished = 0;
    state.results = {};
    if (this.#pace.isDue()) await this.#save();
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

  #save(complete: () => void | Promise<void> = () => {}): Promise<void> {
    return this.#clock.time("checkpoint", () =>
      this.#pace.write(async () => {
        await complete();
        this.#store.write(stateToCheckpoint(this.#state));
      }));
  }
}
