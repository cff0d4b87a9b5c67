/**
 * Curves as lines of text: in braille characters, which have two by four points each, or in letters where several curves have no
 * colours to be told apart by.
 */
import type { Panel, Point, Series } from "../stages/figures/mod.ts";

export interface PlotSize {
  readonly columns: number;
  /** Of the part that has curves. */
  readonly rows: number;
  readonly hasColour: boolean;
}

/** Cells of a plot: a braille pattern (0 to 255) or a letter, and the series that has drawn it last. */
interface Cell {
  dots: number;
  letter?: string;
  series?: number;
}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/** Cyan, yellow, green, magenta, blue, red: readable on dark and on light. */
const colours = [36, 33, 32, 35, 34, 31];

/** Bits of the points of a braille character, by column and row. Source: Unicode 15, Braille Patterns */
const brailleBits = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];

/** A title, the curves beside their axis, the ends of x, and a legend with the last value of each curve. */
export function plotLines(
  { title, y, series }: Panel,
  x: string,
  { columns, rows, hasColour }: PlotSize,
): string[] {
  const points = series.flatMap((one) => one.points);
  const [left, right] = rangeOf(points.map((point) => point.x));
  const [bottom, top] = rangeOf(points.map((point) => point.y));
  const digits = Math.min(4, Math.max(0, 2 - Math.floor(Math.log10(top - bottom))));
  const label = (value: number) => value.toFixed(digits);
  const margin = Math.max(label(top).length, label(bottom).length);
  const width = Math.max(10, columns - 1 - margin - 2);
  const place = ({ x, y }: Point) => ({
    x: (x - left) / (right - left), // from 0 to 1, as below
    y: (top - y) / (top - bottom),
  });
  const cells = Array.from(
    { length: rows },
    () => Array.from({ length: width }, (): Cell => ({ dots: 0 })),
  );
  const isMany = series.length > 1;
  series.forEach((one, index) => {
    const placed = one.points.map(place);
    if (isMany && !hasColour) drawLetters(cells, placed, index);
    else drawDots(cells, placed, index);
  });
  if (isMany && hasColour) series.forEach((one, i) => markEnd(cells, place(one.points.at(-1)!), i));
  const every = Math.max(1, Math.round((rows - 1) / 4));
  const body = cells.map((row, i) => {
    const hasLabel = i === rows - 1 || (i % every === 0 && rows - 1 - i >= every);
    const value = top - (i / (rows - 1)) * (top - bottom);
    return `${(hasLabel ? label(value) : "").padStart(margin)} ${hasLabel ? "┤" : "│"}${
      row.map((cell) => cellText(cell, hasColour && isMany)).join("").trimEnd()
    }`;
  });
  const [from, to] = [String(left), String(right)];
  const between = width - from.length - to.length;
  const name = between > x.length + 2 ? x : "";
  return [
    `${title}, ${y}`,
    ...body,
    `${" ".repeat(margin)} └${"─".repeat(width)}`,
    `${" ".repeat(margin + 2)}${from}${centred(name, Math.max(1, between))}${to}`,
    ...legend(series, columns - 1, hasColour),
  ];
}

/** The least and the largest value; a little more where they are the same. */
function rangeOf(values: readonly number[]): readonly [number, number] {
  const [least, largest] = [Math.min(...values), Math.max(...values)];
  return least < largest ? [least, largest] : [least - 0.5, largest + 0.5];
}

/** Lines between points, in braille. Shares become places between the first and the last dot. */
function drawDots(cells: Cell[][], points: readonly Point[], series: number): void {
  const [width, height] = [2 * cells[0].length, 4 * cells.length];
  const dot = (x: number, y: number) => {
    const cell = cells[y >> 2][x >> 1];
    cell.dots |= brailleBits[x & 1][y & 3];
    cell.series = series;
  };
  const scaled = points.map(({ x, y }) => ({ x: x * (width - 1), y: y * (height - 1) }));
  scaled.forEach((end, i) => {
    const start = scaled[i - 1] ?? end;
    const steps = Math.max(
      1,
      Math.ceil(Math.abs(end.x - start.x)),
      Math.ceil(Math.abs(end.y - start.y)),
    );
    for (let step = 0; step <= steps; step++) {
      const share = step / steps;
      dot(
        Math.round(start.x + share * (end.x - start.x)),
        Math.round(start.y + share * (end.y - start.y)),
      );
    }
  });
}

/** A letter in each column that a curve passes. */
function drawLetters(cells: Cell[][], points: readonly Point[], series: number): void {
  const [width, height] = [cells[0].length, cells.length];
  for (let column = 0; column < width; column++) {
    const y = valueAt(points, column / (width - 1), 0.5 / (width - 1));
    if (y === undefined) continue;
    cells[Math.round(y * (height - 1))][column] = { dots: 0, letter: letterOf(series), series };
  }
}

/** A curve's height by linear interpolation; undefined where it does not reach. @param slack Of its ends. */
function valueAt(points: readonly Point[], x: number, slack: number): number | undefined {
  const after = points.findIndex((point) => point.x >= x);
  if (after < 0) return x - points.at(-1)!.x <= slack ? points.at(-1)!.y : undefined;
  if (after === 0) return points[0].x - x <= slack ? points[0].y : undefined;
  const [before, next] = [points[after - 1], points[after]];
  return before.y + (next.y - before.y) * (x - before.x) / (next.x - before.x);
}

/** The letter of a curve at its end, which tells it from others of its colour. */
function markEnd(cells: Cell[][], { x, y }: Point, series: number): void {
  const column = Math.round(x * (cells[0].length - 1));
  cells[Math.round(y * (cells.length - 1))][column] = { dots: 0, letter: letterOf(series), series };
}

function letterOf(series: number): string {
  return letters[series % letters.length];
}

function cellText({ dots, letter, series }: Cell, hasColour: boolean): string {
  const text = letter ?? (dots === 0 ? " " : String.fromCodePoint(0x2800 + dots));
  return hasColour && series !== undefined ? coloured(text, series) : text;
}

function coloured(text: string, series: number): string {
  return `\x1b[${colours[series % colours.length]}m${text}\x1b[0m`;
}

/** `a trim 2.085   b std-t0 2.113`, in as many lines as it takes. */
function legend(series: readonly Series[], columns: number, hasColour: boolean): string[] {
  const lines: { text: string; length: number }[] = [];
  series.forEach(({ label, points }, i) => {
    const plain = `${series.length > 1 ? `${letterOf(i)} ` : ""}${label} ${
      points.at(-1)!.y.toFixed(3)
    }`;
    const text = hasColour && series.length > 1 ? coloured(plain, i) : plain;
    const last = lines.at(-1);
    if (last !== undefined && last.length + 3 + plain.length <= columns) {
      last.text += `   ${text}`;
      last.length += 3 + plain.length;
    } else lines.push({ text: `  ${text}`, length: plain.length + 2 });
  });
  return lines.map(({ text }) => text);
}

function centred(text: string, width: number): string {
  const before = Math.floor((width - text.length) / 2);
  return `${" ".repeat(before)}${text}`.padEnd(width);
}
