/**
 * The paper's cells beside ours, where a recipe maps them.
 */
import type { Recipe } from "../recipe.ts";
import { paperTables } from "./paper_tables.ts";
import type { Cell, Row, Table } from "./table.ts";

/** A table of the paper whose cells stand beside ours. */
export interface Quotation {
  /** The paper's number of the table. */
  readonly number: number;
  /** The paper's column by ours. */
  readonly columns: Readonly<Record<string, string>>;
  /** What the paper's cells were made with, where that is not what ours are. */
  readonly unlike: string | null;
}

/** The quotation that a recipe asks for beside the table of this name; null where it asks for none. */
export function quotationOf({ paper }: Recipe, name: string): Quotation | null {
  const number = paper?.tables[name];
  if (typeof number !== "number" || paper === null || !(number in paperTables)) return null;
  return { number, columns: paper.columns, unlike: paper.unlike };
}

/** A table with the paper's cells beside its own; rows that only the paper has come last, without a value. */
export function quote(table: Table, quotation: Quotation | null): Table {
  if (quotation === null) return table;
  const { number, unlike } = quotation;
  const printed = paperTables[number];
  const columns = table.columns.slice(1).map((heading) =>
    quotation.columns[heading.replace(/ \([^)]*\)$/, "")] // "ui (held out)", "mnli (accuracy)"
  );
  const cellOf = (label: string, column: string | undefined): Pick<Cell, "paper" | "slip"> => {
    const cell = column === undefined
      ? undefined
      : printed.rows[label]?.[printed.columns.indexOf(column)];
    if (typeof cell !== "string") return {};
    return { paper: cell, ...(printed.slips.includes(`${label}/${column}`) ? { slip: true } : {}) };
  };
  const rows = table.rows.map((row): Row => ({
    ...row,
    cells: row.cells.map((cell, at) => ({ ...cell, ...cellOf(row.label, columns[at]) })),
  }));
  const ours = new Set(table.rows.map(({ label }) => label));
  const missing = Object.keys(printed.rows).filter((label) => !ours.has(label)).map((
    label,
  ): Row => ({
    label,
    cells: columns.map((column) => ({ value: null, ...cellOf(label, column) })),
  })).filter(({ cells }) => cells.some(({ paper }) => paper !== undefined));
  return {
    ...table,
    rows: [...rows, ...missing],
    notes: [
      ...table.notes,
      `[…]: Table ${number} of the paper` + (unlike === null ? "" : `, which has ${unlike}`),
      ...(missing.length === 0
        ? []
        : [`not computed here: ${missing.map(({ label }) => label).join(", ")}`]),
    ],
  };
}
