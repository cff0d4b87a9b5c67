/**
 * AdamW over typed arrays on the host: loops that run at memory speed, where the same update as graph operators would
 * read and write every tensor a dozen times. Other threads run the text of these functions (`HostUpdate`), so
 * they call no other function of this module.
 */
import type { AdamWStep } from "../adamw_step.ts";

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

/** Takes a step in place, for elements `from` to `to`. */
export type ApplyAdamW = (
  tensor: AdamWTensor,
  step: AdamWStep,
  from: number,
  to: number,
) => void;

/**
 * The loop of `assembly/adamw.ts`, in single precision. Elements are copied into a block of its own and back.
 *
 * @param blockSize elements of each array in the block; a multiple of 4096, as memory comes in pages
 */
export function adamWOf(code: Uint8Array<ArrayBuffer>, blockSize: number): ApplyAdamW {
  const memory = new WebAssembly.Memory({ initial: 16 * blockSize / 65_536 });
  const instance = new WebAssembly.Instance(new WebAssembly.Module(code), { env: { memory } });
  const run = instance.exports.step as (...numbers: readonly number[]) => void;
  const places = [0, 1, 2, 3].map((array) => 4 * blockSize * array);
  const [value, gradient, m, v] = places.map((place) =>
    new Float32Array(memory.buffer, place, blockSize)
  );
  return (tensor, { beta1, beta2, ...step }, from, to) => {
    for (let at = from; at < to; at += blockSize) {
      const end = Math.min(at + blockSize, to);
      value.set(tensor.value.subarray(at, end));
      gradient.set(tensor.gradient.subarray(at, end));
      m.set(tensor.m.subarray(at, end));
      v.set(tensor.v.subarray(at, end));
      run(
        ...places,
        4 * (end - at),
        step.gradientScale,
        beta1,
        1 - beta1,
        beta2,
        1 - beta2,
        step.stepSize,
        step.rootScale,
        step.epsilon,
        step.keep,
      );
      tensor.value.set(value.subarray(0, end - at), at);
      tensor.m.set(m.subarray(0, end - at), at);
      tensor.v.set(v.subarray(0, end - at), at);
    }
  };
}
