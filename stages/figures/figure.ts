/**
 * A figure as data: what a figure instance writes (`figure.json`, `figure.csv`) and draws (`figure.svg`).
 * No time, host, path or store in it.
 */
import type { OutputRef } from "../../pipeline/stage.ts";
import type { Recipe } from "../recipe.ts";

export interface Series {
  readonly label: string;
  /** Ascending in x. */
  readonly points: readonly Point[];
  /** Inputs of the figure that it is made from. */
  readonly from: readonly string[];
}

export interface Point {
  readonly x: number;
  readonly y: number;
  /** Ends of a band around y. */
  readonly low?: number;
  readonly high?: number;
}

export interface Panel {
  readonly title: string;
  /** What y is, with its unit. */
  readonly y: string;
  readonly isLogarithmic: boolean;
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

/** What a kind of figure is: a module of this folder that exports `kind`. */
// deno-lint-ignore no-explicit-any -- the table of kinds holds kinds of any parameters
export interface FigureKind<Params extends object = any> {
  /** Results that the figure is made from. @throws UsageError where the recipe lacks something for it. */
  inputs(recipe: Recipe): Readonly<Record<string, OutputRef>>;
  params(recipe: Recipe): Params;
  build(params: Params, inputs: Readonly<Record<string, string>>): Figure;
}

/** One line a point. */
export function figureCsv({ name, panels }: Figure): string {
  const quote = (value: string | number | undefined) => {
    const text = value === undefined ? "" : String(value);
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const lines = panels.flatMap((panel) =>
    panel.series.flatMap(({ label, points }) =>
      points.map(({ x, y, low, high }) =>
        [name, panel.title, label, x, y, low, high].map(quote).join(",")
      )
    )
  );
  return ["figure,panel,series,x,y,low,high", ...lines].join("\n") + "\n";
}
