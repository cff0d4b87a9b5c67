/**
 * One table of several: those of a study's cells, one below the other.
 */
import type { Cell, Row, Table } from "./table.ts";

/** A cell's table and its value on each axis. */
interface CellTable {
  readonly values: readonly string[];
  readonly table: Table;
}

/**
 * Rows of all tables in their order. Columns: the label, the axes, then those of the tables by heading, in the order in
 * which they first come; a table that lacks a column has nothing there. Best cells stay marked within their own table.
 */
export function stackTables(
  name: string,
  axes: readonly string[],
  tables: readonly CellTable[],
): Table {
  const headings = [...new Set(tables.flatMap(({ table }) => table.columns.slice(1)))];
  const rows = tables.flatMap(({ values, table }) =>
    table.rows.map((row): Row => {
      const cells = new Map(table.columns.slice(1).map((heading, i) => [heading, row.cells[i]]));
      return {
        ...row,
        cells: [
          ...values.map((value): Cell => ({ value: numberOr(value), text: value })),
          ...headings.map((heading): Cell => cells.get(heading) ?? { value: null }),
        ],
      };
    })
  );
  const [first] = tables;
  return {
    name,
    title: `${first.table.title}, over ${axes.join(", ")}`,
    columns: [first.table.columns[0], ...axes, ...headings],
    rows,
    notes: [...new Set(tables.flatMap(({ table }) => table.notes))],
    ...(first.table.mark === undefined ? {} : { mark: first.table.mark }),
  };
}

function numberOr(value: string): number | string {
  return value.trim() !== "" && Number.isFinite(Number(value)) ? Number(value) : value;
}
