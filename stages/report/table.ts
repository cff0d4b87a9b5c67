/**
 * A table as data: what a table instance writes (`table.json`) and every format prints.
 * No time, host, path or store in it.
 */
import { StageError } from "../../base/mod.ts";

export interface Cell {
  /** Null for what is not known or does not exist. */
  readonly value: number | string | null;
  /** How `value` is printed when its digits alone would not do: `252 M`, `0.91×`. */
  readonly text?: string;
  /** Ends of the interval, in the unit of `value`. */
  readonly low?: number;
  readonly high?: number;
  /** Best of its column, with an interval apart from the next best. */
  readonly best?: boolean;
  /** The paper's printed cell, where the recipe maps one. */
  readonly paper?: string;
  /** The paper's cell disagrees with its own inputs: a slip, explained in a note. */
  readonly slip?: boolean;
  /** Inputs of the table that the cell is made from; absent where the row says it. */
  readonly from?: readonly string[];
}

export interface Row {
  readonly label: string;
  readonly cells: readonly Cell[];
  /** Which end of a column is best, for rows that compete for it. */
  readonly rank?: Direction;
  /** Inputs of the table that its cells are made from; absent where they are made from all. */
  readonly from?: readonly string[];
}

export interface Table {
  readonly name: string;
  readonly title: string;
  /** Headings: the first is that of the labels. */
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
  /** What a reader must know to read the numbers. */
  readonly notes: readonly string[];
  /** What a mark says, where it is not the best of a column by intervals that are apart. */
  readonly mark?: string;
  /** The group of inputs whose time is printed with the table, which does not hold it: time is no result. */
  readonly timedInputs?: string;
}

/** Whether a value is a table as every format prints it. A store may hold what others made. */
export function hasTableShape(value: unknown): value is Table {
  const { title, columns, rows, notes } = (value ?? {}) as Partial<Record<keyof Table, unknown>>;
  return typeof title === "string" && areTexts(columns) && areTexts(notes) &&
    Array.isArray(rows) && rows.every((row) => isRow(row, columns.length - 1));
}

/** @throws StageError for a value that is no table. */
export function asTable(value: unknown): Table {
  if (hasTableShape(value)) return value;
  throw new StageError(
    "Cannot print a table: expected a title, columns and rows, found other data",
  );
}

function isRow(value: unknown, cells: number): boolean {
  const row = (value ?? {}) as Partial<Record<keyof Row, unknown>>;
  return typeof row.label === "string" && Array.isArray(row.cells) && row.cells.length === cells &&
    row.cells.every(isCell);
}

function isCell(value: unknown): boolean {
  const cell = (value ?? {}) as Partial<Record<keyof Cell, unknown>>;
  const isOf = (type: string) => (it: unknown) => it === undefined || typeof it === type;
  return (cell.value === null || ["number", "string"].includes(typeof cell.value)) &&
    [cell.text, cell.paper].every(isOf("string")) && [cell.low, cell.high].every(isOf("number"));
}

function areTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((it) => typeof it === "string");
}

/** Which end of a column is its best. */
export type Direction = "lowest" | "highest";

/** Marks the best value of each column where its interval is apart from every other one. */
export function markBest(rows: readonly Row[], direction: Direction): Row[] {
  const isApart = (ours: Cell, other: Cell): boolean =>
    other.low === undefined ||
    (direction === "lowest" ? ours.high! < other.low : ours.low! > other.high!);
  return rows.map((row) => ({
    ...row,
    rank: direction,
    cells: row.cells.map(({ best: _, ...cell }, column) => {
      if (cell.low === undefined) return cell;
      const best = rows.length > 1 &&
        rows.every((other) => other === row || isApart(cell, other.cells[column]));
      return best ? { ...cell, best } : cell;
    }),
  }));
}
