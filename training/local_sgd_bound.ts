/**
 * A bound for local SGD: how small the mean squared gradient is guaranteed to get, by the local steps of a round.
 *
 * It is a bound and no prediction: it holds for plain SGD at a constant rate with all sources in every round, for the worst functions that
 * have these constants. DEPT's local training is Adam with a schedule and clipping.
 *
 * Setting: f = (1/N) Σ f_i, each f_i L-smooth; gradients of batches are unbiased with variance σ², mean over sources;
 * (1/N) Σ ‖∇f_i − ∇f‖² ≤ κ² everywhere; I local steps a round, T steps in all, rate γ ≤ 1/(6LI). With x̄ the mean of the N models,
 *
 *     (1/T) Σ_t E‖∇f(x̄_t)‖² ≤ 2(f(x₀) − f*)/(γT) + γLσ²/N + 3γ²L²(I − 1)σ² + 9γ²L²(I − 1)²κ².
 *
 * Why: smoothness at x̄, with γL ≤ 1, gives the first two terms and L²·D, where D is the mean over steps and sources of E‖x̄ − x_i‖². Within
 * a round x̄ − x_i is γ times the sum of at most I − 1 differences of gradients: their noise gives 2γ²(I − 1)σ²; what is left, split
 * at ∇f_i(x̄) and ∇f(x̄), gives 2γ²(I − 1)²·(3κ² + 6L²D). As 12γ²L²I² ≤ 1/3, D ≤ 3γ²(I − 1)σ² + 9γ²(I − 1)²κ².
 *
 * Source: the form is that of Yu, Jin and Yang 2019 (ICML; arXiv 1905.03817), theorem 1 without momentum. Differs: the constants are those
 * of the lines above, with I − 1 in place of I, so that one local step drifts nowhere.
 */

export interface BoundConstants {
  /** L: how fast gradients change, per unit of distance between parameters. */
  readonly smoothness: number;
  /** σ²: squared distance of a batch's gradient from its source's, the mean of both. */
  readonly variance: number;
  /** κ²: squared distance of a source's gradient from that of all, the mean over sources. */
  readonly drift: number;
  /** f(x₀) − f*, nats; f* = 0 is below any loss. */
  readonly gap: number;
  /** N: who trains side by side. */
  readonly workers: number;
  /** I: local steps of a round. */
  readonly localSteps: number;
  /** T: steps of each worker in all. */
  readonly steps: number;
}

export interface LocalSgdBound {
  /** γ: the rate at which the bound is smallest. */
  readonly rate: number;
  /** The terms of the bound at that rate: of the start, of the noise that averaging lessens, of moving apart within a round. */
  readonly start: number;
  readonly noise: number;
  readonly apart: number;
  readonly total: number;
}

/** The bound at the best rate that it allows. @throws RangeError for a constant that is not finite, or below 0. */
export function localSgdBound(constants: BoundConstants): LocalSgdBound {
  for (const [name, value] of Object.entries(constants)) {
    const isRight = name === "variance" || name === "drift" ? value >= 0 : value > 0;
    if (isRight && Number.isFinite(value)) continue;
    throw new RangeError(
      `Cannot compute the bound of local SGD: expected a finite ${name} above 0, found ${value}`,
    );
  }
  const { smoothness, variance, drift, gap, workers, localSteps, steps } = constants;
  const apartSteps = localSteps - 1;
  // total(γ) = a/γ + bγ + cγ²
  const a = 2 * gap / steps;
  const b = smoothness * variance / workers;
  const c = smoothness ** 2 * (3 * apartSteps * variance + 9 * apartSteps ** 2 * drift);
  const rate = lowest(
    (rate) => -a / rate ** 2 + b + 2 * c * rate,
    1 / (6 * smoothness * localSteps),
  );
  const terms = { start: a / rate, noise: b * rate, apart: c * rate ** 2 };
  return { rate, ...terms, total: terms.start + terms.noise + terms.apart };
}

/** Where a slope that rises along (0, most] passes 0; `most` where it does not. */
function lowest(slope: (x: number) => number, most: number): number {
  if (slope(most) <= 0) return most;
  let [below, above] = [0, most];
  for (let halving = 0; halving < 100; halving++) {
    const middle = (below + above) / 2;
    if (slope(middle) < 0) below = middle;
    else above = middle;
  }
  return above;
}
