/**
 * What the stages of training read of a recipe, for tests that run them by hand on the reference engine.
 */
import type { Recipe } from "../../stages/recipe.ts";
import { stopping } from "./training_steps.ts";

const inner = {
  peakLearningRate: 0.01,
  schedule: "cosine",
  warmupSteps: 1,
  finalFactor: 0.1,
  decayFraction: 0,
  beta1: 0.9,
  beta2: 0.95,
  epsilon: 1e-8,
  weightDecay: 0,
  clipNorm: 1,
};
const monitors = { everySteps: null };

export const recipe = {
  name: "tiny",
  engine: { kind: "reference", threads: 1, precision: "fp32" },
  sources: { left: { train: "-", validation: "-" }, right: { train: "-", validation: "-" } },
  outOfDistribution: [],
  external: {},
  documents: { hub: null },
  vocabulary: { global: {}, own: {} },
  model: {
    nLayers: 1,
    dModel: 8,
    nHeads: 2,
    expansion: 2,
    seqLen: 12,
    positions: "learned",
    bias: true,
    tiedEmbeddings: true,
  },
  pretrain: {
    variants: ["std-t1", "act", "local-sgd", "isolated-right", "trim", "spec"],
    rounds: 2,
    localSteps: 2,
    sourcesPerRound: 2,
    sourceSampling: "uniform",
    batchSize: 2,
    microBatchSize: 2,
    inner,
    peakLearningRates: { "std-t1": 0.005 },
    outer: { kind: "average" },
    adamState: "reset",
    nonFinite: "stop",
    guard: stopping,
    monitors,
    warnings: { activationGrowth: 10, epochs: 4, unknownShare: 1 },
    forgetting: "same",
    validationWindows: 50,
    validateAllEvery: 1,
    checkpointEverySteps: 1,
  },
  tune: {
    ...{ variants: ["std-t1"], choose: "highest", factors: [1, 2] },
    ...{ gridStep: 0.001, attempts: 2, spikeNats: 5 },
  },
  continue: {
    starts: ["random", "pretrained"],
    steps: 3,
    share: 0.4,
    sampling: "proportional",
    batchSize: 2,
    microBatchSize: 2,
    inner,
    pretrainedRateFactor: 0.5,
    guard: stopping,
    monitors,
    warnings: { activationGrowth: 10, epochs: 4, weakGainNats: -Infinity },
    validation: { everySteps: null, windows: 2 },
    plasticity: { sources: ["right"], steps: 2, validateEverySteps: 1, validationWindows: 2 },
    checkpointEverySteps: 2,
  },
  evaluate: { batchSize: 3, bootstrapSamples: 20 },
  finetune: {
    tasks: {
      mood: { generator: "sentiment", options: {}, examples: { train: 6, dev: 4, test: 5 } },
    },
    runs: 2,
    epochs: 1,
    batchSize: 4,
    seqLen: 12,
    inner: { ...inner },
    warmupFraction: 0.1,
    languageModelWeight: 0.5,
    dropout: 0.1,
  },
} as unknown as Recipe;
