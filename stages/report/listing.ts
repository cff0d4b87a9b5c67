/**
 * What tables and figures there are, and which of the paper's each one is: the text of `table --list`.
 */
import { figureNames } from "../figures/kinds.ts";
import { tableNames, tableNeeds } from "./kinds.ts";
import { type PaperEntry, paperFigureIndex, paperTableIndex } from "./paper_index.ts";

const known: Readonly<Record<PaperEntry["known"], string>> = {
  all: "all cells",
  some: "some cells",
  none: "no cells",
};

export function listTables(): string {
  const lines = (entries: Readonly<Record<number, PaperEntry>>) =>
    Object.entries(entries).map(([number, { name, title, recipes, known: cells }]) => [
      number,
      name,
      name === "pythia" ? "with external" : recipes.join(", "),
      known[cells],
      title,
    ]);
  return [
    "Tables of the paper: what they are here, the recipes of the paper's size, what is known of its cells",
    "",
    ...aligned(lines(paperTableIndex)),
    "",
    "Figures",
    "",
    ...aligned(lines(paperFigureIndex)),
    "",
    `Tables: ${tableNames.join(", ")}`,
    `Figures: ${figureNames.join(", ")}`,
    "Any recipe has what they need, but for these:",
    ...tableNeeds().map(([names, needs]) => `  ${names}: ${needs}`),
    "study-<name> stands for a table over the axes of a recipe's study (means and intervals over one of seeds).",
    "Any of them can be asked for by name or number, with any recipe: deno task pipeline run table/4 figure/3 --recipe NAME",
  ].join("\n");
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) =>
    "  " + row.map((text, column) => text.padEnd(widths[column])).join("  ").trimEnd()
  );
}
