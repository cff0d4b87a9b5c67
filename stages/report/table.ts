/**
 * A table as data: what a table instance writes (`table.json`) and every format prints.
 * No time, host, path or store in it.
 */

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
}

export interface Row {
  readonly label: string;
  readonly cells: readonly Cell[];
}

export interface Table {
  readonly name: string;
  readonly title: string;
  /** Headings: the first is that of the labels. */
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
  /** What a reader must know to read the numbers. */
  readonly notes: readonly string[];
}

/** Marks the best value of each column where its interval is apart from every other one. */
export function markBest(rows: readonly Row[], direction: "lowest" | "highest"): Row[] {
  const isApart = (ours: Cell, other: Cell): boolean =>
    other.low === undefined ||
    (direction === "lowest" ? ours.high! < other.low : ours.low! > other.high!);
  return rows.map((row) => ({
    ...row,
    cells: row.cells.map((cell, column) => {
      if (cell.low === undefined) return cell;
      const best = rows.length > 1 &&
        rows.every((other) => other === row || isApart(cell, other.cells[column]));
      return best ? { ...cell, best } : cell;
    }),
  }));
}
