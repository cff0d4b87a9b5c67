/**
 * Tasks of local training and their outcomes as checkpoints, so that another process can read them.
 */
import { type Json, messageOf } from "../base/mod.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { LocalOutcome, LocalTask, SeedsByName } from "./local_training.ts";
import { DivergedError, type StepRecord } from "./trainer.ts";

/** A task as a checkpoint, which another process can read. */
export function taskToCheckpoint(
  { sent, optimizer, name, round, stepsBefore, position }: LocalTask,
  seeds: SeedsByName,
): Checkpoint {
  return {
    groups: { sent, ...(optimizer ? { moments: optimizer.moments } : {}) },
    state: {
      name,
      round,
      stepsBefore,
      position,
      optimizerStep: optimizer?.step,
      seeds: seeds as unknown as Json,
    },
  };
}

export function taskFromCheckpoint({ groups, state }: Checkpoint): [LocalTask, SeedsByName] {
  const { optimizerStep, seeds, ...task } = state as unknown as
    & Pick<LocalTask, "name" | "round" | "stepsBefore" | "position">
    & { optimizerStep?: number; seeds: SeedsByName };
  const optimizer = optimizerStep === undefined
    ? undefined
    : { step: optimizerStep, moments: groups.moments };
  return [{ ...task, position: task.position, sent: groups.sent, optimizer }, seeds];
}

/** An outcome as a checkpoint, which another process can read. */
export function outcomeToCheckpoint({ position, made, seen }: LocalOutcome): Checkpoint {
  const state = { position, seen: seen as unknown as Json };
  if (made instanceof DivergedError) {
    return { groups: {}, state: { ...state, diverged: messageOf(made) } };
  }
  const { record, result, optimizer } = made;
  return {
    groups: { result, moments: optimizer.moments },
    state: { ...state, record: { ...record } as unknown as Json, optimizerStep: optimizer.step },
  };
}

export function outcomeFromCheckpoint({ groups, state }: Checkpoint): LocalOutcome {
  const { position, seen, diverged, record, optimizerStep } = state as unknown as
    & Pick<LocalOutcome, "position" | "seen">
    & { diverged?: string; record: StepRecord; optimizerStep: number };
  const made = diverged !== undefined ? new DivergedError(diverged) : {
    record,
    result: groups.result,
    optimizer: { step: optimizerStep, moments: groups.moments },
  };
  return { position, made, seen };
}
