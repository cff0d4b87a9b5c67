/**
 * What a participant of a round is sent, and what is kept of what it makes until the round is averaged.
 *
 * Source: DEPT Algorithm 1, lines 4 to 7: GLOB sends θ, ϕ and ψ; TRIM cuts ϕ to V_k; SPEC sends θ, and a source goes on with
 * its own ϕ and ψ.
 */
import { type Tensors, tensorsOf } from "./checkpoint.ts";
import { forget } from "./forgetting.ts";
import type { Answered, Leader, LocalOutcome, LocalTask } from "./local_work.ts";
import { sentOptimizer } from "./optimizer_state.ts";
import { split } from "./outer_step.ts";
import type { PretrainState } from "./pretrain_state.ts";
import { DivergedError } from "./trainer.ts";

/** The task of the round's participant number `at`, whose name is `name`. */
export function taskOf(
  leader: Leader,
  state: PretrainState,
  name: string,
  at: number,
): LocalTask {
  const { variant, participants, settings } = leader;
  const { round, averaged, held } = state;
  const heldAtBest = state.best?.held[name];
  return {
    name,
    round,
    stepsBefore: ((round - 1) * participants.perRound + at) * settings.localSteps,
    shared: sharedFor(leader, state, name),
    optimizer: averaged && sentOptimizer(variant, averaged, participants.vocabularyOf(name)),
    held: held[name] ?? null,
    ...(heldAtBest !== undefined && heldAtBest !== held[name] && { heldAtBest }),
  };
}

function sharedFor(leader: Leader, { shared, round }: PretrainState, name: string): Tensors {
  const { variant, settings, participants, sources, seed } = leader;
  if (variant.forgetsEmbeddings) {
    const vocabSize = sources[0].train.vocabSize;
    return forget(shared, round, { ...settings, vocabSize, seed });
  }
  return variant.mixture ? shared : split(variant, shared, participants.vocabularyOf(name));
}

/**
 * Keeps what came of a participant's task, and counts it as finished. One that diverged is left out of the round where the recipe
 * says so.
 * @throws DivergedError where it does not.
 */
export function keepAnswered(
  leader: Leader,
  state: PretrainState,
  task: LocalTask,
  answered: Answered,
): void {
  // One that is left out goes on, the next time, from what it held.
  if (answered.kind === "leftOut") state.leftOut[task.name] = answered.why;
  else keepOutcome(leader, state, task, answered.outcome);
  state.record = undefined;
  state.finished++;
}

function keepOutcome(
  leader: Leader,
  state: PretrainState,
  { name, round }: LocalTask,
  { row, exposure, held, made, diverged, answer, aloneLossNats, sharedNorm }: LocalOutcome,
): void {
  const { variant, settings, participants, metrics, files, log } = leader;
  if (diverged !== undefined) {
    if (settings.nonFinite !== "skip" || variant.mixture) throw new DivergedError(diverged);
    log.warn(`left ${name} out of round ${round}`, { reason: diverged });
  } else {
    const { shared, optimizer } = made!;
    if (variant.mixture) state.shared = tensorsOf(shared);
    else {
      state.results[name] = {
        tensors: files.put(shared),
        ...(optimizer && {
          optimizer: { step: optimizer.step, moments: files.put(optimizer.moments) },
        }),
        ...(aloneLossNats !== undefined && { aloneLossNats }),
        ...(sharedNorm !== undefined && { sharedNorm }),
      };
    }
  }
  const vocabSize = participants.vocabularyOf(name).size;
  metrics.push({ ...row, kind: "local", round, source: name, vocabSize });
  state.held[name] = held;
  state.read[name] = exposure;
  if (answer !== undefined) state.accepted[name] = answer;
}
