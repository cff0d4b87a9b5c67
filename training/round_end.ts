/**
 * The end of a round: the outer step, validation, and whether the round is the best so far.
 *
 * Source: DEPT Algorithm 1, lines 8 to 15.
 */
import { StageError } from "../base/mod.ts";
import { withRound } from "./answer_checks.ts";
import type { JsonObject } from "./checkpoint.ts";
import { driftOf } from "./drift.ts";
import type { Leader } from "./local_work.ts";
import { averageMoments } from "./optimizer_state.ts";
import { outerStep } from "./outer_optimizer.ts";
import { meanDeltas, parameterNorm, type SourceResult } from "./outer_step.ts";
import type { PretrainState } from "./pretrain_state.ts";
import { validateResults, validateSources } from "./round_validation.ts";
import { warnOfCoverage } from "./warnings.ts";

/** @throws StageError where all participants of a round are left out: nothing is closed, so that it can be tried again. */
export function requireAnswers(
  { variant }: Leader,
  { leftOut, round }: PretrainState,
  names: readonly string[],
): void {
  if (names.some((name) => leftOut[name] === undefined)) return;
  throw new StageError(
    `Cannot average round ${round} of ${variant.id}: expected the answer of one participant at least, ` +
      `found none: ${names.map((name) => `${name} is left out (${leftOut[name]})`).join("; ")}`,
  );
}

/**
 * Makes the next shared parameters of what the participants have made. A mixture has none to average.
 * @returns Fields for the round's row of metrics.
 * @throws StageError when all participants were left out.
 */
export async function averageRound(
  leader: Leader,
  state: PretrainState,
  names: readonly string[],
): Promise<JsonObject> {
  const { variant, settings, clock } = leader;
  if (variant.mixture) return {};
  const { shared, held, averaged } = state;
  const results = finishedResults(leader, state, names);
  const drift = driftOf(shared, results);
  const validationBefore = await clock.time(
    "evaluation",
    () => validateResults(leader, shared, held, results),
  );
  if (settings.adamState === "average") {
    const moments = [...results].map(([name, { vocabulary }]) =>
      [name, { tensors: state.results[name].optimizer!.moments, vocabulary }] as const
    );
    const [first] = results.keys();
    state.averaged = {
      step: state.results[first].optimizer!.step,
      moments: averageMoments(variant, shared, averaged, new Map(moments)),
    };
  }
  const deltas = meanDeltas(variant, shared, results);
  const next = outerStep(shared, deltas, settings.outer, state.outer);
  state.shared = next.shared;
  state.outer = next.state;
  return { drift, validationBefore };
}

function finishedResults(
  { variant, participants }: Leader,
  { results, round, leftOut }: PretrainState,
  names: readonly string[],
): Map<string, SourceResult> {
  const finished = names.filter((name) => results[name] !== undefined);
  if (finished.length === 0) {
    const diverged = names.filter((name) => leftOut[name] === undefined);
    throw new StageError(
      `Cannot average round ${round} of ${variant.id}: expected a finite result, ` +
        `found none: ${diverged.join(", ")} diverged; lower pretrain.inner.peakLearningRate`,
    );
  }
  return new Map(finished.map((name) => {
    const { tensors, aloneLossNats } = results[name];
    return [name, { tensors, aloneLossNats, vocabulary: participants.vocabularyOf(name) }];
  }));
}

/** Validates the shared parameters on sources that have a table, and goes on to the next round. */
export async function closeRound(
  leader: Leader,
  state: PretrainState,
  names: readonly string[],
  averaging: JsonObject,
): Promise<void> {
  const { settings, sources, files, metrics, clock, log } = leader;
  const { round, shared, held, results, accepted, leftOut } = state;
  const { losses, unscored } = await clock.time(
    "evaluation",
    () => validateSources(leader, state, names),
  );
  const values = Object.values(losses).map(({ lossNats }) => lossNats);
  const isWhole = values.length === sources.length;
  const lossNats = isWhole ? values.reduce((sum, value) => sum + value, 0) / values.length : null;
  const isBest = lossNats !== null && !(state.best && state.best.lossNats <= lossNats);
  if (isBest) state.best = { round, lossNats, shared: files.put(shared), held: { ...held } };
  metrics.push({
    kind: "round",
    round,
    sources: names,
    ...averaging,
    validation: losses,
    validationLossNats: lossNats,
    isBest,
    parameterNorm: parameterNorm(shared),
  });
  if (Object.keys({ ...leftOut, ...unscored }).length > 0) {
    metrics.push({ kind: "participants", round, sampled: names, accepted, leftOut, unscored });
  }
  warnOfCoverage({ metrics, log }, losses, settings.warnings.unknownShare);
  log.info("round", { round, validationLossNats: lossNats });
  state.round++;
  state.finished = 0;
  const norms = Object.values(results).flatMap(({ sharedNorm }) => sharedNorm ?? []);
  if (norms.length > 0) state.norms = withRound(state.norms, norms);
  state.results = {};
  state.accepted = {};
  state.leftOut = {};
}
