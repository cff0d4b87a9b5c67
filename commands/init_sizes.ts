/**
 * Sizes that suit an amount of text and a machine: for `init`.
 */
import { countParameters, flopsPerToken, type ModelConfig } from "../model/mod.ts";

export interface Sizes {
  readonly vocabSize: number;
  readonly nLayers: number;
  readonly dModel: number;
  readonly nHeads: number;
  readonly seqLen: number;
  readonly rounds: number;
  readonly sourcesPerRound: number;
  readonly continuationSteps: number;
  readonly peakLearningRate: number;
}

/** What they follow from. */
export interface Means {
  /** Bytes of text of all sources together. */
  readonly textBytes: number;
  readonly sources: number;
  /** Models that are trained. */
  readonly rows: number;
  readonly cores: number;
  readonly minutes: number;
}

/** Models by width, with the peak rates that were used at their size; the small ones are those of shipped recipes. */
const models = [
  { nLayers: 2, dModel: 96, nHeads: 2, seqLen: 128, vocabSize: 1024, peakLearningRate: 4e-3 },
  { nLayers: 4, dModel: 128, nHeads: 4, seqLen: 128, vocabSize: 2048, peakLearningRate: 2e-3 },
  { nLayers: 4, dModel: 256, nHeads: 4, seqLen: 256, vocabSize: 8192, peakLearningRate: 1e-3 },
  { nLayers: 6, dModel: 384, nHeads: 6, seqLen: 256, vocabSize: 8192, peakLearningRate: 1e-3 },
  { nLayers: 12, dModel: 768, nHeads: 12, seqLen: 512, vocabSize: 32768, peakLearningRate: 6e-4 },
] as const;

/** Steps of a local round, sequences of a step. Short rounds with averaged moments were best at small sizes (docs/training.md). */
export const [localSteps, batchSize] = [10, 8];

/** Bytes of text a token, about, with vocabularies of some thousand pieces. */
const bytesPerToken = 3;
/** Operations a second and core: the forecast's figure for the engine `cpu`. */
const flopsPerSecond = 4e10;
/** As many passes over a text are nearly as good as new text (Muennighoff et al. 2023). */
const mostEpochs = 4;
/** Below this a larger model is worse than a smaller one that sees more text; a third of what Hoffmann et al. 2022 found best. */
const leastTokensPerParameter = 7;
const [leastRounds, continuationShare] = [4, 0.15];

/** The largest model that the text and the time are enough for, and as many rounds as they give. */
export function sizesFor({ textBytes, sources, rows, cores, minutes }: Means): Sizes {
  const available = mostEpochs * textBytes / bytesPerToken;
  const fitting = models.map((model) => {
    const config: ModelConfig = { ...model, expansion: 4, positions: "alibi", bias: false };
    const affordable = 60 * minutes * cores * flopsPerSecond /
      (flopsPerToken(config) * rows * (1 + continuationShare));
    const tokens = Math.min(available, affordable);
    const isEnough = tokens >= leastTokensPerParameter * countParameters(config).total;
    return { model, tokens, isEnough };
  });
  const { model, tokens } = fitting.findLast(({ isEnough }) => isEnough) ?? fitting[0];
  const { seqLen } = model;
  const sourcesPerRound = Math.ceil(sources / 2);
  const stepTokens = batchSize * seqLen;
  return {
    ...model,
    rounds: Math.max(leastRounds, Math.round(tokens / (stepTokens * localSteps * sourcesPerRound))),
    sourcesPerRound,
    continuationSteps: Math.max(20, Math.round(continuationShare * tokens / stepTokens)),
  };
}
