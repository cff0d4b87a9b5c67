/**
 * Settings of training as recipes write them: their types, limits and meanings. Defaults are in `pipeline/recipes/base.yaml`.
 *
 * A bundle of code that trains holds none of this: it imports types alone.
 */
import { z } from "zod";
import type { ModelConfig } from "../model/mod.ts";

/** Most of anything that a recipe counts: more than any text has documents, and no loop over so many steps would end. */
export const maxCount = 1e12;
/** Ten times the deepest transformer that was published (DeepNet, 1,000 layers). */
const maxLayers = 10_000;
/** A matrix of this width squared has 4 TB. */
const maxWidth = 2 ** 20;
/** Sixteen times the longest contexts in use. */
const maxSeqLen = 2 ** 24;
/** Special tokens of the longest form of an example, a context, a question and an option, and as many of its text. */
const minExampleTokens = 8;
const maxExpansion = 1024;

export const count = z.int().positive().max(maxCount);
const fraction = z.number().min(0).max(1);
/** Of a moving mean. At 1 it would never see a value, and a mean that is corrected for its start would divide by 0. */
const decay = z.number().min(0).lt(1);

/** A model without its vocabulary, whose size is the tokenizer's. */
export type ModelShape = Omit<ModelConfig, "vocabSize">;

export const modelSchema = z.strictObject({
  nLayers: count.max(maxLayers).describe("Blocks, L."),
  dModel: count.max(maxWidth).describe(
    "Width of the residual stream, C. A multiple of `nHeads`.",
  ),
  nHeads: count.describe("Attention heads of a block, H."),
  expansion: count.max(maxExpansion).describe("Width inside the MLP as a multiple of `dModel`."),
  // A sequence of one token predicts nothing.
  seqLen: count.min(2).max(maxSeqLen).describe("Length of a training sequence in tokens, T."),
  positions: z.enum(["alibi", "learned", "rotary"]).describe(
    "How the model sees positions: by biases of attention, by a table of embeddings, or by turning queries and keys.",
  ),
  rotaryFraction: fraction.gt(0).describe(
    "Share of a head's channels that `rotary` turns: an even number of channels.",
  ),
  rotaryBase: z.number().gt(1).describe(
    "The slowest angles of `rotary` are about 1/base a position.",
  ),
  parallelResidual: z.boolean().describe(
    "Whether the MLP of a block reads what its attention reads, as in GPT-NeoX, or what attention has added to.",
  ),
  tiedEmbeddings: z.boolean().describe(
    "Whether the head multiplies with the table of token embeddings, or has one of its own (the parameter " +
      "`embedding.output.weight`, shared and cut as that table is).",
  ),
  gelu: z.enum(["exact", "tanh"]).describe("GELU, or its approximation by a tanh, as in GPT-2."),
  layerNormEps: z.number().positive().describe("Added to the variance in a norm, ε."),
  bias: z.boolean().describe("Whether linear layers and norms have biases."),
}) satisfies z.ZodType<ModelShape>;

const optimizerSchema = z.strictObject({
  peakLearningRate: z.number().positive().describe("Highest learning rate, η_max."),
  schedule: z.enum(["cosine", "linear", "constant", "wsd"]).describe(
    "The rate after the warm-up: a cosine, a line, the peak to the end, or the peak and then a line down (`wsd`).",
  ),
  warmupSteps: z.int().nonnegative().describe("Steps in which the rate rises from 0 to its peak."),
  finalFactor: fraction.describe("The rate ends at this share of the peak, α."),
  decayFraction: fraction.describe("The share of all steps that the way down of `wsd` takes."),
  beta1: decay.describe("Decay of the first moment, β₁."),
  beta2: decay.describe("Decay of the second moment, β₂."),
  epsilon: z.number().positive().describe("Added to the root of the second moment, ε."),
  weightDecay: z.number().nonnegative().describe(
    "Decoupled weight decay, which the rate multiplies.",
  ),
  clipNorm: z.number().positive()
    .describe("Gradients whose norm is larger are scaled down to this norm."),
});

