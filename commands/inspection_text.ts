/**
 * The text that `dataset inspect` prints: a headline, columns, the first texts, problems.
 */
import { fieldAt } from "../datasets/mod.ts";
import { formatBytes, formatCount } from "../base/mod.ts";
import type { GeneratorInspection, Inspection } from "./file_inspection.ts";

/** Lines are cut here where the terminal does not say how wide it is. */
const usualWidth = 100;
/** Names of types are cut here, as those of structs may be very long. */
const typeWidth = 60;

/** Prints one file after another. Columns are printed only if they differ from those of the file before. */
export class InspectionText {
  readonly #width = terminalWidth();
  #columns = "";
  #files = 0;
  #refused = 0;
  #bytes = 0;
  #rows = 0;
  #isExact = true;

  /** The text about one file; it ends with a line feed. */
  of(found: Inspection | GeneratorInspection): string {
    const space = this.#files++ === 0 ? "" : "\n";
    if ("generator" in found) return space + this.#lines(generatorLines(found));
    const { columns, first = [], textColumn, notes, error, problems } = found;
    this.#count(found);
    const known = JSON.stringify([found.format, columns, textColumn]);
    const isNew = columns !== undefined && columns.length > 0 && known !== this.#columns;
    if (isNew) this.#columns = known;
    return (isNew || error !== undefined || problems.rows > 0 ? space : "") + this.#lines([
      `${found.file}: ${headline(found)}`,
      ...(error === undefined ? [] : [`  refused: ${error}`]),
      ...(isNew ? columnLines(found) : []),
      ...(isNew && error === undefined ? firstLines(first, textColumn ?? null) : []),
      ...(notes ?? []).map((note) => `  note: ${note}`),
      ...(problems.rows > 0
        ? [`  ${rowsOf(problems.rows, "bad ")}:`, ...problems.first.map((one) => `    ${one}`)]
        : []),
    ]);
  }

  /** A last line about all files, where there are several. */
  total(): string {
    if (this.#files < 2 || this.#bytes === 0) return "";
    const rows = rowsOf(this.#isExact ? this.#rows : `about ${formatCount(this.#rows)}`);
    const refused = this.#refused === 0 ? "" : `, ${this.#refused} refused`;
    return `\n${this.#files} files: ${formatBytes(this.#bytes)}, ${rows}${refused}\n`;
  }

  #count({ bytes = 0, rows = 0, rowsAreExact, error }: Inspection): void {
    this.#bytes += bytes;
    if (error !== undefined) this.#refused++;
    else {
      this.#rows += rows;
      this.#isExact &&= rowsAreExact === true;
    }
  }

  /** Each on one line of the terminal, except refusals and notes, which are not cut. */
  #lines(lines: readonly string[]): string {
    return lines.map((line) => {
      const isWhole = /^ {2}(refused|note): |^\S/.test(line);
      return `${isWhole ? line : shortened(line, this.#width)}\n`;
    }).join("");
  }
}

function headline({ format, bytes, rows, rowsAreExact, error }: Inspection): string {
  const count = rows === undefined || error !== undefined
    ? []
    : [rowsOf(rowsAreExact ? rows : `about ${formatCount(rows)}`)];
  return [format, ...(bytes === undefined ? [] : [formatBytes(bytes)]), ...count].join(", ");
}

function columnLines({ columns = [], textColumn }: Inspection): string[] {
  const width = Math.max(...columns.map(({ name }) => name.length));
  const types = columns.map(({ type }) => shortened(type, typeWidth));
  const typesWidth = Math.max(...types.map((type) => type.length));
  const lines = columns.map(({ name }, i) => {
    const isText = name === textColumn || textColumn?.startsWith(`${name}.`);
    const mark = !isText ? "" : name === textColumn ? "<- text" : `<- text: ${textColumn}`;
    return `    ${name.padEnd(width)}  ${types[i].padEnd(typesWidth)}  ${mark}`.trimEnd();
  });
  return ["  columns:", ...lines];
}

function firstLines(first: readonly unknown[], textColumn: string | null): string[] {
  if (first.length === 0) return [];
  const texts = first.map((row) => {
    const text = textColumn === null ? undefined : fieldAt(row, textColumn);
    const line = typeof text === "string" ? text : JSON.stringify(text === undefined ? row : text);
    return `    ${line.replace(/\s+/g, " ").trim()}`;
  });
  return [textColumn === null ? "  first rows:" : "  first texts:", ...texts];
}

function generatorLines(found: GeneratorInspection): string[] {
  const { source, generator, entropyBitsPerByte, first } = found;
  return [
    `${source}: made by generator "${generator}", ${entropyBitsPerByte.toFixed(3)} bits per byte`,
    ...firstLines(first, "text"),
  ];
}

function rowsOf(count: number | string, kind = ""): string {
  const shown = typeof count === "number" ? count.toLocaleString("en-US") : count;
  return `${shown} ${kind}${count === 1 ? "row" : "rows"}`;
}

function shortened(text: string, width: number): string {
  const characters = [...text];
  return characters.length > width ? `${characters.slice(0, width - 1).join("")}…` : text;
}

function terminalWidth(): number {
  try {
    return Math.max(40, Deno.consoleSize().columns);
  } catch {
    return usualWidth; // no terminal
  }
}
