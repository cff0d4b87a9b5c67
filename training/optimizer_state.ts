/**
 * Adam's state between rounds: as tensors of checkpoints, sent to sources and averaged over them.
 */
import type { TrainingProgram } from "../engine/mod.ts";
import { type Group, type Tensors, tensorsOf } from "./checkpoint.ts";
import type { SourceVocabulary } from "./local_vocabulary.ts";
import { averageResults, type SourceResult, split } from "./outer_step.ts";
import type { Variant } from "./variant.ts";

/** Adam's moments, and the count of steps that corrects their bias. */
export type OptimizerTensors<Moments extends Group = Tensors> = {
  readonly step: number;
  readonly moments: Moments;
};

/** The same in memory. */
export function loadedOptimizer({ step, moments }: OptimizerTensors<Group>): OptimizerTensors {
  return { step, moments: tensorsOf(moments) };
}

/** The state of a program, copied. */
export async function readOptimizer(
  program: Pick<TrainingProgram, "readOptimizer">,
): Promise<OptimizerTensors> {
  const { step, moments } = await program.readOptimizer();
  const tensors = Object.entries(moments).map(([name, data]) => [
    name,
    { shape: [data.length], data },
  ]);
  return { step, moments: Object.fromEntries(tensors) };
}

/** Sets a program's state; a new one when there is none. */
export async function writeOptimizer(
  program: Pick<TrainingProgram, "writeOptimizer" | "resetOptimizer">,
  state: OptimizerTensors | undefined,
): Promise<void> {
  if (state === undefined) return await program.resetOptimizer();
  const moments = Object.entries(state.moments).map(([name, { data }]) => [name, data]);
  await program.writeOptimizer({ step: state.step, moments: Object.fromEntries(moments) });
}

/** The two moments of a parameter, and how engines name them: `<parameter>.m`, `<parameter>.v`. */
const suffixes = [".m", ".v"] as const;

/** The moments of parameters as a program gives them: one after the other. */
export function momentShapes(
  parameters: Readonly<Record<string, { readonly shape: readonly number[] }>>,
): Record<string, { readonly shape: readonly number[] }> {
  const sizes = Object.entries(parameters).map(([name, { shape }]) =>
    [name, shape.reduce((size, n) => size * n, 1)] as const
  );
  return Object.fromEntries(
    suffixes.flatMap((suffix) => sizes.map(([name, size]) => [name + suffix, { shape: [size] }])),
  );
}

/** The averaged moments that a source is sent, cut as the parameters are. The count is that of all steps so far. */
export function sentOptimizer(
  variant: Variant,
  { step, moments: averaged }: OptimizerTensors,
  vocabulary: SourceVocabulary,
): OptimizerTensors {
  const moments: Record<string, Tensors[string]> = {};
  for (const suffix of suffixes) {
    const cut = split(variant, momentsOf(averaged, suffix), vocabulary);
    for (const [name, tensor] of Object.entries(cut)) moments[name + suffix] = tensor;
  }
  return { step, moments };
}

/** The state of all parameters that a source begins with: its own ones have the moments that it kept, and zeros at first. */
export function withOwnMoments(
  { step, moments: sent }: OptimizerTensors,
  kept: OptimizerTensors | undefined,
  parameters: Tensors,
): OptimizerTensors {
  const moments: Record<string, Tensors[string]> = {};
  for (const suffix of suffixes) {
    for (const [name, { shape, data }] of Object.entries(parameters)) {
      const key = name + suffix;
      moments[key] = sent[key] ?? kept?.moments[key] ??
        { shape, data: new Float32Array(data.length) };
    }
  }
  return { step, moments };
}

/**
 * Averages moments as parameters are averaged: rows of ϕ over the sources that have them, unchanged where none has.
 * @param before what was sent; absent in the first round, when all moments began at zero
 */
export function averageMoments(
  variant: Variant,
  shared: Tensors,
  before: OptimizerTensors | undefined,
  results: ReadonlyMap<string, SourceResult>,
): Tensors {
  const moments: Record<string, Tensors[string]> = {};
  for (const suffix of suffixes) {
    const from = Object.fromEntries(
      Object.entries(shared).map(([name, { shape, data }]) => [
        name,
        before?.moments[name + suffix] ?? { shape, data: new Float32Array(data.length) },
      ]),
    );
    const averaged = averageResults(variant, from, results, suffix);
    for (const [name, { shape, data }] of Object.entries(averaged)) {
      // before + mean(after − before) may round to just below 0, and Adam takes the root
      if (suffix === ".v") data.forEach((value, i) => data[i] = Math.max(0, value));
      moments[name + suffix] = { shape, data };
    }
  }
  return moments;
}

/** Moments of one kind by the name of their parameter. */
function momentsOf(moments: Tensors, suffix: string): Tensors {
  return Object.fromEntries(
    Object.keys(moments).filter((key) => key.endsWith(suffix))
      .map((key) => [key.slice(0, -suffix.length), moments[key]]),
  );
}
