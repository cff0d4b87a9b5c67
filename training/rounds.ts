/**
 * Pre-training: rounds of local training and outer averaging, or the same number of steps on a mixture.
 *
 * Source: DEPT Algorithm 1. Every variant takes rounds × localSteps sequential
 * steps under one cosine: round r begins at step (r − 1)·localSteps.
 */
import type { Engine, EngineOptions, TrainingProgram } from "../engine/mod.ts";
import type { Json } from "../pipeline/base/mod.ts";
import type { StageLog } from "../pipeline/stage.ts";
import type { Checkpoint, Tensors } from "./checkpoint.ts";
import { CheckpointStore } from "./checkpoint_store.ts";
import { type SourceVocabulary, wholeVocabulary } from "./local_vocabulary.ts";
import { mixtureWindows } from "./mixture.ts";
import { OuterAverage, parameterNorm, split, updateNorm } from "./outer_step.ts";
import { type PretrainState, stateFromCheckpoint, stateToCheckpoint } from "./pretrain_state.ts";
import {
  momentTensors,
  momentValues,
  readTensors,
  TrainingPrograms,
  writeTensors,
} from "./programs.ts";
import { cosineWithWarmup } from "./schedule.ts";
import type { PretrainSettings } from "./settings.ts";
import {
  initialLocal,
  initialShared,
  localPart,
  sampleSources,
  type SeedOf,
  sourceWindows,
  type TrainingSource,
} from "./source.ts";
import { emptyRecord, nextTick, type StepRecord, trainSteps } from "./trainer.ts";
import { type ValidationLoss, validationLoss } from "./validation.ts";
import { sourceVocabulary, type Variant } from "./variant.ts";
import type { WindowSource } from "./windows.ts";

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

