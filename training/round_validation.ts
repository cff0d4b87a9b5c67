/**
 * Validation between rounds: of the shared parameters, and of what each source has made of them alone. It is computed where the text is.
 */
import { StageError } from "../base/mod.ts";
import { type Tensors, tensorsOf } from "./checkpoint.ts";
import type { Leader, Scores, Trainer } from "./local_work.ts";
import { placeResult, type SourceResult, split } from "./outer_step.ts";
import { judgesByOwnRows } from "./participants.ts";
import type { PretrainState } from "./pretrain_state.ts";
import { writeTensors } from "./programs.ts";
import { type RunSource, withText } from "./source.ts";
import { nextTick } from "./trainer.ts";
import { type ValidationLoss, validationLoss } from "./validation.ts";

/**
 * Of each source that is validated after a round and has parameters for it, in the order of the names: all sources, or those that
 * took part.
 * @param participants of the round
 */
export async function validateSources(
  leader: Leader,
  { round, shared, held, leftOut }: Pick<PretrainState, "round" | "shared" | "held" | "leftOut">,
  participants: readonly string[],
): Promise<Scores> {
  const { variant, settings, score, replayed } = leader;
  const all = validatedAfter(leader, round, participants)
    .filter(({ name }) => variant.sharesEmbeddings || name in held);
  const { unscored = {} } = replayed?.get(round) ??
    // Who was silent in the round is not waited for once more, where it is not about all.
    (score && !isAboutAll(settings, round) ? { unscored: notAsked(all, leftOut) } : {});
  const judgeable = all.filter(({ name }) => unscored[name] === undefined);
  const judged = (name: string) =>
    judgesByOwnRows(variant, settings)
      ? split(variant, shared, leader.participants.vocabularyOf(name))
      : shared;
  if (score !== undefined) {
    const taskOf = (name: string) => ({
      name,
      round: round + 1, // it begins with these parameters
      shared: judged(name),
      held: held[name] ?? null,
    });
    const scores = await score(new Map(judgeable.map(({ name }) => [name, () => taskOf(name)])));
    if (replayed) checkReplayedScores(round, scores);
    return { ...scores, unscored: { ...scores.unscored, ...unscored } };
  }
  const losses: Record<string, ValidationLoss> = {};
  for (const source of judgeable) {
    const { name } = source;
    const tensors = { ...judged(name), ...localOf(leader, held[name]) };
    losses[name] = await lossOf(leader, source, tensors);
  }
  return { losses, unscored };
}

/** @throws StageError for a source that has no score, and had one */
function checkReplayedScores(round: number, { unscored }: Scores): void {
  for (const [name, why] of Object.entries(unscored)) {
    throw new StageError(
      `Cannot replay round ${round}: expected the score of ${name}, which it had, found none: ${why}`,
    );
  }
}

function isAboutAll({ rounds, validateAllEvery }: Leader["settings"], round: number): boolean {
  return round % validateAllEvery === 0 || round === rounds;
}

/** Why sources that are left out of a round are not asked how it went. */
function notAsked(
  sources: readonly RunSource[],
  leftOut: PretrainState["leftOut"],
): Record<string, string> {
  const names = sources.map(({ name }) => name).filter((name) => leftOut[name] !== undefined);
  return Object.fromEntries(names.map((name) => [name, "left out of the round"]));
}

/** Sorted by name. */
function validatedAfter(
  { sources, participants, settings }: Leader,
  round: number,
  tookPart: readonly string[],
): readonly RunSource[] {
  const isWhole = isAboutAll(settings, round);
  const of = tookPart.map((name) => participants.sourceOf(name));
  const isOf = (source: RunSource) => isWhole || of.includes(source);
  // Workers on the mixture read the text of all.
  const all = of.includes(undefined) ? sources : sources.filter(isOf);
  return all.toSorted((a, b) => a.name < b.name ? -1 : 1);
}

/**
 * Mean loss in nats of each source on its own text with what it made alone, judged as the shared parameters will be.
 * Workers on the mixture have no text of their own and are passed over.
 */
export async function validateResults(
  leader: Leader,
  shared: Tensors,
  held: PretrainState["held"],
  results: ReadonlyMap<string, SourceResult>,
): Promise<Readonly<Record<string, number>>> {
  const { variant, settings, participants } = leader;
  const losses: Record<string, number> = {};
  for (const [name, result] of results) {
    const source = participants.sourceOf(name);
    if (source === undefined) continue;
    losses[name] = result.aloneLossNats ?? (await lossOf(leader, source, {
      ...(judgesByOwnRows(variant, settings)
        ? tensorsOf(result.tensors)
        : placeResult(variant, shared, result)),
      ...localOf(leader, held[name]),
    })).lossNats;
  }
  return losses;
}

/** The tables that a source keeps; undefined for one that has none. */
export function localOf({ held }: Pick<Trainer, "held">, digest: string | null | undefined) {
  return digest ? held.read(digest).local?.read() : undefined;
}

/**
 * The loss of a source's validation text.
 * @param tensors All that the source is validated with: a shared table is whole, or cut, as its validation vocabulary is.
 */
export async function lossOf(
  { participants, programs, settings, signal }: Trainer,
  source: RunSource,
  tensors: Tensors,
): Promise<ValidationLoss> {
  await nextTick();
  signal.throwIfAborted();
  const { name, validation } = withText(source);
  const vocabulary = participants.validationVocabulary(name);
  const program = await programs.get(vocabulary.size);
  await writeTensors(program, tensors);
  return await validationLoss(program, {
    source: name,
    shards: validation,
    maxWindows: settings.validationWindows,
    batchSize: settings.microBatchSize,
    seqLen: settings.model.seqLen,
    vocabulary,
  });
}
