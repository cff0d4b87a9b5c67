/**
 * A figure as data: what a figure instance writes (`figure.json`, `figure.csv`) and draws (`figure.svg`).
 * No time, host, path or store in it.
 */
import { csvLine } from "../report/format.ts";
import type { Kind } from "../report/kind.ts";

export interface Series {
  readonly label: string;
  /** Ascending in x. */
  readonly points: readonly Point[];
  /** Inputs of the figure that it is made from. */
  readonly from: readonly string[];
  /** It is drawn dashed, without points: what the others are measured by. */
  readonly isReference?: true;
}

export interface Point {
  /** The place of `name` where the panel has bars or fields. */
  readonly x: number;
  readonly y: number;
  /** Ends of a band around y. */
  readonly low?: number;
  readonly high?: number;
  /** What tells it from other points of its series: of bars and fields what they are of. */
  readonly name?: string;
  /** No other point of the panel has both a lower x and a lower y. */
  readonly isOnFrontier?: boolean;
}

/** How points are drawn: joined, as bars from 0 (a group for each x), as dots, or as fields (a row for each series). */
export type Mark = "line" | "bar" | "dot" | "field";

export interface Panel {
  readonly title: string;
  /** What x is, where it is not what the figure says. */
  readonly x?: string;
  /** What y is, with its unit. */
  readonly y: string;
  readonly isLogarithmic: boolean;
  readonly isXLogarithmic?: boolean;
  /** What stands below x = 1, 2, …, where x are places of things that have names. */
  readonly xNames?: readonly string[];
  /** Default `line`. */
  readonly mark?: Mark;
  readonly series: readonly Series[];
}

export interface Figure {
  readonly name: string;
  readonly title: string;
  /** What x is, of all panels. */
  readonly x: string;
  readonly panels: readonly Panel[];
  readonly notes: readonly string[];
}

// deno-lint-ignore no-explicit-any -- the list of kinds holds kinds of any parameters
export type FigureKind<Params extends object = any> = Kind<Figure, Params>;

/** Whether all values are above 0, and the largest is so many times the least: they are drawn on a logarithm then. */
export function isWide(values: readonly number[], times: number): boolean {
  return Math.min(...values) > 0 && Math.max(...values) >= times * Math.min(...values);
}

/** One line a point. */
export function figureCsv({ name, panels }: Figure): string {
  const lines = panels.flatMap((panel) =>
    panel.series.flatMap(({ label, points }) =>
      points.map((point) => {
        const { y, low, high } = point;
        const x = panel.mark === "bar" || panel.mark === "field" ? point.name : point.x;
        return csvLine([name, panel.title, label, x, y, low, high]);
      })
    )
  );
  return ["figure,panel,series,x,y,low,high", ...lines].join("\n") + "\n";
}
