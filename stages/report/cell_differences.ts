/**
 * What a cell of a study gives less what the first one gives: the same variant on the same test documents, trained otherwise.
 */
import { bitsPerByte, meanMeasure, variantNamed } from "../../training/mod.ts";
import { pretrainingEnd } from "../external_models.ts";
import { cellOf, decimals } from "./cells.ts";
import { differenceCell } from "./differences.ts";
import { stitchedIn } from "./inference.ts";
import type { StudyCellInputs, TableKind } from "./kind.ts";
import { afterWhat, lossInputs, type LossParams, lossParams, readDocuments } from "./losses.ts";
import type { Row, Table } from "./table.ts";

export const kind: TableKind<LossParams> = {
  names: ["cells-pretraining", "cells-random"],
  needs: "study.axes: it compares cells",
  declare(recipe, name) {
    const params = lossParams(recipe, name);
    const hasOwnTables = (id: string) => !variantNamed(id).training.sharesEmbeddings;
    const routed = params.start === pretrainingEnd && params.variants.some(hasOwnTables)
      ? stitchedIn(recipe, name)
      : [];
    return {
      inputs: {
        ...lossInputs(params),
        ...Object.fromEntries(routed.map((id) => [`losses/${id}`, `route/${id}#routed`] as const)),
      },
      params,
    };
  },
  build: (params, inputs) =>
    cellDifferences([], [{ values: [], params, seeds: [{ prefix: "", inputs }] }]),
  buildOfCells: cellDifferences,
};

function cellDifferences(
  axes: readonly string[],
  cells: readonly StudyCellInputs<LossParams>[],
): Table {
  const [first] = cells;
  const documentsOf = ({ seeds }: StudyCellInputs<LossParams>, label: string) =>
    seeds.map(({ inputs }) => readDocuments(inputs[`losses/${label}`]));
  const namesOf = ({ seeds }: StudyCellInputs<LossParams>, label: string) =>
    seeds.map(({ prefix }) => `${prefix === "" ? "" : `${prefix}/`}losses/${label}`);
  const labelsOf = ({ params: { variants, external } }: StudyCellInputs<LossParams>) => [
    ...variants,
    ...external,
  ];
  // What each cell's models were tested on, whether the cell trains on it or holds it out.
  const sources = [...first.params.sources, ...first.params.outOfDistribution].filter((source) =>
    cells.every(({ params }) =>
      params.sources.includes(source) || params.outOfDistribution.includes(source)
    )
  );
  const columns = [...sources.map((source) => [source]), sources];
  const rows = cells.flatMap((cell) =>
    labelsOf(cell).map((label): Row => {
      const ours = documentsOf(cell, label);
      const isCompared = cell !== first && labelsOf(first).includes(label);
      const theirs = isCompared ? documentsOf(first, label) : undefined;
      return {
        label,
        cells: [
          ...cell.values.map((value) => ({ value })),
          cellOf(meanMeasure(ours, sources, bitsPerByte) ?? null, decimals(3)),
          ...columns.map((of) =>
            theirs === undefined ? { value: null } : differenceCell(ours, theirs, of)
          ),
        ],
        from: [...namesOf(cell, label), ...(isCompared ? namesOf(first, label) : [])],
      };
    })
  );
  const seeds = Math.max(...cells.map((cell) => cell.seeds.length));
  return {
    name: first.params.name,
    title: `Bits per byte ${afterWhat(first.params)}, less those of ${
      first.values.join(", ") || "the first cell"
    }`,
    columns: ["", ...axes, "mean", ...sources, "AVG"],
    rows,
    notes: [
      "mean: bits per byte over the sources that all cells are tested on; then differences of the same variant, below 0 is better",
      `paired bootstrap over documents${
        seeds > 1 ? `, seeds drawn first (${seeds} of them)` : ": one seed, so no noise of training"
      }`,
      "a variant whose sources keep their tables is routed: each document by the table that tells it in the fewest bits",
    ],
    mark: "* its interval excludes 0",
  };
}