/** The optimizer of local training. */
export type InnerOptimizer = z.infer<typeof optimizerSchema>;

const guardPolicy = z.enum(["stop", "skip", "lower"]);
export type GuardPolicy = z.infer<typeof guardPolicy>;

const guardSchema = z.strictObject({
  nonFinite: guardPolicy.describe(
    "At a loss or a gradient that is not finite: `stop` the run, `skip` the step, or skip it and `lower` the rate.",
  ),
  spikeNats: z.number().positive().nullable().describe(
    "A loss is a spike if it lies this many nats above the mean of the last `spikeWindow` steps; null looks for none.",
  ),
  spike: guardPolicy.describe("At a spike: as for `nonFinite`."),
  spikeWindow: count.describe(
    "Steps whose losses are averaged, those of skipped steps too.",
  ),
  lowerFactor: fraction.describe(
    "`lower` multiplies the rate by this for the rest of the local training, each time.",
  ),
  attempts: z.int().nonnegative()
    .describe("Steps that one local training may skip; one more stops the run."),
}).describe("What happens at a single step that goes wrong.");
export type GuardSettings = z.infer<typeof guardSchema>;

const monitorsSchema = z.strictObject({
  everySteps: count.nullable().describe("Steps from one look to the next; null never looks."),
}).describe("Records activations, and norms of parameters, gradients and updates by layer.");
export type MonitorSettings = z.infer<typeof monitorsSchema>;

const microBatchSize = z.union([count, z.literal("auto")]).describe(
  "Sequences that are computed at once; it divides `batchSize`. `auto` takes what stays in a processor's second cache, or fills " +
    "4 GB of a GPU: from shapes and threads, so every machine has the same.",
);
export type MicroBatchSize = z.infer<typeof microBatchSize>;

const checkpointEverySteps = z.union([count, z.literal("auto")]).describe(
  "Steps between checkpoints; `auto` writes them as often as they take less than 2 % of the time. No result depends on it.",
);
/** Steps from one checkpoint to the next, or as often as they cost little of the time. */
export type CheckpointEvery = z.infer<typeof checkpointEverySteps>;

const activationGrowth = z.number().positive().describe(
  "Warning `activation-growth`: the largest norm after a block is this many times the first one (needs `monitors`).",
);

const epochs = z.number().positive().describe(
  "Warning `epochs`: the run reads a source's windows more often than this.",
);

const outerSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("average").describe("The mean of the sources' results.") }),
  z.strictObject({
    kind: z.literal("nesterov").describe("SGD with Nesterov momentum on the mean difference."),
    learningRate: z.number().positive().describe("η of the outer step."),
    momentum: decay.describe("μ of the outer step."),
  }),
  z.strictObject({
    kind: z.literal("fedadam").describe("Adam on the mean difference."),
    learningRate: z.number().positive().describe("η of the outer step."),
    beta1: decay.describe("Decay of the first moment, β₁."),
    beta2: decay.describe("Decay of the second moment, β₂."),
    epsilon: z.number().positive()
      .describe("τ: added to the root of the second moment, which begins with its square."),
  }),
]).describe("Makes the next shared parameters from a round's results.");
export type OuterSettings = z.infer<typeof outerSchema>;

