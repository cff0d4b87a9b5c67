/**
 * What a table over the axes of a study says, drawn: a line for each of its rows' labels along one axis, a panel for each value of
 * the others.
 */
import type { Cell, Row, Table } from "../report/table.ts";
import { type Figure, isWide, type Panel, type Point, type Series } from "./figure.ts";

export interface OverAxesParams {
  readonly name: string;
  /** The axis along which lines are drawn. */
  readonly x: string;
  /** Its values, as they are written. */
  readonly values: readonly string[];
  /** The other axes that have columns in the table. */
  readonly others: readonly string[];
}

/**
 * Averages over sources are drawn, where the table has some, else every column of numbers.
 * @param input The input that the table is.
 */
export function figureOverAxes(params: OverAxesParams, table: Table, input: string): Figure {
  const { name, x, values, others } = params;
  const isNumeric = values.every((value) => Number.isFinite(Number(value)));
  const placeOf = (value: string) => isNumeric ? Number(value) : values.indexOf(value) + 1;
  const isXLogarithmic = isNumeric && isWide(values.map(Number), 8);
  const headings = drawnColumns(table, [x, ...others]);
  const groups = Map.groupBy(
    table.rows,
    (row) => others.map((axis) => `${axis} ${textAt(table, row, axis)}`).join(", "),
  );
  const found = headings.flatMap((heading) =>
    [...groups].map(([group, rows]): Panel => {
      const series = seriesOf(
        rows,
        (row) => placeOf(textAt(table, row, x)),
        (row) => row.cells[table.columns.indexOf(heading) - 1],
        input,
      );
      return {
        title: [...(headings.length > 1 ? [heading] : []), ...(group === "" ? [] : [group])].join(
          ": ",
        ),
        y: headings.length > 1 ? heading : table.title.split(",")[0],
        isLogarithmic: isWide(series.flatMap(({ points }) => points.map(({ y }) => y)), 100),
        isXLogarithmic,
        ...(isNumeric ? {} : { xNames: values }),
        series,
      };
    })
  ).filter(({ series }) => series.some((one) => !isFlat(one)));
  const moving = found.flatMap(({ series }) => series.filter((one) => !isFlat(one)));
  const labels = new Set(moving.map(({ label }) => label));
  const panels = found.map((panel) => ({
    ...panel,
    series: panel.series.map((one) => labels.has(one.label) ? one : asReference(one)),
  }));
  const far = farReferences(panels);
  return {
    name,
    title: table.title,
    x,
    panels: panels.map((panel) => ({
      ...panel,
      series: panel.series.filter(({ label }) => !far.has(label)),
    })),
    notes: [
      ...(panels.some(({ series }) => series.some(({ isReference }) => isReference))
        ? [`dashed: does not depend on ${x}`]
        : []),
      ...(far.size === 0 ? [] : [
        `far from the lines, not drawn: ${
          [...far].map(([label, y]) => `${label} ${y.toFixed(3)}`).join(", ")
        }`,
      ]),
      ...table.notes.slice(0, 1),
    ],
  };
}

/** Dashed lines of a figure with one quantity that lie further from its lines than these lie apart: they would hide them. */
function farReferences(panels: readonly Panel[]): ReadonlyMap<string, number> {
  const isOneQuantity = new Set(panels.map(({ y }) => y)).size === 1;
  const series = panels.flatMap((panel) => panel.series);
  const drawn = series.filter(({ isReference }) => !isReference)
    .flatMap(({ points }) => points.map(({ y }) => y));
  if (!isOneQuantity || drawn.length === 0) return new Map();
  const [low, high] = [Math.min(...drawn), Math.max(...drawn)];
  const isFar = (y: number) => y < low - (high - low) || y > high + (high - low);
  return new Map(
    series.filter(({ isReference, points: [{ y }] }) => isReference && isFar(y))
      .map(({ label, points: [{ y }] }) => [label, y]),
  );
}

/** Averages over sources, else every column with a number. */
function drawnColumns({ columns, rows }: Table, axes: readonly string[]): readonly string[] {
  const rest = columns.slice(1).filter((heading) => !axes.includes(heading));
  const averages = rest.filter((heading) => heading.startsWith("AVG"));
  if (averages.length > 0) return averages.slice(0, 1);
  return rest.filter((heading) => {
    const at = columns.indexOf(heading) - 1;
    return rows.some(({ cells }) => typeof cells[at].value === "number");
  });
}

function textAt({ columns }: Table, row: Row, axis: string): string {
  const cell = row.cells[columns.indexOf(axis) - 1];
  return cell.text ?? String(cell.value);
}

function seriesOf(
  rows: readonly Row[],
  xOf: (row: Row) => number,
  cellOf: (row: Row) => Cell,
  input: string,
): Series[] {
  const known = rows.filter((row) => typeof cellOf(row).value === "number");
  return [...Map.groupBy(known, ({ label }) => label)].map(([label, own]): Series => {
    const points = own.map((row): Point => {
      const { value, low, high } = cellOf(row);
      return {
        x: xOf(row),
        y: value as number,
        ...(low === undefined || high === undefined ? {} : { low, high }),
      };
    }).sort((a, b) => a.x - b.x);
    return { label, points, from: [input] };
  });
}

/** Whether it has more than one place, and the same value at each. */
function isFlat({ points }: Series): boolean {
  return points.length > 1 && points.every(({ y }) => y === points[0].y);
}

function asReference({ points, ...series }: Series): Series {
  const [first, last] = [points[0], points.at(-1)!];
  return {
    ...series,
    points: [first, last].map(({ x, y }) => ({ x, y })),
    isReference: true,
  };
}