/** The only participant of a baseline's rounds. */
const mixtureName = "mixture";

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
  readonly #sources: ReadonlyMap<string, TrainingSource>;
  readonly #vocabularies: ReadonlyMap<string, SourceVocabulary>;
  readonly #programs: TrainingPrograms;
  readonly #store: CheckpointStore;
  readonly #state: PretrainState;

  constructor(options: Pretraining) {
    const { variant, settings, sources, engine, engineOptions } = options;
    this.#options = options;
    this.#sources = new Map(sources.map((source) => [source.name, source]));
    this.#vocabularies = new Map(sources.map((source) => [
      source.name,
      sourceVocabulary(variant, {
        vocabSize: source.train.vocabSize,
        localVocabulary: source.localVocabulary,
      }),
    ]));
    this.#programs = new TrainingPrograms({
      engine,
      engineOptions,
      optimizer: settings.inner,
      model: settings.model,
      microBatchSize: settings.microBatchSize,
    });
    this.#store = new CheckpointStore(options.checkpointFolder);
    const saved = this.#store.latest();
    this.#state = saved ? stateFromCheckpoint(saved) : this.#initialState();
    if (saved) options.log.info("resumed", { round: this.#state.round });
  }

  async toEnd(): Promise<PretrainResult> {
    const state = this.#state;
    while (state.round <= this.#options.settings.rounds) {
      const participants = this.#participants(state.round);
      while (state.finished < participants.length) await this.#trainNext(participants);
      await this.#closeRound(participants);
    }
    const { best, metrics } = state;
    const last = this.#model(state.round - 1, state.shared, state.locals);
    return {
      last,
      best: best ? this.#model(best.round, best.shared, best.locals) : last,
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
      locals: {},
      optimizers: {},
      positions: {},
      metrics: [],
    };
  }

  #participants(round: number): readonly string[] {
    const { variant, settings, seed } = this.#options;
    if (variant.mixture) return [mixtureName];
    const names = [...this.#sources.keys()];
    return sampleSources(names, settings.sourcesPerRound, seed(`round/${round}/sources`));
  }

  /** Trains the next participant of the round and adds its result. */
  async #trainNext(participants: readonly string[]): Promise<void> {
    const { variant } = this.#options;
    const state = this.#state;
    const name = participants[state.finished];
    const vocabulary = this.#vocabularyOf(name);
    const sent = this.#parametersFor(name, vocabulary);
    const windows = this.#windowsOf(name, vocabulary);
    const { record, result } = await this.#trainLocally(name, sent, vocabulary, windows);

    if (variant.mixture) {
      state.shared = result;
    } else {
      const average = this.#average(participants);
      average.add(result, vocabulary);
      state.sums = average.sums();
      if (!variant.sharesEmbeddings) state.locals[name] = localPart(variant, result);
    }
    state.metrics.push({
      kind: "local",
      round: state.round,
      source: name,
      vocabSize: vocabulary.size,
      ...recordRow(record),
      updateNorm: updateNorm(sent, result),
    });
    state.local = undefined;
    state.finished++;
    this.#save();
  }

  async #trainLocally(
    name: string,
    sent: Tensors,
    vocabulary: SourceVocabulary,
    windows: WindowSource,
  ): Promise<{ record: StepRecord; result: Tensors }> {
    const { variant, settings, log, signal } = this.#options;
    const { rounds, localSteps, inner, checkpointEverySteps } = settings;
    const state = this.#state;
    const from = (state.round - 1) * localSteps;
    const totalSteps = rounds * localSteps;
    const perRound = variant.mixture ? 1 : settings.sourcesPerRound;
    const record: StepRecord = state.local ? { ...state.local.record } : emptyRecord(from);
    const program = await this.#programs.get(vocabulary.size);
    await writeTensors(program, state.local?.parameters ?? sent);
    const kept = state.local?.optimizer ?? state.optimizers[name];
    if (kept) {
      await program.writeOptimizer({ step: kept.step, moments: momentValues(kept.moments) });
    } else await program.resetOptimizer();

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
        learningRate: (step) => cosineWithWarmup(step, { ...inner, totalSteps }),
        batchSize: this.#batchSize(),
        microBatchSize: settings.microBatchSize,
        seqLen: settings.model.seqLen,
        clipNorm: inner.clipNorm,
        name: variant.id,
        place: variant.mixture ? undefined : `round ${state.round}, source ${name}`,
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
    }
    state.positions[name] = windows.position as Json;
    if (variant.mixture || settings.adamState === "keep") {
      state.optimizers[name] = await readOptimizer(program);
    }
    return { record, result: await readTensors(program) };
  }

  /** Averages the round, validates, and goes on to the next. */
  async #closeRound(participants: readonly string[]): Promise<void> {
    const { variant } = this.#options;
    const state = this.#state;
    if (!variant.mixture) state.shared = this.#average(participants).result();
    const losses = await this.#validate();
    const values = Object.values(losses).map(({ lossNats }) => lossNats);
    const isWhole = values.length === this.#sources.size;
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
      validation: { ...losses },
      validationLossNats: lossNats,
      isBest,
      parameterNorm: parameterNorm(state.shared),
    });
    this.#options.log.info("round", { round: state.round, validationLossNats: lossNats });
    state.round++;
    state.finished = 0;
    state.sums = undefined;
    this.#save();
  }

  /** Of each source that has parameters to be validated with, in the order of the names. */
  async #validate(): Promise<Record<string, ValidationLoss & { [key: string]: Json }>> {
    const { variant, settings } = this.#options;
    const { shared, locals } = this.#state;
    const losses: Record<string, ValidationLoss & { [key: string]: Json }> = {};
    for (const name of [...this.#sources.keys()].sort()) {
      const source = this.#sources.get(name)!;
      if (!variant.sharesEmbeddings && !locals[name]) continue;
      await nextTick();
      this.#options.signal.throwIfAborted();
      // The shared table is judged whole; a source's own over the pieces that it has.
      const vocabulary = variant.sharesEmbeddings
        ? wholeVocabulary(source.train.vocabSize)
        : this.#vocabularies.get(name)!;
      const program = await this.#programs.get(vocabulary.size);
      await writeTensors(program, { ...shared, ...locals[name] });
      losses[name] = {
        ...await validationLoss(program, {
          source: name,
          shards: source.validation,
          maxWindows: settings.validationWindows,
          batchSize: settings.microBatchSize,
          seqLen: settings.model.seqLen,
          vocabulary,
        }),
      };
    }
    return losses;
  }

  #parametersFor(name: string, vocabulary: SourceVocabulary): Tensors {
    const { variant, settings, seed } = this.#options;
    const { shared, locals } = this.#state;
    if (variant.mixture) return shared;
    const sent = split(variant, shared, vocabulary);
    if (variant.sharesEmbeddings) return sent;
    const local = locals[name] ??
      initialLocal(variant, this.#sources.get(name)!, vocabulary, settings.model, seed);
    return { ...sent, ...local };
  }

  #windowsOf(name: string, vocabulary: SourceVocabulary): WindowSource {
    const { variant, sources, settings, seed } = this.#options;
    const { seqLen } = settings.model;
    const windows = variant.mixture
      ? mixtureWindows(sources, variant.mixture.tau, { seqLen, batchSize: this.#batchSize() }, seed)
      : sourceWindows(variant, this.#sources.get(name)!, vocabulary, seqLen, seed);
    const position = this.#state.positions[name];
    if (position !== undefined) windows.seek(position);
    return windows;
  }

  #vocabularyOf(name: string): SourceVocabulary {
    return this.#vocabularies.get(name) ??
      wholeVocabulary(this.#options.sources[0].train.vocabSize);
  }

  /** The sums over the participants that have finished. */
  #average(participants: readonly string[]): OuterAverage {
    const { shared, sums, finished } = this.#state;
    const average = new OuterAverage(this.#options.variant, shared);
    if (sums) {
      const done = participants.slice(0, finished).map((name) => this.#vocabularyOf(name));
      average.restore(sums, done);
    }
    return average;
  }

  #batchSize(): number {
    const { variant, settings } = this.#options;
    return settings.batchSize * (variant.mixture?.equalTokens ? settings.sourcesPerRound : 1);
  }

  #save(): void {
    this.#store.write(stateToCheckpoint(this.#state));
  }

  /** A finished model: what is shared, and what each source keeps. */
  #model(round: number, shared: Tensors, locals: Readonly<Record<string, Tensors>>): Checkpoint {
    const { variant, settings, sources } = this.#options;
    return {
      groups: {
        model: shared,
        ...Object.fromEntries(
          Object.entries(locals).map(([source, tensors]) => [`local-${source}`, tensors]),
        ),
      },
      state: {
        variant: variant.id,
        vocabulary: variant.vocabulary,
        // Where embeddings are the sources' own, each table's rows say its vocabulary.
        model: variant.sharesEmbeddings
          ? { ...settings.model, vocabSize: sources[0].train.vocabSize }
          : { ...settings.model },
        round,
        step: round * settings.localSteps,
      },
    };
  }
}

function recordRow(record: StepRecord): { readonly [key: string]: Json } {
  return {
    step: record.step,
    steps: record.steps,
    lossNatsFirst: record.firstLossNats,
    lossNatsLast: record.lastLossNats,
    lossNatsMean: record.lossNatsSum / record.steps,
    gradientNormMean: record.gradientNormSum / record.steps,
    gradientNormMax: record.gradientNormMax,
  };
}

async function readOptimizer(program: TrainingProgram) {
  const { step, moments } = await program.readOptimizer();
  return { step, moments: momentTensors(moments) };
}