export const pretrainSchema = z.strictObject({
  rounds: z.int().nonnegative().max(maxCount).describe(
    "Rounds, T. A variant takes `rounds` × `localSteps` sequential steps; `none` takes none, `-steps` |S_t| times as many. 0 is for " +
      "a run that goes on from another model (`from`): sources that join train their tables, and nothing else changes.",
  ),
  localSteps: count.describe("Steps of local training in a round, N_local."),
  sourcesPerRound: count.describe("Sources that are drawn for a round, |S_t|."),
  sourceSampling: z.union([
    z.enum(["uniform", "cycle"]),
    z.strictObject({
      kind: z.literal("temperature").describe("In proportion to n^τ for n training windows."),
      tau: fraction.describe("τ: 0 draws all alike, 1 by their size."),
    }),
    z.strictObject({
      kind: z.literal("unimax").describe("As even as `epochs` allow (arXiv 2304.09151)."),
      epochs: z.number().positive().describe("Most epochs of a source."),
    }),
  ]).describe(
    "How a round's sources are drawn: `uniform`, each time among all alike; `cycle`, all of them in a shuffled order before any " +
      "comes again; or by weights.",
  ),
  windowOrder: z.enum(["shuffled", "written"]).describe(
    "The order in which a source's text is read: drawn for each epoch, or `written`, as it stands, for sources that change with time.",
  ),
  batchSize: count.describe(
    "Sequences of a step, from one source (DEPT) or from the mixture (STD).",
  ),
  microBatchSize,
  inner: optimizerSchema.describe("The optimizer of local training."),
  outer: outerSchema,
  adamState: z.enum(["reset", "keep", "average"]).describe(
    "Adam's moments and step count after a round: forgotten, kept by each source, or averaged and sent along like the weights. " +
      "A mixture always keeps them: it has no rounds of its own.",
  ),
  nonFinite: z.enum(["stop", "skip"]).describe(
    "A source whose training or weights are not finite stops the run, or is left out of its round.",
  ),
  guard: guardSchema,
  monitors: monitorsSchema,
  warnings: z.strictObject({
    activationGrowth,
    epochs,
    unknownShare: fraction.describe(
      "Warning `vocabulary-coverage`: this share of a source's validation tokens is outside its vocabulary.",
    ),
  }).describe("Thresholds of named warnings."),
  forgetting: z.enum(["same", "new"]).describe(
    "The tables that a variant which forgets its embeddings begins again with: the same ones at each reset, or new ones.",
  ),
  joining: z.strictObject({
    steps: z.int().nonnegative().max(maxCount).describe(
      "Steps in which a source that joins trains its own table alone, before the first round; 0 lets it join at once.",
    ),
    peakLearningRate: z.number().positive().nullable().describe(
      "Highest rate of these steps; null takes `inner.peakLearningRate`. The schedule is that of `inner` over these steps.",
    ),
  }).describe("Sources that the model of `from` did not have (docs/training.md)."),
  validationWindows: count.describe(
    "Windows of each source's validation text that choose the `best` checkpoint.",
  ),
  validationRows: z.enum(["all", "own"]).describe(
    "Rows that a source is validated over where a table is shared and cut (`trim`): `all` pieces, or its `own`, which a silo can do " +
      "without the rows of others.",
  ),
  validateAllEvery: count.describe(
    "Rounds from one validation of all sources to the next; the last round has one too. `best` is one of these rounds. In " +
      "the others only sources that took part are validated.",
  ),
  checkpointEverySteps,
});

export type PretrainSettings =
  & Omit<z.infer<typeof pretrainSchema>, "microBatchSize" | "joining" | "validationRows">
  & {
    readonly model: ModelShape;
    readonly microBatchSize: number;
    /** Present where it changes what is computed. Default: `all`. */
    readonly validationRows?: z.infer<typeof pretrainSchema>["validationRows"];
    /** Present where training goes on from another model, with sources that it may not have had. */
    readonly joining?: z.infer<typeof pretrainSchema>["joining"];
    /** Share of each source's windows that is kept for continuation; 0 keeps none. */
    readonly continuationShare: number;
  };
/** Thresholds above which a run warns. */
export type WarningThresholds = PretrainSettings["warnings"];

