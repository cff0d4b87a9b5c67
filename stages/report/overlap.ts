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
    // Counts are read one source after the other: of each a bit per piece is kept.
    const sources = [...group(inputs, "statistics")]
      .map(([source, folder]) => ({ source, occurs: bitsOf(readStatistics(folder).counts) }));
    return {
      name: "overlap",
      title: "Pieces of the row's source that occur in the column's source too",
      columns: ["", "|V_k|", ...sources.map(({ source }) => source)],
      rows: sources.map(({ source, occurs }) => {
        const size = common(occurs, occurs);
        return {
          label: source,
          cells: [
            { value: size },
            ...sources.map((other) => cellOf(common(occurs, other.occurs) / size, percent)),
          ],
        };
      }),
      notes: ["of the training text, in the global vocabulary; |V_k|: distinct pieces that occur"],
    };
  },
};

/** A bit for each count, set where it is above 0. */
function bitsOf(counts: Float64Array): Uint32Array {
  const bits = new Uint32Array(Math.ceil(counts.length / 32));
  counts.forEach((count, id) => {
    if (count > 0) bits[id >>> 5] |= 1 << (id & 31);
  });
  return bits;
}

/** How many bits both have. */
function common(a: Uint32Array, b: Uint32Array): number {
  let count = 0;
  for (let i = 0; i < a.length; i++) {
    for (let both = a[i] & b[i]; both !== 0; both &= both - 1) count++;
  }
  return count;
}
