/**
 * How much the sources differ: text, tokens, and how much of the global vocabulary each one uses.
 *
 * Source: DEPT App. A.2 (unique tokens of the global vocabulary per source).
 */
import { readStatistics } from "../../datasets/mod.ts";
import { group, type OutputRef } from "../../pipeline/stage.ts";
import { allSources } from "../recipe.ts";
import type { TableKind } from "./kind.ts";
import type { Cell, Table } from "./table.ts";

export const kind: TableKind<Record<string, never>> = {
  inputs: (recipe): Readonly<Record<string, OutputRef>> =>
    Object.fromEntries(
      allSources(recipe).map((source) =>
        [`statistics/${source}`, `tokenize/${source}/global#statistics`] as const
      ),
    ),
  params: () => ({}),
  build(_params, inputs): Table {
    const sources = [...group(inputs, "statistics")]
      .map(([source, folder]) => ({ source, ...readStatistics(folder) }));
    return {
      name: "heterogeneity",
      title: "Training text of each source in the global vocabulary",
      columns: ["", "documents", "MB", "tokens", "bytes/token", "|V_k|", "of |V|"],
      rows: sources.map((source) => ({
        label: source.source,
        cells: [
          { value: source.documents },
          decimals(source.bytes / 1e6, 2),
          { value: source.tokens },
          decimals(source.bytes / source.tokens, 2),
          { value: source.distinctTokens },
          decimals(source.distinctTokens / source.vocabSize, 3),
        ],
      })),
      notes: ["|V_k|: distinct pieces that occur in the training text"],
    };
  },
};

function decimals(value: number, digits: number): Cell {
  return { value, text: value.toFixed(digits) };
}