export const tuneSchema = z.strictObject({
  choose: z.enum(["highest", "best"]).describe(
    "`highest`: the paper's search, down from the peak rate to the highest whose run survives. `best`: a run for each of `factors`, " +
      "of which the one with the lowest validation loss counts.",
  ),
  factors: z.array(z.number().positive()).min(2).describe(
    "With `choose: best`, the rates that are tried, as multiples of the peak rate.",
  ),
  gridStep: z.number().positive().describe(
    "With `choose: highest`, the difference between one rate and the next lower one.",
  ),
  attempts: count.describe("With `choose: highest`, rates that are tried at most."),
  spikeNats: z.number().positive().describe(
    "A run has diverged if its loss is not finite, if its last validation loss lies this far above its lowest one, or if the " +
      "lowest one lies this far above a uniform guess.",
  ),
});
export type TuneSettings = z.infer<typeof tuneSchema>;

export const continuationSchema = z.strictObject({
  steps: count.describe("Steps of continued training, N_CT."),
  share: fraction.lt(1).describe(
    "The share of each source's windows that only continuation reads: the last of the source's order. 0: it reads all of them " +
      "again, from the beginning.",
  ),
  sampling: z.enum(["uniform", "proportional"])
    .describe("How sources are mixed: in equal parts, or by their sizes."),
  batchSize: count.describe("Sequences of a step."),
  microBatchSize,
  inner: optimizerSchema.describe("The optimizer."),
  pretrainedRateFactor: z.number().positive().describe(
    "From pre-trained embeddings the peak rate is this share of `inner.peakLearningRate`.",
  ),
  guard: guardSchema,
  monitors: monitorsSchema,
  warnings: z.strictObject({
    activationGrowth,
    epochs,
    weakGainNats: z.number().nonnegative().describe(
      "Warning `weak-continuation`: the mean loss at the end is less than this below a uniform guess, ln |V|.",
    ),
  }).describe("Thresholds of named warnings."),
  validation: z.strictObject({
    everySteps: count.nullable().describe("Steps from one look to the next; null never looks."),
    windows: count.describe("Windows of each source's validation text."),
  }).describe("Losses on validation text along the run; `evaluate` measures the end in any case."),
  checkpointEverySteps,
});

/** The embeddings that continued training starts from. */
export type ContinuationStart = "random" | "pretrained" | "stitched";

export type ContinuationSettings =
  & Omit<z.infer<typeof continuationSchema>, "microBatchSize" | "validation">
  & {
    readonly variant: string;
    readonly start: ContinuationStart;
    readonly model: ModelShape;
    readonly microBatchSize: number;
    /** Losses on the sources' own validation text along the run; none when absent. */
    readonly validation?: { readonly everySteps: number; readonly windows: number };
  };

export const fineTuneSchema = z.strictObject({
  epochs: count.describe(
    "Passes over the training examples. The best one on the dev examples counts.",
  ),
  batchSize: count.describe("Examples of a step."),
  seqLen: count.min(minExampleTokens).max(maxSeqLen).describe(
    "Longest example in tokens; longer ones are cut.",
  ),
  inner: optimizerSchema
    .omit({ schedule: true, warmupSteps: true, finalFactor: true, decayFraction: true })
    .describe("The optimizer. Its rate rises and then falls to 0, both along a line."),
  warmupFraction: fraction.describe("The share of all steps in which the rate rises."),
  languageModelWeight: z.number().nonnegative()
    .describe("Weight of the auxiliary language-model loss (Radford et al. 2018, eq. 5)."),
  headBias: z.boolean().describe(
    "Whether the head adds a bias to each score. Without one, a model of a standard class of Python's transformers keeps that class " +
      "with its head (docs/export.md).",
  ),
  dropout: decay.describe(
    "Share of embedded tokens, attention weights, additions to the residual stream and inputs of the head that a training step " +
      "sets to 0, at random. 0 turns it off.",
  ),
});
export type FineTuneSettings = z.infer<typeof fineTuneSchema> & {
  /** For messages and seeds. */
  readonly task: string;
};
