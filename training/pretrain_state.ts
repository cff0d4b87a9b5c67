/**
 * All that pre-training has in hand at any instant, and the models that it ends with.
 */
import type { RecentNorms } from "./answer_checks.ts";
import type { Checkpoint, Group, JsonObject, StoredTensors, Tensors } from "./checkpoint.ts";
import type { Leader } from "./local_work.ts";
import type { OptimizerTensors } from "./optimizer_state.ts";
import type { RunState } from "./run.ts";
import type { PretrainSettings } from "./settings.ts";
import { initialShared, type RunSource, type SeedOf } from "./source.ts";
import { knownSources, type Start } from "./starting_model.ts";
import type { StepRecord } from "./trainer.ts";
import { trainsBySource, type Variant } from "./variant.ts";
import type { Exposure } from "./windows.ts";

/**
 * The state of a run; plain data and tensors, see `Run`. In memory is what the next participant needs, whoever it is; what belongs to one
 * participant, or to a round that has passed, lies in files: memory does not grow with the number of sources.
 */
export type PretrainState = RunState & {
  /** The round under way, from 1, or 0 where sources join; rounds + 1 when all is done. */
  round: number;
  /** How many of its participants have finished. */
  finished: number;
  /** Steps of the participant under training; absent between two. */
  record?: StepRecord;
  /** Shared parameters at the beginning of the round. */
  shared: Tensors;
  /** What finished participants made, by name: the shared part, and Adam's state where that is averaged. */
  results: Record<string, StoredResult>;
  /** What the outer optimizer keeps. */
  outer: Tensors;
  /** Adam's state of the shared parameters, where it is averaged; absent in the first round. */
  averaged?: OptimizerTensors;
  /** Sources that train their tables in round 0; absent where there is none. */
  readonly joining?: readonly string[];
  /** What each participant holds, by digest: `HeldStore`. */
  held: Record<string, string>;
  /** Digests of the answers of other processes that the round has, by participant. */
  accepted: Record<string, string>;
  /** Why participants of the round are left out of it, by name. */
  leftOut: Record<string, string>;
  /** How far answers lay from what was sent, where the leader has measured it. */
  norms: RecentNorms;
  /** What each participant has read. */
  read: Record<string, readonly Exposure[]>;
  best?: BestRound;
};

export type StoredResult = {
  readonly tensors: StoredTensors;
  readonly optimizer?: OptimizerTensors<StoredTensors>;
  /** As a participant says whose text is not here. */
  readonly aloneLossNats?: number;
  /** As that of an outcome. */
  readonly sharedNorm?: number;
};

/** The best round so far, by mean validation loss. */
type BestRound = {
  readonly round: number;
  readonly lossNats: number;
  readonly shared: StoredTensors;
  readonly held: Readonly<Record<string, string>>;
};

/** The digests of all states of participants that a run may go back to. */
export function heldDigests({ held, best }: Pick<PretrainState, "held" | "best">): Set<string> {
  return new Set([...Object.values(held), ...Object.values(best?.held ?? {})]);
}

/** What decides how a model looks: the variant, its network, and the sources' vocabularies. */
interface ModelBasis {
  readonly variant: Variant;
  readonly settings: PretrainSettings;
  readonly sources: readonly RunSource[];
  readonly seed: SeedOf;
}

/** The state that training begins with. Source: Algorithm 1, its first line: all parameters are drawn at random. */
export function firstState(
  { variant, settings, sources, seed }: ModelBasis,
): PretrainState {
  return {
    ...nothingDone(),
    shared: initialShared(variant, settings.model, sources[0].train.vocabSize, seed),
    held: {},
    read: {},
  };
}

/** The state of training that goes on from a model. */
export function stateFrom(
  { shared, locals, positions, joined }: Start,
  { variant, settings, seed, participants, held }:
    & Pick<ModelBasis, "variant" | "settings" | "seed">
    & Pick<Leader, "participants" | "held">,
): PretrainState {
  const names = [...new Set([...Object.keys(locals), ...Object.keys(positions)])].sort();
  const read = (name: string) => {
    const windows = participants.windowsOf(name, seed);
    windows.seek(positions[name]);
    return windows.exposure;
  };
  const isJoining = joined.length > 0 && trainsBySource(variant) && settings.joining!.steps > 0;
  return {
    ...nothingDone(),
    ...(isJoining ? { round: 0, joining: joined } : {}),
    shared,
    held: Object.fromEntries(
      names.map((name) => [name, held.put({ local: locals[name], position: positions[name] })]),
    ),
    read: Object.fromEntries(Object.keys(positions).map((name) => [name, read(name)])),
  };
}

/** What a state has where nothing is done yet. */
function nothingDone() {
  return { round: 1, finished: 0, results: {}, outer: {}, accepted: {}, leftOut: {}, norms: [] };
}

/** A model for other stages. Tables that sources keep, and those of a round that has passed, are read when it is written. */
export type FinishedModel = Checkpoint<JsonObject, Group>;

/**
 * A model of what is shared, and what each source keeps.
 * @param heldLast What sources hold at the end of the run: their text goes on there.
 */
export function finishedModel(
  basis: ModelBasis & Pick<Leader, "participants" | "held">,
  { round, shared, held }: Pick<BestRound, "round" | "held"> & { readonly shared: Group },
  heldLast = held,
): FinishedModel {
  const { variant, settings, sources, held: store } = basis;
  const locals = Object.entries(held).flatMap(([source, digest]) => {
    const { local } = store.read(digest);
    return local === undefined ? [] : [[`local-${source}`, local] as const];
  });
  const positions = Object.entries(heldLast).flatMap(([name, digest]) => {
    const { position } = store.read(digest);
    return position === undefined ? [] : [[name, position] as const];
  });
  return {
    groups: { model: shared, ...Object.fromEntries(locals) },
    state: {
      variant: variant.id,
      vocabulary: variant.vocabulary,
      // Where embeddings are the sources' own, each table's rows say its vocabulary.
      model: variant.sharesEmbeddings
        ? { ...settings.model, vocabSize: sources[0].train.vocabSize }
        : { ...settings.model },
      round,
      step: round * settings.localSteps,
      sources: knownSources(basis, Object.fromEntries(positions)),
    },
  };
}
