/**
 * Plasticity: how fast a body adapts from random embeddings, on single sources and on all. Fig. 3 draws these numbers.
 */
import { UsageError } from "../../base/mod.ts";
import type { Recipe } from "../recipe.ts";
import { sourcesOf } from "../sources.ts";
import { metricsOf } from "./run_metrics.ts";
import { meanOf } from "./cells.ts";
import { inputsOf, type TableKind } from "./kind.ts";
import type { Cell, Row, Table } from "./table.ts";

export interface PlasticityParams {
  readonly variants: readonly string[];
  readonly sources: readonly string[];
}

/** Perplexity by step. */
type Curve = ReadonlyMap<number, number>;

export const kind: TableKind<PlasticityParams> = {
  names: ["plasticity"],
  needs: "continue.plasticity.sources",
  declare(recipe) {
    const params = paramsOf(recipe);
    const { variants, sources } = params;
    const single = sources.map((source) =>
      inputsOf(`only-${source}`, variants, (id) => `continue/${id}/random/${source}#metrics`)
    );
    const all = inputsOf("all", variants, (id) => `continue/${id}/random#metrics`);
    return { inputs: Object.assign({}, all, ...single), params };
  },
  build(params, inputs): Table {
    const places = curvesOf(params, inputs);
    const steps = stepsOf(places);
    const rows = places.flatMap(({ place, inputOf, curves }) =>
      curves.map(([id, curve]): Row => ({
        label: `${place}: ${id}`,
        cells: steps.map((step): Cell => ({ value: curve.get(step) ?? null })),
        from: [inputOf(id)],
      }))
    );
    return {
      name: "plasticity",
      title: "Perplexity along continuation from random embeddings",
      columns: ["", ...steps.map((step) => `step ${step}`)],
      rows,
      notes: [
        "single sources: on their validation text; all sources: training text since the step before",
      ],
    };
  },
};

/** What runs are made on, and the curve of each variant there. */
interface PlaceCurves {
  /** A source, or `all sources`. */
  readonly place: string;
  /** The name of the input that a variant's curve comes from. */
  inputOf(variant: string): string;
  readonly curves: readonly (readonly [string, Curve])[];
}

export function curvesOf(
  { variants, sources }: PlasticityParams,
  inputs: Readonly<Record<string, string>>,
): readonly PlaceCurves[] {
  const single = sources.map((source): PlaceCurves => {
    const inputOf = (id: string) => `only-${source}/${id}`;
    const curves = variants.map((id) => [id, validation(inputs[inputOf(id)])] as const);
    return { place: source, inputOf, curves };
  });
  const steps = stepsOf(single);
  const inputOf = (id: string) => `all/${id}`;
  const all = variants.map((id) => [id, training(inputs[inputOf(id)], steps)] as const);
  return [...single, { place: "all sources", inputOf, curves: all }];
}

/** All steps that curves have, ascending. */
function stepsOf(places: readonly PlaceCurves[]): readonly number[] {
  const steps = places.flatMap(({ curves }) => curves.flatMap(([, curve]) => [...curve.keys()]));
  return [...new Set(steps)].sort((a, b) => a - b);
}

function paramsOf(recipe: Recipe): PlasticityParams {
  const { sources } = recipe.continue.plasticity;
  if (sources.length === 0 || !recipe.continue.starts.includes("random")) {
    throw new UsageError(
      `Cannot make the table or figure "plasticity": expected sources in continue.plasticity.sources and "random" ` +
        `in continue.starts, found [${sources.join(", ")}] and [${
          recipe.continue.starts.join(", ")
        }]; set them: --set 'continue.plasticity.sources=[${sourcesOf(recipe)[0]}]'`,
    );
  }
  return { variants: recipe.pretrain.variants, sources };
}

function validation(folder: string): Curve {
  return new Map(
    metricsOf(folder, "validation").map(({ step, lossNats }) => [
      step,
      Math.exp(Object.values(lossNats)[0]),
    ]),
  );
}

/** Mean over the parts that end after the step before and by the step. */
function training(folder: string, steps: readonly number[]): Curve {
  const parts = metricsOf(folder, "steps");
  return new Map(steps.flatMap((step, i) => {
    const within = parts.filter((part) => part.step > (steps[i - 1] ?? -1) && part.step <= step);
    if (within.length === 0) return [];
    return [[step, Math.exp(meanOf(within.map((part) => part.lossNatsMean)))] as const];
  }));
}
