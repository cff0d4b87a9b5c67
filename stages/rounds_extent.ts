/**
 * What the leader of rounds over an exchange knows of a run's extent.
 */
import { isAveraged, type PretrainSettings, type Variant } from "../training/mod.ts";

export interface RoundsExtent {
  /** Whether all participants of a round are sent the same shared parameters. */
  readonly sendsAlike: boolean;
  /** Whether Adam's state comes with a result. */
  readonly averagesAdam: boolean;
  /** Steps of a round, and tokens of a step. */
  readonly localSteps: number;
  readonly stepTokens: number;
  /** Steps of the whole run. */
  readonly totalSteps: number;
}

export function roundsExtent(
  variant: Variant,
  settings: PretrainSettings,
): RoundsExtent {
  const { cutsVocabulary, sharesEmbeddings } = variant;
  const { rounds, localSteps, sourcesPerRound, batchSize, model } = settings;
  return {
    averagesAdam: isAveraged(variant, settings),
    sendsAlike: !(cutsVocabulary && sharesEmbeddings), // rows of ϕ are cut where it is both shared and cut
    localSteps,
    stepTokens: batchSize * model.seqLen,
    totalSteps: rounds * localSteps * sourcesPerRound,
  };
}
