/**
 * The numbers of a step of AdamW, for engines that compute it element by element in single precision.
 *
 * Source: Loshchilov and Hutter 2019, algorithm 2, with the learning rate as the factor of the decay too (the decay of
 * algorithm 2 is scaled by the schedule); Kingma and Ba 2015, algorithm 1, for the bias correction.
 */
import type { AdamWOptions } from "./engine.ts";

/** The numbers of a step for one tensor: θ ← keep·θ − stepSize·m / (√v·rootScale + ε). */
export interface AdamWStep {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** The clipping factor. */
  readonly gradientScale: number;
  readonly stepSize: number;
  readonly rootScale: number;
  readonly keep: number;
}

/** `step` counts from 1. The bias correction is folded into two numbers: m̂ / (√v̂ + ε). */
export function adamWStep(
  { beta1, beta2, epsilon, weightDecay }: AdamWOptions,
  learningRate: number,
  gradientScale: number,
  step: number,
): AdamWStep {
  return {
    beta1,
    beta2,
    epsilon,
    gradientScale,
    stepSize: learningRate / (1 - beta1 ** step),
    rootScale: 1 / Math.sqrt(1 - beta2 ** step),
    keep: 1 - learningRate * weightDecay,
  };
}
