/**
 * All that pre-training has in hand at any instant, as a checkpoint.
 */
import type { Json } from "../pipeline/base/mod.ts";
import type { Checkpoint, Tensors } from "./checkpoint.ts";
import type { StepRecord } from "./trainer.ts";

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
  /** Deltas of the finished ones (`OuterAverage.sums`); absent before the first. */
  sums?: Tensors;
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
  const { round, finished, shared, sums, local, locals, optimizers, positions, metrics, best } =
    state;
  const groups: Record<string, Tensors> = { shared };
  if (sums) groups.sums = sums;
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
    sums: groups.sums,
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

function groupsUnder(groups: Checkpoint["groups"], prefix: string): Record<string, Tensors> {
  return Object.fromEntries(
    Object.keys(groups).filter((name) => name.startsWith(prefix))
      .map((name) => [name.slice(prefix.length), groups[name]]),
  );
}
