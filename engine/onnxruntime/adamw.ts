/**
 * AdamW over typed arrays on the host: plain loops, which run at memory speed where the same update as graph operators
 * would read and write every tensor a dozen times. Their text is also what further threads run (`HostUpdate`), so these
 * functions call nothing.
 *
 * Source: Loshchilov and Hutter 2019, algorithm 2, with the learning rate as the factor of the decay too (the decay of
 * algorithm 2 is scaled by the schedule); Kingma and Ba 2015, algorithm 1, for the bias correction.
 */
import type { AdamWOptions } from "../engine.ts";

/** Sum of the squares of elements `from` to `to`, in float64: every fourth element on its own, then the four. */
export function sumOfSquares(values: Float32Array, from: number, to: number): number {
  // One sum alone would wait for each addition before the next.
  let a = 0, b = 0, c = 0, d = 0;
  let i = from;
  for (; i + 3 < to; i += 4) {
    a += values[i] * values[i];
    b += values[i + 1] * values[i + 1];
    c += values[i + 2] * values[i + 2];
    d += values[i + 3] * values[i + 3];
  }
  for (; i < to; i++) a += values[i] * values[i];
  return a + b + c + d;
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

/** What a step is for one tensor: θ ← keep·θ − stepSize·m / (√v·rootScale + ε). */
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

/** Takes a step in place, for elements `from` to `to`. The mathematics is in double, only what is stored is rounded. */
export function applyAdamW(
  { value, gradient, m, v }: AdamWTensor,
  { beta1, beta2, epsilon, gradientScale, stepSize, rootScale, keep }: AdamWStep,
  from: number,
  to: number,
): void {
  for (let i = from; i < to; i++) {
    const g = gradient[i] * gradientScale;
    const first = beta1 * m[i] + (1 - beta1) * g;
    const second = beta2 * v[i] + (1 - beta2) * g * g;
    m[i] = first;
    v[i] = second;
    value[i] = keep * value[i] - (stepSize * first) / (Math.sqrt(second) * rootScale + epsilon);
  }
}
