/**
 * Tables as text, Markdown, CSV and JSON.
 */
import { UsageError } from "../../base/mod.ts";
import type { Cell, Table } from "./table.ts";

const formats: Readonly<Record<string, (table: Table) => string>> = {
  text: asText,
  markdown: asMarkdown,
  csv: asCsv,
  json: (table) => JSON.stringify(table, null, 2) + "\n",
};

const tableFormats: readonly string[] = Object.keys(formats);

/** A table in a format, with a line feed at its end. @throws UsageError for an unknown format. */
export function formatTable(table: Table, format: string): string {
  if (Object.hasOwn(formats, format)) return formats[format](table);
  throw new UsageError(
    `Cannot print a table as "${format}": expected one of ${tableFormats.join(", ")}`,
  );
}

function asText(table: Table): string {
  const grid = [
    table.columns,
    ...table.rows.map((row) => [row.label, ...row.cells.map(plainCell)]),
  ];
  const widths = table.columns.map((_, column) =>
    Math.max(...grid.map((line) => [...line[column]].length))
  );
  const lines = grid.map((line) =>
    line.map((text, column) => pad(text, widths[column], column === 0)).join("  ").trimEnd()
  );
  lines.splice(1, 0, "─".repeat(widths.reduce((sum, width) => sum + width + 2, -2)));
  return `${table.title}\n\n${lines.join("\n")}\n${footnotes(table)}`;
}

function footnotes(table: Table): string {
  return footnotesOf(table).map((note) => `  ${note}\n`).join("");
}

/** What stands below a table: what its marks mean, then its notes. */
export function footnotesOf(table: Table): string[] {
  const cells = table.rows.flatMap((row) => row.cells);
  const legend = [
    ...(cells.some((cell) => cell.low !== undefined) ? ["± half of a 95 % interval"] : []),
    ...(cells.some((cell) => cell.best)
      ? [table.mark ?? "* best, its interval apart from all others"]
      : []),
    ...(cells.some((cell) => cell.paper !== undefined) ? ["[…] the paper's number"] : []),
    ...(cells.some((cell) => cell.slip)
      ? ["! the paper's number does not follow from its own inputs"]
      : []),
  ];
  return [...(legend.length > 0 ? [legend.join(" · ")] : []), ...table.notes];
}

function pad(text: string, width: number, left: boolean): string {
  const space = " ".repeat(width - [...text].length);
  return left ? text + space : space + text;
}

function plainCell(cell: Cell): string {
  return cellText(cell) + (cell.best ? "*" : "");
}

/** `12.3±0.4 [12.1]`: ours, half the interval, the paper's. */
function cellText(cell: Cell): string {
  const { ours, interval, paper } = cellParts(cell);
  return ours + interval + (paper === "" ? "" : ` ${paper}`);
}

/** What a cell shows: our number, `±0.4`, and `[12.1]`; empty where there is none. */
export function cellParts(cell: Cell): {
  readonly ours: string;
  readonly interval: string;
  readonly paper: string;
} {
  const { value, low, high } = cell;
  const paper = cell.paper === undefined ? "" : `[${cell.paper}${cell.slip ? "!" : ""}]`;
  if (value === null) return { ours: "–", interval: "", paper };
  const ours = cell.text ?? (typeof value === "number" ? shortNumber(value) : value);
  const interval = low !== undefined && high !== undefined
    ? `±${shortNumber((high - low) / 2, decimalsOf(ours))}`
    : "";
  return { ours, interval, paper };
}

/** A difference with its sign and three decimals: `+0.016`, `−0.012`. */
export function signed(value: number): string {
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(3)}`;
}

/** At most four significant digits, or as many decimals as `decimals` says. */
function shortNumber(value: number, decimals?: number): string {
  if (decimals !== undefined) return value.toFixed(decimals);
  if (Number.isInteger(value)) return String(value);
  const size = Math.abs(value);
  return value.toFixed(size >= 1000 ? 0 : size >= 100 ? 1 : size >= 10 ? 2 : 3);
}

function decimalsOf(text: string): number {
  const point = text.indexOf(".");
  return point < 0 ? 0 : text.length - point - 1;
}

function asMarkdown(table: Table): string {
  const escape = (text: string) => text.replaceAll("|", "\\|");
  const line = (texts: readonly string[]) => `| ${texts.map(escape).join(" | ")} |`;
  const rows = table.rows.map((row) =>
    line([
      row.label,
      ...row.cells.map((cell) => cell.best ? `**${cellText(cell)}**` : cellText(cell)),
    ])
  );
  const rule = line(table.columns.map((_, column) => (column === 0 ? "---" : "---:")));
  const notes = footnotes(table).trimEnd().split("\n").map((note) => note.trim()).join("  \n");
  return `**${table.title}**\n\n${[line(table.columns), rule, ...rows].join("\n")}\n\n${notes}\n`;
}

/** One line a cell, so that intervals and the paper's numbers have columns of their own. */
function asCsv(table: Table): string {
  const lines = table.rows.flatMap((row) =>
    row.cells.map((cell, at) =>
      csvLine([
        ...[table.name, row.label, table.columns[at + 1]],
        ...[cell.value, cell.low, cell.high, cell.paper],
      ])
    )
  );
  return ["table,row,column,value,low,high,paper", ...lines].join("\n") + "\n";
}

/** Fields with commas between them; those that are not known are empty. */
export function csvLine(fields: readonly (string | number | null | undefined)[]): string {
  return fields.map((field) => {
    const text = String(field ?? "");
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  }).join(",");
}
