/**
 * How a series looks: a colour for each label, and a dash by what it stands for.
 */
import { findVariant } from "../../training/mod.ts";

export interface SeriesStyle {
  readonly colour: string;
  /** Lengths of strokes and gaps; empty for an unbroken line. */
  readonly dash: readonly number[];
}

/** Each has a contrast of at least 3 to 1 with white and with a dark page. */
const colours = [
  "#3b7dd8",
  "#d2610c",
  "#1b9171",
  "#c2408f",
  "#8468d0",
  "#9c7500",
  "#2492a3",
  "#dc4b45",
  "#688a1f",
  "#97684a",
  "#7b8390",
  "#5d6fdd",
];

/** DEPT is unbroken, baselines are in strokes, controls in dots: a reader without colours sees the sides. */
const dashes = { method: [], baseline: [6, 3], control: [2, 2] } as const;

/** A style for each label, by its place among all. */
export function styleOfSeries(labels: readonly string[]): (label: string) => SeriesStyle {
  const places = new Map([...new Set(labels)].map((label, place) => [label, place]));
  return (label) => {
    const role = findVariant(label)?.role;
    return {
      colour: colours[(places.get(label) ?? 0) % colours.length],
      dash: role === undefined ? [] : dashes[role],
    };
  };
}
