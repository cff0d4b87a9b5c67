/**
 * One table of those that differ in nothing but the seed: means, with an interval that says how far seeds are apart.
 */
import { noiseNotes } from "./improvement.ts";
import { type Cell, markBest, type Row, type Table } from "./table.ts";

/** Student's t at 97.5 %, by degrees of freedom from 1 on; for more, the normal distribution's is used. */
const quantiles = [
  ...[12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228],
  ...[2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11, 2.101, 2.093, 2.086],
  ...[2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042],
];

/**
 * Cells become means over the tables with the interval mean ± t·s/√n; rows that compare others, as improvements do, are
 * compared within each seed first. Best cells are marked again.
 *
 * @param seeds Of the tables, in their order.
 * @throws RangeError for tables of different shapes.
 */
export function averageTables(tables: readonly Table[], seeds: readonly string[]): Table {
  const [first, ...others] = tables;
  for (const other of others) {
    const shape = ({ columns, rows }: Table) => JSON.stringify([columns, rows.map((r) => r.label)]);
    if (shape(other) === shape(first)) continue;
    throw new RangeError(
      `Cannot average table "${first.name}" over seeds: expected the same rows and columns for each, found others`,
    );
  }
  const rows = first.rows.map((row, at): Row => {
    const { from: _, ...averaged } = row;
    const all = tables.map((table) => table.rows[at]);
    const from = all.flatMap((one) => one.from ?? []);
    return {
      ...averaged,
      cells: row.cells.map((_, column) => averageCells(all.map(({ cells }) => cells[column]))),
      ...(from.length === 0 ? {} : { from }),
    };
  });
  const marked = (["lowest", "highest"] as const).reduce((rows: readonly Row[], rank) => {
    const rivals = markBest(rows.filter((row) => row.rank === rank), rank);
    return rows.map((row) => row.rank === rank ? rivals.shift()! : row);
  }, rows);
  const { mark: _, ...unmarked } = first; // of documents: here intervals are over seeds
  return {
    ...unmarked,
    rows: marked,
    notes: [
      ...first.notes.filter((note) => tables.every(({ notes }) => notes.includes(note))),
      `means over ${seeds.length} seeds (${seeds.join(", ")}), intervals by Student's t over them`,
      ...(seeds.length < 3 ? ["fewer than 3 seeds: the intervals say little"] : []),
      ...noiseNotes(rows, first.columns.slice(1).map((heading) => !heading.startsWith("AVG"))),
    ],
  };
}

function averageCells(cells: readonly Cell[]): Cell {
  const [{ paper, slip, value: only, text, low }] = cells;
  const from = cells.flatMap((cell) => cell.from ?? []);
  const quoted = {
    ...(paper === undefined ? {} : { paper }),
    ...(slip === undefined ? {} : { slip }),
    ...(from.length === 0 ? {} : { from }),
  };
  const values = cells.map(({ value }) => value);
  if (values.every((value) => value === only)) {
    const interval = low === undefined ? {} : { low: only as number, high: only as number };
    return { value: only, ...(text === undefined ? {} : { text }), ...interval, ...quoted };
  }
  const numbers = values.filter((value) => typeof value === "number");
  if (numbers.length < values.length) return { value: null, ...quoted };
  const { mean, half } = studentInterval(numbers);
  return { value: mean, low: mean - half, high: mean + half, ...quoted };
}

/** The mean of values of at least two seeds, and half of its 95 % interval by Student's t. */
export function studentInterval(values: readonly number[]): { mean: number; half: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const error = Math.sqrt(squares / (values.length - 1) / values.length);
  return { mean, half: (quantiles[values.length - 2] ?? 1.96) * error };
}
