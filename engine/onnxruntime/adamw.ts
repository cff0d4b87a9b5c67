/**
 * AdamW over typed arrays on the host: one plain loop a tensor, which runs at memory speed where the same update as graph
 * operators would read and write every tensor a dozen times.
 *
 * Source: Loshchilov and Hutter 2019, algorithm 2, with the learning rate as the factor of the decay too (the decay of
 * algorithm 2 is scaled by the schedule); Kingma and Ba 2015, algorithm 1, for the bias correction.
 */
import type { AdamWOptions } from "../engine.ts";

/** Sum of squares in float64, in element order. */
export function sumOfSquares(values: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] * values[i];
  return sum;
}

/** Adds `addend` to `sum`, element by element, rounded to single. */
export function addInto(sum: Float32Array, addend: Float32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i] += addend[i];
}

export interface AdamWTensor {
  readonly value: Float32Array;
  readonly gradient: Float32Array;
  /** First and second moment. */
  readonly m: Float32Array;
  readonly v: Float32Array;
}

/**
 * One step in place. `gradientScale` is the clipping factor, `step` counts from 1.
 * The mathematics is in double, only what is stored is rounded to single.
 */
export function adamWStep(
  { value, gradient, m, v }: AdamWTensor,
  { beta1, beta2, epsilon, weightDecay }: AdamWOptions,
  learningRate: number,
  gradientScale: number,
  step: number,
): void {
  // Bias correction folded into two numbers: m̂ / (√v̂ + ε) = stepSize · m / (√v · rootScale + ε).
  const stepSize = learningRate / (1 - beta1 ** step);
  const rootScale = 1 / Math.sqrt(1 - beta2 ** step);
  const keep = 1 - learningRate * weightDecay;
  for (let i = 0; i < value.length; i++) {
    const g = gradient[i] * gradientScale;
    const first = beta1 * m[i] + (1 - beta1) * g;
    const second = beta2 * v[i] + (1 - beta2) * g * g;
    m[i] = first;
    v[i] = second;
    value[i] = keep * value[i] - (stepSize * first) / (Math.sqrt(second) * rootScale + epsilon);
  }
}
