/**
 * What a participant begins its local training with, and how what it ends with is divided: one part is sent, the other is held.
 *
 * Source: DEPT Algorithm 1, lines 6 to 8: with SPEC a source goes on with its own ϕ and ψ, and sends θ alone.
 */
import type { Json } from "../base/mod.ts";
import { type Tensors, tensorsOf } from "./checkpoint.ts";
import { forgetMoments } from "./forgetting.ts";
import type { HeldState } from "./held_states.ts";
import { recordRow, trafficRow } from "./local_report.ts";
import type { LocalOutcome, LocalTask, Trainer } from "./local_work.ts";
import { loadedOptimizer, type OptimizerTensors, withOwnMoments } from "./optimizer_state.ts";
import { split, updateNorm } from "./outer_step.ts";
import type { PretrainSettings } from "./settings.ts";
import { initialLocal, localPart, sharedPart } from "./source.ts";
import type { StepRecord } from "./trainer.ts";
import type { Variant } from "./variant.ts";
import type { CountedWindows } from "./windows.ts";

/** All that a participant begins a round with, its own tables too. */
export interface Beginning {
  readonly parameters: Tensors;
  /** A new one when absent. */
  readonly optimizer?: OptimizerTensors;
  /** Where its windows go on; at their beginning when absent. */
  readonly position?: Json;
  /** What it held. */
  readonly held?: HeldState;
}

/** @throws StageError where the state that the task names is not held here. */
export function beginningOf(trainer: Trainer, task: LocalTask): Beginning {
  const { variant, settings } = trainer;
  const held = task.held === null ? undefined : trainer.held.read(task.held);
  const parameters = parametersOf(trainer, task, held);
  const kept = held?.optimizer && loadedOptimizer(held.optimizer);
  const optimizer = !isAveraged(variant, settings)
    ? kept && variant.forgetsEmbeddings ? forgetMoments(kept) : kept
    : task.optimizer && withOwnMoments(task.optimizer, kept, parameters);
  return { parameters, optimizer, position: held?.position, held };
}

function parametersOf(
  { variant, settings, participants, seed }: Trainer,
  { name, shared }: LocalTask,
  held: HeldState | undefined,
): Tensors {
  if (variant.mixture) return shared;
  const vocabulary = participants.vocabularyOf(name);
  const own = held?.local && tensorsOf(held.local);
  // A source that has joined, and has taken part in no round, has trained a whole table alone.
  if (variant.sharesEmbeddings) return { ...shared, ...(own && split(variant, own, vocabulary)) };
  const source = participants.sourceOf(name)!;
  return { ...shared, ...(own ?? initialLocal(variant, source, vocabulary, settings.model, seed)) };
}

/** Of a training that has taken all its steps. */
export function madeOutcome(
  { variant, settings, held }: Trainer,
  task: LocalTask,
  { parameters }: Beginning,
  record: StepRecord,
  windows: CountedWindows,
  { result, optimizer }: { readonly result: Tensors; readonly optimizer: OptimizerTensors },
): LocalOutcome {
  const averaged = isAveraged(variant, settings)
    ? { step: optimizer.step, moments: sharedPart(variant, optimizer.moments) }
    : undefined;
  return {
    row: {
      ...recordRow(record),
      updateNorm: updateNorm(parameters, result),
      ...trafficRow(variant, {
        sent: parameters,
        result,
        moments: optimizer.moments,
        sentMoments: task.optimizer,
        returnedMoments: averaged,
      }),
    },
    exposure: windows.exposure,
    held: held.put({
      ...(variant.sharesEmbeddings ? {} : { local: localPart(variant, result) }),
      ...keptOptimizer(variant, settings, optimizer),
      position: record.position,
    }),
    made: { shared: sharedPart(variant, result), ...(averaged && { optimizer: averaged }) },
  };
}

/** Of a training that came to what is not finite: it has read its text, and holds what it had. */
export function divergedOutcome(
  { held }: Trainer,
  { held: before }: Beginning,
  record: StepRecord,
  windows: CountedWindows,
  diverged: string,
): LocalOutcome {
  return {
    row: { skipped: diverged },
    exposure: windows.exposure,
    held: held.put({ ...before, position: record.position }),
    diverged,
  };
}

/** Adam's state that outlives the round without being sent. */
function keptOptimizer(
  variant: Variant,
  settings: PretrainSettings,
  optimizer: OptimizerTensors,
): Pick<HeldState, "optimizer"> {
  if (variant.mixture || settings.adamState === "keep") return { optimizer };
  if (!isAveraged(variant, settings) || variant.sharesEmbeddings) return {};
  return { optimizer: { step: optimizer.step, moments: localPart(variant, optimizer.moments) } };
}

/** Whether Adam's state of shared parameters travels. */
export function isAveraged(variant: Variant, settings: PretrainSettings): boolean {
  return !variant.mixture && settings.adamState === "average";
}
