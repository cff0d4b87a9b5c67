/**
 * What a participant of a round is sent, and what is kept of what it makes until the round is averaged.
 *
 * Source: DEPT Algorithm 1, lines 4 to 7: GLOB sends θ, ϕ and ψ; TRIM cuts ϕ to V_k; SPEC sends θ, and a source goes on with
 * its own ϕ and ψ.
 */
import type { Seed } from "../base/mod.ts";
import type { Tensors } from "./checkpoint.ts";
import { forget, forgetMoments } from "./forgetting.ts";
import { recordRow, trafficRow } from "./local_report.ts";
import type { Leader, LocalOutcome, LocalTask } from "./local_training.ts";
import { loadedOptimizer, type OptimizerTensors, sentOptimizer } from "./optimizer_state.ts";
import { split, updateNorm } from "./outer_step.ts";
import type { PretrainState } from "./pretrain_state.ts";
import { initialLocal, localPart, sharedPart } from "./source.ts";
import { DivergedError } from "./trainer.ts";

/** The task of the round's participant number `at`, whose name is `name`. */
export function taskOf(
  leader: Leader,
  state: PretrainState,
  name: string,
  at: number,
): LocalTask {
  const { participants, settings, seed } = leader;
  const { round, positions } = state;
  const seeds: Record<string, Seed> = {};
  participants.windowsOf(name, (of) => seeds[of] = seed(of));
  const sent = parametersFor(leader, state, name);
  return {
    name,
    round,
    stepsBefore: ((round - 1) * participants.perRound + at) * settings.localSteps,
    sent,
    optimizer: optimizerFor(leader, state, name, sent),
    position: positions[name],
    seeds,
  };
}

/** All parameters that a participant begins with, its own ones too. */
export function parametersFor(leader: Leader, state: PretrainState, name: string): Tensors {
  const { variant, settings, participants, sources, seed } = leader;
  const { shared, locals, round } = state;
  if (variant.forgetsEmbeddings) {
    const vocabSize = sources[0].train.vocabSize;
    return forget(shared, round, { ...settings, vocabSize, seed });
  }
  if (variant.mixture) return shared;
  const vocabulary = participants.vocabularyOf(name);
  if (variant.sharesEmbeddings) {
    return split(variant, { ...shared, ...locals[name]?.read() }, vocabulary);
  }
  const sent = split(variant, shared, vocabulary);
  const source = participants.sourceOf(name)!;
  const local = locals[name]?.read() ??
    initialLocal(variant, source, vocabulary, settings.model, seed);
  return { ...sent, ...local };
}

/** Adam's state that a participant begins the round with; undefined for a new one. */
function optimizerFor(
  { variant, settings, participants }: Leader,
  { averaged, optimizers }: PretrainState,
  name: string,
  sent: Tensors,
): OptimizerTensors | undefined {
  const kept = optimizers[name] && loadedOptimizer(optimizers[name]);
  if (variant.mixture) return kept && variant.forgetsEmbeddings ? forgetMoments(kept) : kept;
  if (settings.adamState !== "average") return kept;
  return averaged && sentOptimizer(variant, averaged, kept, participants.vocabularyOf(name), sent);
}

/**
 * Keeps what a participant has made, and counts it as finished. One that diverged is left out of the round where the recipe
 * says so.
 * @throws DivergedError where it does not.
 */
export function keepOutcome(
  leader: Leader,
  state: PretrainState,
  task: LocalTask,
  { record, made, diverged }: LocalOutcome,
): void {
  const { variant, settings, participants, metrics, log } = leader;
  const { name, round } = task;
  const vocabSize = participants.vocabularyOf(name).size;
  const row = { kind: "local", round, source: name, vocabSize };
  if (made !== undefined) {
    keepMade(leader, state, name, made);
    const { sent } = task;
    const { result, optimizer } = made;
    metrics.push({
      ...row,
      ...recordRow(record),
      updateNorm: updateNorm(sent, result),
      ...trafficRow(variant, {
        sent,
        result,
        moments: optimizer.moments,
        ...(isAveraged(variant, settings)
          ? { sentMoments: task.optimizer, returnedMoments: optimizer }
          : {}),
      }),
    });
  } else {
    const reason = diverged!;
    if (settings.nonFinite !== "skip" || variant.mixture) throw new DivergedError(reason);
    log.warn(`left ${name} out of round ${round}`, { reason });
    metrics.push({ ...row, skipped: reason });
  }
  state.positions[name] = record.position!;
  state.record = undefined;
  state.finished++;
}

function keepMade(
  { variant, settings, files }: Pick<Leader, "variant" | "settings" | "files">,
  state: PretrainState,
  name: string,
  { result, optimizer }: NonNullable<LocalOutcome["made"]>,
): void {
  const stored = ({ step, moments }: OptimizerTensors) => ({ step, moments: files.put(moments) });
  const isOptimizerAveraged = isAveraged(variant, settings);
  if (variant.mixture) state.shared = result;
  else {
    state.results[name] = {
      tensors: files.put(sharedPart(variant, result)),
      optimizer: isOptimizerAveraged ? stored(optimizer) : undefined,
    };
    if (!variant.sharesEmbeddings) state.locals[name] = files.put(localPart(variant, result));
    else delete state.locals[name]; // what a source that joins has trained alone is part of its result
  }
  if (variant.mixture || settings.adamState === "keep") state.optimizers[name] = stored(optimizer);
  else if (isOptimizerAveraged && !variant.sharesEmbeddings) {
    const moments = localPart(variant, optimizer.moments);
    state.optimizers[name] = stored({ step: optimizer.step, moments });
  }
}

function isAveraged(variant: Leader["variant"], settings: Leader["settings"]): boolean {
  return !variant.mixture && settings.adamState === "average";
}
