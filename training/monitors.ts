/**
 * What a run looks like inside, every so many steps: activations by module, and norms of parameters, gradients and updates by
 * layer.
 *
 * Source: DEPT §3.5, Fig. 2. Its "activations" are, in the authors' code, `activations/average/max/full_model_output`: of each
 * module's output the mean of all numbers, and of these the largest. That is `activationMeanMax`; norms stand beside it.
 */
import type { Fetches, UpdateResult } from "../engine/mod.ts";
import { activationMean, activationNorm, withoutKeyBias } from "../model/mod.ts";
import type { Json } from "../base/mod.ts";

/** A number, or null for one that is not finite: rows are kept as JSON. */
type Seen = number | null;

export type MonitorRow = {
  readonly step: number;
  readonly lossNats: number;
  readonly learningRate: number;
  readonly gradientNorm: number;
  readonly parameterNorm: Seen;
  readonly updateNorm: Seen;
  /** The largest of the modules' means: what the authors plot. */
  readonly activationMeanMax: Seen;
  readonly activations: {
    readonly [module: string]: { readonly mean: Seen; readonly norm: Seen };
  };
  readonly layers: {
    readonly [layer: string]: {
      readonly parameterNorm: Seen;
      readonly gradientNorm: number;
      readonly updateNorm: Seen;
    };
  };
};

interface MonitoredStep extends UpdateResult {
  readonly step: number;
  readonly lossNats: number;
  readonly learningRate: number;
  /** What the program put out for each micro-batch; activations are means over these. */
  readonly outputs: readonly Fetches[];
  /** Parameters on both sides of the update. */
  readonly before: Readonly<Record<string, Float32Array>>;
  readonly after: Readonly<Record<string, Float32Array>>;
}

/** The row of a step. Sums are in double, in the order of the parameters; norms of parameters and updates are without biases of keys. */
export function monitorStep(seen: MonitoredStep): MonitorRow {
  const { step, lossNats, learningRate, gradientNorm, before, after } = seen;
  const squares = new Map<string, { parameter: number; gradient: number; update: number }>();
  const all = { parameter: 0, update: 0 };
  for (const [name, values] of Object.entries(after)) {
    const value = withoutKeyBias(name, values);
    const own = squares.get(layerOf(name)) ?? { parameter: 0, gradient: 0, update: 0 };
    squares.set(layerOf(name), own);
    const old = withoutKeyBias(name, before[name]);
    let [parameter, update] = [0, 0]; // local: a field is written to memory at every addition
    for (let i = 0; i < value.length; i++) {
      const moved = value[i] - old[i];
      parameter += value[i] * value[i];
      update += moved * moved;
    }
    own.parameter += parameter;
    own.update += update;
    own.gradient += (seen.gradientNorms[name] ?? 0) ** 2;
  }
  for (const own of squares.values()) {
    all.parameter += own.parameter;
    all.update += own.update;
  }
  const activations = activationsOf(seen.outputs);
  const row = {
    step,
    lossNats,
    learningRate,
    gradientNorm,
    parameterNorm: Math.sqrt(all.parameter),
    updateNorm: Math.sqrt(all.update),
    activationMeanMax: Object.values(activations)
      .reduce((most, { mean }) => Math.max(most, mean), -Infinity),
    activations,
    layers: Object.fromEntries(
      [...squares].map(([layer, { parameter, gradient, update }]) => [layer, {
        parameterNorm: Math.sqrt(parameter),
        gradientNorm: Math.sqrt(gradient),
        updateNorm: Math.sqrt(update),
      }]),
    ),
  };
  return withNulls(row);
}

/** Plain data with null in the place of each number that is not finite, as JSON has them. */
function withNulls<Data extends Json>(data: Data): Data {
  return JSON.parse(JSON.stringify(data));
}

/** `block.3`, `norm_final`, `embedding.token`. */
function layerOf(parameter: string): string {
  return /^body\.(block\.\d+)\./.exec(parameter)?.[1] ??
    parameter.replace(/^body\./, "").replace(/\.(weight|bias)$/, "");
}

/** The largest norm after a block, as a multiple of that in an earlier row; infinite where it is not finite. */
export function activationGrowth(first: MonitorRow, now: MonitorRow): number {
  const largest = ({ activations }: MonitorRow) =>
    Object.entries(activations).filter(([module]) => /^block\.\d+$/.test(module))
      .reduce((most, [, { norm }]) => Math.max(most, norm ?? Infinity), 0);
  return largest(now) / largest(first);
}

function activationsOf(
  outputs: readonly Fetches[],
): { readonly [module: string]: { readonly mean: number; readonly norm: number } } {
  const mean = (output: string) =>
    outputs.reduce((sum, fetched) => sum + fetched[output][0], 0) / outputs.length;
  return Object.fromEntries(
    Object.keys(outputs[0]).filter((output) => output.startsWith(activationNorm)).map((output) => {
      const module = output.slice(activationNorm.length);
      return [module, { mean: mean(activationMean + module), norm: mean(output) }];
    }),
  );
}

/** Names and numbers of a row, nested ones with a slash, sorted: `layers/block.3/updateNorm`. */
export function scalarsOf(row: { readonly [name: string]: Json | undefined }): [string, number][] {
  const entries = Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.flatMap(([name, value]): [string, number][] => {
    if (typeof value === "number") return [[name, value]];
    if (typeof value !== "object" || value === null || Array.isArray(value)) return [];
    return scalarsOf(value as { [name: string]: Json })
      .map(([inner, number]) => [`${name}/${inner}`, number]);
  });
}
