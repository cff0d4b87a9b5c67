/**
 * Differences between rows of a table of losses, and marks, by resamples of documents that all rows share.
 */
import {
  differenceInterval,
  type DocumentsBySource,
  type Measure,
  resampledMean,
} from "../../training/mod.ts";
import type { Row } from "./table.ts";

/** The evaluations of a row, one for each seed. */
type DocumentsOf = (label: string) => readonly DocumentsBySource[];

/** What a mark says in tables of losses. */
export const pairedMark =
  "* best of the variants that saw as many tokens as DEPT: the paired 95 % interval of its difference to each of them lies below 0";

/**
 * Marks the lowest value of each column where all its paired differences lie below 0.
 * @param columns The sources that each column is of, or the mean over.
 */
export function markPaired(
  rows: readonly Row[],
  columns: readonly (readonly string[])[],
  measure: Measure,
  documentsOf: DocumentsOf,
): Row[] {
  const documents = new Map(rows.map(({ label }) => [label, documentsOf(label)]));
  const best = columns.map((sources, column) => {
    const rivals = rows.filter(({ cells }) => typeof cells[column].value === "number");
    const value = (row: Row) => row.cells[column].value as number;
    const lowest = rivals.toSorted((a, b) => value(a) - value(b))[0];
    if (rivals.length < 2) return undefined;
    const samples = (row: Row) => resampledMean(documents.get(row.label)!, sources, measure)!;
    const ours = samples(lowest);
    const isApart = (row: Row) => row === lowest || differenceInterval(ours, samples(row))[1] < 0;
    return rivals.every(isApart) ? lowest : undefined;
  });
  return rows.map((row) => ({
    ...row,
    rank: "lowest",
    cells: row.cells.map((cell, column) => best[column] === row ? { ...cell, best: true } : cell),
  }));
}
