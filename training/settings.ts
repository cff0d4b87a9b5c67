/**
 * Settings of pre-training, as recipes write them.
 */
import type { ModelShape } from "./programs.ts";

/** The optimizer of local training, as recipes write it. */
export interface InnerOptimizer {
  readonly peakLearningRate: number;
  readonly warmupSteps: number;
  readonly finalFactor: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  readonly clipNorm: number;
}

export interface PretrainSettings {
  readonly model: ModelShape;
  readonly rounds: number;
  readonly localSteps: number;
  readonly sourcesPerRound: number;
  readonly batchSize: number;
  readonly microBatchSize: number;
  readonly inner: InnerOptimizer;
  /** Whether a source's Adam state outlives a round. A mixture's always does: it has no rounds of its own. */
  readonly adamState: "reset" | "keep";
  readonly validationWindows: number;
  readonly checkpointEverySteps: number;
}
