/**
 * All that pre-training has in hand at any instant, as a checkpoint.
 */
import type { Json } from "../base/mod.ts";
import type { Checkpoint, Tensors } from "./checkpoint.ts";
import type { PretrainSettings } from "./settings.ts";
import type { TrainingSource } from "./source.ts";
import type { StepRecord } from "./trainer.ts";
import type { Variant } from "./variant.ts";

/** Adam's moments and the count behind its bias correction. */
export interface OptimizerTensors {
  readonly step: number;
  readonly moments: Tensors;
}

/** A source in the middle of its local training. */
export interface LocalState {
  readonly record: StepRecord;
  readonly parameters: Tensors;
  readonly optimizer: OptimizerTensors;
}

/** A participant that has finished the round under way. */
export interface FinishedResult {
  readonly tensors: Tensors;
  readonly optimizer?: OptimizerTensors;
}

/** The best round so far, by mean validation loss. */
export interface BestRound {
  readonly round: number;
  readonly lossNats: number;
  readonly shared: Tensors;
  readonly locals: Readonly<Record<string, Tensors>>;
}

/** Groups are replaced, never changed in place: a checkpoint links those that are still the same object. */
export interface PretrainState {
  /** The round under way, from 1; rounds + 1 when all is done. */
  round: number;
  /** Participants of it that have finished. */
  finished: number;
  /** Shared parameters at its beginning. */
  shared: Tensors;
  /** What the finished ones made: by name, the shared part, and Adam's state where that is averaged. */
  results: Record<string, FinishedResult>;
  /** What the outer optimizer keeps. */
  outer: Tensors;
  /** Adam's state of the shared parameters, where it is averaged; absent in the first round. */
  averaged?: OptimizerTensors;
  local?: LocalState;
  /** What each source keeps: its `embedding.*`. */
  locals: Record<string, Tensors>;
  /** Optimizer of each participant, where it outlives a round. */
  optimizers: Record<string, OptimizerTensors>;
  /** Where each participant's windows go on. */
  positions: Record<string, Json>;
  metrics: Json[];
  best?: BestRound;
}

export function stateToCheckpoint(state: PretrainState): Checkpoint {
  const { round, finished, shared, results, outer, averaged, local, locals } = state;
  const { optimizers, positions, metrics, best } = state;
  const groups: Record<string, Tensors> = { shared };
  for (const [name, { tensors, optimizer }] of Object.entries(results)) {
    groups[`result-${name}`] = tensors;
    if (optimizer) groups[`moments-${name}`] = optimizer.moments;
  }
  if (Object.keys(outer).length > 0) groups.outer = outer;
  if (averaged) groups["averaged-optimizer"] = averaged.moments;
  if (local) {
    groups["current"] = local.parameters;
    groups["current-optimizer"] = local.optimizer.moments;
  }
  for (const source of Object.keys(locals)) groups[`local-${source}`] = locals[source];
  for (const name of Object.keys(optimizers)) {
    groups[`optimizer-${name}`] = optimizers[name].moments;
  }
  if (best) {
    groups["best-shared"] = best.shared;
    for (const source of Object.keys(best.locals)) {
      groups[`best-local-${source}`] = best.locals[source];
    }
  }
  return {
    groups,
    state: {
      round,
      finished,
      results: Object.entries(results).map(([name, { optimizer }]) => ({
        name,
        optimizerStep: optimizer?.step,
      })),
      averagedStep: averaged?.step,
      record: local ? { ...local.record } : undefined,
      recordOptimizerStep: local?.optimizer.step,
      optimizerSteps: Object.fromEntries(
        Object.entries(optimizers).map(([name, { step }]) => [name, step]),
      ),
      positions: { ...positions },
      metrics: [...metrics],
      best: best ? { round: best.round, lossNats: best.lossNats } : undefined,
    },
  };
}

/** The state that `stateToCheckpoint` was given. */
export function stateFromCheckpoint({ groups, state }: Checkpoint): PretrainState {
  const saved = state as unknown as {
    round: number;
    finished: number;
    results: { name: string; optimizerStep?: number }[];
    averagedStep?: number;
    record?: StepRecord;
    recordOptimizerStep?: number;
    optimizerSteps: Record<string, number>;
    positions: Record<string, Json>;
    metrics: Json[];
    best?: { round: number; lossNats: number };
  };
  return {
    round: saved.round,
    finished: saved.finished,
    shared: groups.shared,
    results: Object.fromEntries(
      saved.results.map(({ name, optimizerStep }) => [name, {
        tensors: groups[`result-${name}`],
        optimizer: optimizerStep === undefined
          ? undefined
          : { step: optimizerStep, moments: groups[`moments-${name}`] },
      }]),
    ),
    outer: groups.outer ?? {},
    averaged: saved.averagedStep === undefined
      ? undefined
      : { step: saved.averagedStep, moments: groups["averaged-optimizer"] },
    local: saved.record && {
      record: saved.record,
      parameters: groups["current"],
      optimizer: { step: saved.recordOptimizerStep!, moments: groups["current-optimizer"] },
    },
    locals: groupsUnder(groups, "local-"),
    optimizers: Object.fromEntries(
      Object.entries(saved.optimizerSteps).map(([name, step]) => [
        name,
        { step, moments: groups[`optimizer-${name}`] },
      ]),
    ),
    positions: saved.positions,
    metrics: saved.metrics,
    best: saved.best && {
      ...saved.best,
      shared: groups["best-shared"],
      locals: groupsUnder(groups, "best-local-"),
    },
  };
}

/** A model for other stages: what is shared, and what each source keeps. */
export function finishedModel(
  { variant, settings, sources }: {
    readonly variant: Variant;
    readonly settings: PretrainSettings;
    readonly sources: readonly TrainingSource[];
  },
  { round, shared, locals }: Pick<BestRound, "round" | "shared" | "locals">,
): Checkpoint {
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

function groupsUnder(groups: Checkpoint["groups"], prefix: string): Record<string, Tensors> {
  return Object.fromEntries(
    Object.keys(groups).filter((name) => name.startsWith(prefix))
      .map((name) => [name.slice(prefix.length), groups[name]]),
  );
}
