/**
 * What sources have in common: how much of each one's part of the global vocabulary occurs in every other.
 *
 * Source: DEPT App. A.2, which gives the sizes of these parts.
 */
import { readStatistics } from "../../datasets/mod.ts";
import { group } from "../../pipeline/stage.ts";
import { allSources } from "../sources.ts";
import { cellOf, percent } from "./cells.ts";
import { statisticsInputs, type TableKind } from "./kind.ts";
import type { Table } from "./table.ts";

export const kind: TableKind<Record<string, never>> = {
  names: ["overlap"],
  declare: (recipe) => ({
    inputs: statisticsInputs("statistics", allSources(recipe), "global"),
    params: {},
  }),
  build(_params, inputs): Table {
    const sources = [...group(inputs, "statistics")]
      .map(([source, folder]) => ({ source, counts: readStatistics(folder).counts }));
    const common = (a: Float64Array, b: Float64Array) =>
      a.reduce((n, count, id) => (count > 0 && b[id] > 0 ? n + 1 : n), 0);
    return {
      name: "overlap",
      title: "Pieces of the row's source that occur in the column's source too",
      columns: ["", "|V_k|", ...sources.map(({ source }) => source)],
      rows: sources.map(({ source, counts }) => {
        const size = common(counts, counts);
        return {
          label: source,
          cells: [
            { value: size },
            ...sources.map((other) => cellOf(common(counts, other.counts) / size, percent)),
          ],
        };
      }),
      notes: ["of the training text, in the global vocabulary; |V_k|: distinct pieces that occur"],
    };
  },
};
