/**
 * What a recipe may say of training steps: the optimizer, what is done when a step goes wrong, what is looked at.
 */
import { z } from "zod";

const count = z.int().positive();
const fraction = z.number().min(0).max(1);

/** Sequences of a micro-batch, or the largest number that fits the machine: found once, and recorded. */
export const microBatchSchema = z.union([count, z.literal("auto")]);

/** Steps between checkpoints, or as often as they cost little of the time. */
export const checkpointSchema = z.union([count, z.literal("auto")]);

/** The optimizer of local training. */
export const optimizerSchema = z.strictObject({
  /** Peak of the schedule, η_max. */
  peakLearningRate: z.number().positive(),
  /** What follows the warm-up: a cosine, a line, nothing, or a plateau with a line down at the end. */
  schedule: z.enum(["cosine", "linear", "constant", "wsd"]),
  /** Steps of linear warm-up from 0. */
  warmupSteps: z.int().nonnegative(),
  /** The way down ends at this share of the peak, α. */
  finalFactor: fraction,
  /** Of `wsd`: the share of all steps that the way down takes. */
  decayFraction: fraction,
  beta1: fraction,
  beta2: fraction,
  epsilon: z.number().positive(),
  weightDecay: z.number().nonnegative(),
  clipNorm: z.number().positive(),
});

/** What is done about a step that goes wrong: the run stops, the step is left out, or that and the rate is lowered. */
const guardPolicy = z.enum(["stop", "skip", "lower"]);
export const guardSchema = z.strictObject({
  /** A loss or a gradient that is not finite. */
  nonFinite: guardPolicy,
  /** A loss this many nats above the mean of the last `spikeWindow` steps; null: not looked for. */
  spikeNats: z.number().positive().nullable(),
  spike: guardPolicy,
  spikeWindow: count,
  /** `lower` multiplies the rate of what is left of the local training with this. */
  lowerFactor: fraction,
  /** Steps that may be left out of one local training; one more stops it. */
  attempts: z.int().nonnegative(),
});

/** Activations, and norms of parameters, gradients and updates by layer, every so many steps; null: none. */
export const monitorsSchema = z.strictObject({ everySteps: count.nullable() });
