/**
 * How gradients of sources look around a point: how fast they change, how much batches of a source differ, how much sources do. These are
 * the constants of bounds for local training (`local_sgd_bound.ts`).
 */

/** Gradient of the mean loss of a source's batch, at parameters that lie in one array. */
export type BatchGradient = (
  source: number,
  batch: number,
  at: Float32Array,
) => Promise<{ readonly gradient: Float32Array; readonly loss: number }>;

export type GradientConstants = {
  /**
   * L, from below: the largest ‖∇f_i(x + εu) − ∇f_i(x)‖/ε of any source, over directions u that power iteration turns to where gradients
   * change fastest. No other point or direction is looked at.
   */
  readonly smoothness: number;
  /** σ²: of a batch's gradient around its source's, unbiased, mean over sources. */
  readonly variance: number;
  /** κ²: of sources' gradients around their mean, less what the noise of their estimates adds; at least 0. */
  readonly drift: number;
  /** ‖∇f‖², less what noise adds; at least 0. */
  readonly gradientSquare: number;
  /** Mean loss, nats a token. */
  readonly lossNats: number;
};

export interface GradientSample {
  readonly sources: number;
  /** Batches of each source: at least 2. */
  readonly batches: number;
  /** Steps of power iteration. */
  readonly smoothnessSteps: number;
}

/** The step of finite differences, as a share of the norm of the parameters. */
const stepShare = 1e-3;

/** Measures all of them at a point. Sums are in double, in the order of sources and batches. */
export async function gradientConstants(
  gradientOf: BatchGradient,
  at: Float32Array,
  { sources, batches, smoothnessSteps }: GradientSample,
): Promise<GradientConstants> {
  const all = new Float64Array(at.length);
  let [variance, squares, loss, smoothness] = [0, 0, 0, 0];
  for (let source = 0; source < sources; source++) {
    const mean = new Float64Array(at.length);
    let batchSquares = 0;
    for (let batch = 0; batch < batches; batch++) {
      const found = await gradientOf(source, batch, at);
      batchSquares += square(found.gradient);
      loss += found.loss / batches / sources;
      found.gradient.forEach((value, i) => mean[i] += value / batches);
    }
    variance += (batchSquares - batches * square(mean)) / (batches - 1) / sources;
    squares += square(mean) / sources;
    mean.forEach((value, i) => all[i] += value / sources);
    const own = await smoothnessAt(
      async (at) => (await gradientOf(source, 0, at)).gradient,
      at,
      mean,
      smoothnessSteps,
    );
    smoothness = Math.max(smoothness, own);
  }
  // The mean of a source's batches has the noise σ²/batches; of it the mean of all sources keeps 1/sources.
  const noise = variance / batches;
  return {
    smoothness,
    variance: Math.max(0, variance),
    drift: Math.max(0, squares - square(all) - noise * (1 - 1 / sources)),
    gradientSquare: Math.max(0, square(all) - noise / sources),
    lossNats: loss,
  };
}

/** @param first The direction that is tried first. */
async function smoothnessAt(
  gradient: (at: Float32Array) => Promise<Float32Array>,
  at: Float32Array,
  first: Float64Array,
  steps: number,
): Promise<number> {
  const length = stepShare * Math.sqrt(square(at));
  const here = (await gradient(at)).slice();
  let direction: ArrayLike<number> = first;
  let largest = 0;
  for (let step = 0; step < steps; step++) {
    const norm = Math.sqrt(square(direction));
    if (norm === 0) break; // nothing changes that way
    const turned = direction;
    const there = await gradient(at.map((value, i) => value + length * turned[i] / norm));
    const change = Float64Array.from(there, (value, i) => value - here[i]);
    largest = Math.max(largest, Math.sqrt(square(change)) / length);
    direction = change;
  }
  return largest;
}

function square(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] * values[i];
  return sum;
}
