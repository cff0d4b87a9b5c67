/**
 * Which part of a source's pieces occurs in every other source: a field for each pair.
 */
import { kind as table } from "../report/overlap.ts";
import type { Table } from "../report/table.ts";
import type { FigureKind } from "./figure.ts";

/** Fields of more sources cannot be told apart. */
const mostSources = 32;

export const kind: FigureKind = {
  names: ["overlap"],
  declare: (recipe) => table.declare(recipe, "overlap"),
  build(params, inputs) {
    const { columns, rows, notes } = table.build(params, inputs) as Table;
    const sources = columns.slice(2);
    return {
      name: "overlap",
      title: "Pieces that sources share",
      x: "source",
      panels: [{
        title: "share of the row's pieces that occur in the column's source",
        y: "share",
        isLogarithmic: false,
        mark: "field",
        series: rows.slice(0, mostSources).map(({ label, cells }) => ({
          label,
          points: cells.slice(1, 1 + mostSources)
            .map(({ value }, i) => ({ x: i, name: sources[i], y: value as number })),
          from: [`statistics/${label}`],
        })),
      }],
      notes: [
        ...notes,
        ...(rows.length > mostSources
          ? [`the first ${mostSources} of ${rows.length} sources`]
          : []),
      ],
    };
  },
};
