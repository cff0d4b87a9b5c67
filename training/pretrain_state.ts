/**
 * All that pre-training has in hand at any instant, and the models that it ends with.
 */
import type { Json } from "../base/mod.ts";
import type { Checkpoint, Tensors } from "./checkpoint.ts";
import type { MetricsRow } from "./metrics_files.ts";
import type { OptimizerTensors } from "./optimizer_state.ts";
import type { RunState } from "./run.ts";
import type { PretrainSettings } from "./settings.ts";
import { initialShared, type SeedOf, type TrainingSource } from "./source.ts";
import type { StepRecord } from "./trainer.ts";
import type { Variant } from "./variant.ts";

/** The state of a run; plain data and tensors, see `Run`. */
export type PretrainState = RunState & {
  /** The round under way, from 1; rounds + 1 when all is done. */
  round: number;
  /** How many of its participants have finished. */
  finished: number;
  /** Steps of the participant under training; absent between two. */
  record?: StepRecord;
  /** Shared parameters at the beginning of the round. */
  shared: Tensors;
  /** What finished participants made, by name: the shared part, and Adam's state where that is averaged. */
  results: Record<string, { readonly tensors: Tensors; readonly optimizer?: OptimizerTensors }>;
  /** What the outer optimizer keeps. */
  outer: Tensors;
  /** Adam's state of the shared parameters, where it is averaged; absent in the first round. */
  averaged?: OptimizerTensors;
  /** What each source keeps: its `embedding.*`. */
  locals: Record<string, Tensors>;
  /** Adam's state of each participant, where it outlives a round. */
  optimizers: Record<string, OptimizerTensors>;
  /** Where each participant's windows go on. */
  positions: Record<string, Json>;
  metrics: MetricsRow[];
  best?: BestRound;
};

/** The best round so far, by mean validation loss. */
type BestRound = {
  readonly round: number;
  readonly lossNats: number;
  readonly shared: Tensors;
  readonly locals: Readonly<Record<string, Tensors>>;
};

/** What decides how a model looks: the variant, its network, and the sources' vocabularies. */
interface ModelBasis {
  readonly variant: Variant;
  readonly settings: PretrainSettings;
  readonly sources: readonly TrainingSource[];
}

/** The state that training begins with. Source: Algorithm 1, its first line: all parameters are drawn at random. */
export function firstState(
  { variant, settings, sources, seed }: ModelBasis & { readonly seed: SeedOf },
): PretrainState {
  return {
    round: 1,
    finished: 0,
    shared: initialShared(variant, settings.model, sources[0].train.vocabSize, seed),
    results: {},
    outer: {},
    locals: {},
    optimizers: {},
    positions: {},
    metrics: [],
  };
}

/** A model for other stages: what is shared, and what each source keeps. */
export function finishedModel(
  { variant, settings, sources }: ModelBasis,
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
