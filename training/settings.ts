/**
 * Settings of pre-training, as recipes write them.
 */
import type { OuterSettings } from "./outer_optimizer.ts";
import type { CheckpointEvery } from "./checkpoint_pace.ts";
import type { GuardSettings } from "./guard.ts";
import type { ModelShape } from "./programs.ts";
import type { ScheduleKind } from "./schedule.ts";

/** The optimizer of local training, as recipes write it. */
export interface InnerOptimizer {
  readonly peakLearningRate: number;
  /** What follows the warm-up; default cosine. */
  readonly schedule?: ScheduleKind;
  readonly warmupSteps: number;
  readonly finalFactor: number;
  /** Of `wsd`: the share of all steps that the way down takes. */
  readonly decayFraction?: number;
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
  /** What makes the next shared parameters of a round's results. */
  readonly outer: OuterSettings;
  /**
   * What becomes of Adam's moments and step count after a round: forgotten, kept by each source, or averaged like the
   * weights and sent along. A mixture's always stay: it has no rounds of its own.
   */
  readonly adamState: "reset" | "keep" | "average";
  /** Whether a source whose training or weights are not finite stops the run or is left out of its round. */
  readonly nonFinite: "stop" | "skip";
  /** Whether a variant that forgets its embeddings draws the same tables at each reset, or new ones. */
  readonly forgetting: "same" | "new";
  /** What is done about a step that goes wrong; absent: a loss that is not finite stops the run. */
  readonly guard?: GuardSettings;
  readonly monitors?: MonitorSettings;
  readonly warnings?: WarningThresholds;
  readonly validationWindows: number;
  readonly checkpointEverySteps: CheckpointEvery;
}

export interface MonitorSettings {
  /** Steps from one look at activations, parameters, gradients and updates to the next; null: none. */
  readonly everySteps: number | null;
}

/** Where a run is worth a word of warning. */
export interface WarningThresholds {
  /** A block's activations are so many times what they were when first looked at. */
  readonly activationGrowth: number;
  /** So large a share of a source's validation tokens is outside its vocabulary. */
  readonly unknownShare: number;
}
