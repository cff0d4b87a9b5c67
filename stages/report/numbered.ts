/**
 * A table that was asked for by its number in the paper.
 */
import type { Recipe } from "../recipe.ts";
import { type PaperEntry, paperTableIndex } from "./paper_index.ts";
import type { Table } from "./table.ts";

/** The title and the notes of a table of that number; null for a table that was asked for by its own name. */
export interface Heading {
  readonly number: number;
  readonly title: string;
  readonly notes: readonly string[];
}

export function headingOf(recipe: Recipe, name: string): Heading | null {
  const entry = paperTableIndex[Number(name)];
  if (entry === undefined) return null;
  return { number: Number(name), title: entry.title, notes: notesOf(entry, recipe, name) };
}

function notesOf(
  { known, remark, recipes }: PaperEntry,
  { name }: Recipe,
  number: string,
): string[] {
  const beside = known === "all" ? ", with its cells beside ours" : "";
  return [
    ...(recipes.length === 0 || recipes.includes(name) ? [] : [
      `at the paper's sizes, on its data${beside}: deno task pipeline run table/${number} --recipe ${
        recipes[0]
      }`,
    ]),
    ...(known === "none" ? ["the paper's cells of this table are not known to us"] : []),
    ...(remark === undefined ? [] : [remark]),
  ];
}

export function withHeading(table: Table, heading: Heading | null): Table {
  if (heading === null) return table;
  const { number, title, notes } = heading;
  return {
    ...table,
    title: `Table ${number} of the paper (${title}) as: ${table.title}`,
    notes: [...table.notes, ...notes],
  };
}
