/**
 * Outer optimizers: from the mean difference of a round's results to the next shared parameters.
 */
import type { NamedTensor, Tensors } from "./checkpoint.ts";
import type { OuterSettings } from "./settings.ts";

/** The mean difference of one parameter; rows that no source has trained are passed over. */
export interface MeanDelta {
  /** Σ over sources of (local − shared). */
  readonly sums: Float64Array;
  /** Values that share a count: a row of ϕ, or all. */
  readonly width: number;
  /** How many sources trained each stretch of `width` values. */
  readonly counts: Int32Array;
}

/**
 * One outer step, in place of plain averaging with `outerOptimizers.average`.
 * @param state what this optimizer keeps of the parameter between rounds, by name; empty in the first
 */
type OuterOptimizer<Settings> = (
  before: NamedTensor,
  delta: MeanDelta,
  settings: Settings,
  state: Readonly<Record<string, NamedTensor>>,
) => { readonly after: NamedTensor; readonly state: Readonly<Record<string, NamedTensor>> };

type SettingsOf<Kind> = Extract<OuterSettings, { readonly kind: Kind }>;

const outerOptimizers: { readonly [K in OuterSettings["kind"]]: OuterOptimizer<SettingsOf<K>> } = {
  /** ϕ + mean Δ. Source: DEPT §3.1. */
  average: (before, delta) => ({
    after: moved(before, delta, (_i, value, mean) => value + mean),
    state: {},
  }),

  /** u ← μ·u + Δ; θ ← θ + η·(Δ + μ·u). Source: Douillard et al. 2024, §2 (DiLoCo); Sutskever et al. 2013 in PyTorch's form. */
  nesterov(before, delta, { learningRate, momentum }, state) {
    const buffer = copyOf(state.momentum, before, 0);
    const after = moved(before, delta, (i, value, mean) => {
      const u = momentum * buffer.data[i] + mean;
      buffer.data[i] = u;
      return value + learningRate * (mean + momentum * u);
    });
    return { after, state: { momentum: buffer } };
  },

  /** m ← β₁m + (1 − β₁)Δ; v ← β₂v + (1 − β₂)Δ²; θ ← θ + η·m / (√v + τ). Source: Reddi et al. 2021, algorithm 2. */
  fedadam(before, delta, { learningRate, beta1, beta2, epsilon }, state) {
    const first = copyOf(state.m, before, 0);
    const second = copyOf(state.v, before, epsilon * epsilon); // v₋₁ ≥ τ², as there
    const after = moved(before, delta, (i, value, mean) => {
      const m = beta1 * first.data[i] + (1 - beta1) * mean;
      const v = beta2 * second.data[i] + (1 - beta2) * mean * mean;
      first.data[i] = m;
      second.data[i] = v;
      return value + (learningRate * m) / (Math.sqrt(v) + epsilon);
    });
    return { after, state: { m: first, v: second } };
  },
};

/**
 * The next shared parameters and the optimizer's state, named `<parameter>|<buffer>`. The mathematics is in double; what is
 * stored is rounded to single. Where no source has trained a row, neither it nor its state changes.
 * @param deltas taken one after the other
 */
export function outerStep(
  shared: Tensors,
  deltas: Iterable<readonly [string, MeanDelta]>,
  settings: OuterSettings,
  state: Tensors,
): { readonly shared: Tensors; readonly state: Tensors } {
  const next: Record<string, NamedTensor> = {};
  const nextState: Record<string, NamedTensor> = {};
  const step = outerOptimizers[settings.kind] as OuterOptimizer<OuterSettings>;
  for (const [name, delta] of deltas) {
    const prefix = `${name}|`;
    const own = Object.fromEntries(
      Object.keys(state).filter((key) => key.startsWith(prefix))
        .map((key) => [key.slice(prefix.length), state[key]]),
    );
    const result = step(shared[name], delta, settings, own);
    next[name] = result.after;
    for (const [buffer, tensor] of Object.entries(result.state)) {
      nextState[prefix + buffer] = tensor;
    }
  }
  return { shared: next, state: nextState };
}

/** Values after a step, of rows that a source has trained; `step` is given index, value and mean difference. */
function moved(
  { shape, data }: NamedTensor,
  { sums, width, counts }: MeanDelta,
  step: (index: number, value: number, mean: number) => number,
): NamedTensor {
  const next = new Float32Array(data.length);
  for (let start = 0, row = 0; start < data.length; start += width, row++) {
    const count = counts[row];
    for (let i = start; i < start + width; i++) {
      next[i] = count === 0 ? data[i] : step(i, data[i], sums[i] / count);
    }
  }
  return { shape, data: next };
}

function copyOf(tensor: NamedTensor | undefined, like: NamedTensor, initial: number): NamedTensor {
  if (tensor !== undefined) return { shape: tensor.shape, data: tensor.data.slice() };
  return { shape: like.shape, data: new Float32Array(like.data.length).fill(initial) };
}
