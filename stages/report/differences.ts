/**
 * Differences in bits per byte between each row and one that all are compared with, with paired intervals.
 */
import { UsageError } from "../../base/mod.ts";
import {
  bitsPerByte,
  differenceInterval,
  type DocumentsBySource,
  meanMeasure,
  resampledMean,
} from "../../training/mod.ts";
import { ngramOrders } from "../ngrams.ts";
import type { Recipe } from "../recipe.ts";
import { signed } from "./format.ts";
import { equalBaselines } from "./improvement.ts";
import type { TableKind } from "./kind.ts";
import {
  afterWhat,
  columnSources,
  lossColumns,
  lossInputs,
  type LossParams,
  lossParams,
  readDocuments,
} from "./losses.ts";
import { studentInterval } from "./seeds.ts";
import type { Cell, Row, Table } from "./table.ts";

export interface DifferenceParams extends LossParams {
  readonly reference: string;
}

type SeedInputs = Readonly<Record<string, string>>;

export const kind: TableKind<DifferenceParams> = {
  names: ["differences", "differences-random", "differences-pretrained", "differences-pretraining"],
  declare(recipe, name) {
    const params = lossParams(recipe, name, Object.keys(ngramOrders));
    return {
      inputs: lossInputs(params),
      params: { ...params, reference: referenceOf(recipe, params) },
    };
  },
  build: (params, inputs) => differences(params, [inputs]),
  buildOfSeeds: differences,
};

/** The row that the recipe names, else a baseline that saw as many tokens as DEPT, else the first variant. */
export function referenceOf(
  recipe: Recipe,
  { name, ngrams, variants, external }: LossParams,
): string {
  const { reference } = recipe.evaluate;
  const rows = [...ngrams, ...variants, ...external];
  if (reference !== null) {
    if (rows.includes(reference)) return reference;
    throw new UsageError(
      `Cannot make table "${name}": expected evaluate.reference to be one of its rows (${
        rows.join(", ")
      }), found "${reference}"`,
    );
  }
  return equalBaselines(recipe, variants)[0] ?? variants[0];
}

function differences(params: DifferenceParams, seeds: readonly SeedInputs[]): Table {
  const { ngrams, variants, external, reference, name } = params;
  const documentsOf = (label: string) =>
    seeds.map((inputs) => readDocuments(inputs[`losses/${label}`]));
  const theirs = documentsOf(reference);
  const rows = [...ngrams, ...variants, ...external].filter((label) => label !== reference);
  return {
    name,
    title: `Bits per byte ${afterWhat(params)}, less those of ${reference}`,
    columns: lossColumns(params),
    rows: rows.map((label): Row => {
      const ours = documentsOf(label);
      return {
        label,
        cells: columnSources(params).map((sources) => differenceCell(ours, theirs, sources)),
        from: [`losses/${label}`, `losses/${reference}`],
      };
    }),
    notes: [
      `below 0 is better than ${reference}; paired bootstrap over documents` +
      (seeds.length > 1
        ? `, seeds drawn first (${seeds.length} of them)`
        : ": one seed, so no noise of training"),
      "counted models: each source's own counts",
      ...studentNotes(params, rows, documentsOf),
    ],
    mark: "* its interval excludes 0",
  };
}

/** Over seeds: the mean difference over sources, with an interval of what seeds differ by. */
function studentNotes(
  { sources, reference }: DifferenceParams,
  rows: readonly string[],
  documentsOf: (label: string) => ReturnType<typeof readDocuments>[],
): string[] {
  const bits = (label: string) =>
    documentsOf(label).map((seed) => meanMeasure([seed], sources, bitsPerByte) ?? NaN);
  const theirs = bits(reference);
  if (theirs.length < 2) return [];
  const texts = rows.map((label) => {
    const { mean, half } = studentInterval(bits(label).map((value, seed) => value - theirs[seed]));
    return `${label} ${signed(mean)} ± ${half.toFixed(3)}`;
  });
  return [`mean over sources by Student's t over seeds: ${texts.join(", ")}`];
}

/**
 * Ours less theirs in bits per byte, mean over sources, with its paired interval; marked where that excludes 0. Null where one of them
 * lacks a source.
 * @param ours The evaluations of a model, one for each seed.
 */
export function differenceCell(
  ours: readonly DocumentsBySource[],
  theirs: readonly DocumentsBySource[],
  sources: readonly string[],
): Cell {
  const [value, other] = [ours, theirs].map((of) => meanMeasure(of, sources, bitsPerByte));
  const [samples, others] = [ours, theirs].map((of) => resampledMean(of, sources, bitsPerByte));
  if (value === undefined || other === undefined || !samples || !others) return { value: null };
  const [low, high] = differenceInterval(samples, others);
  const found = value - other;
  return {
    value: found,
    text: signed(found),
    low,
    high,
    ...(low > 0 || high < 0 ? { best: true } : {}),
  };
}
