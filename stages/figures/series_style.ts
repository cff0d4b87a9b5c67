/**
 * How a series looks: a colour for each label, and a dash by what it stands for.
 */
import { findVariant } from "../../training/mod.ts";
import type { Series } from "./figure.ts";

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

/** What others are measured by is grey. */
const grey = "#808791";
const greyDashes = [[1, 3], [4, 4], [9, 3]];

/** A look for each label, by its place among all that are of its kind. */
export function styleOfSeries(
  series: readonly Pick<Series, "label" | "isReference">[],
): (label: string) => SeriesStyle {
  const labels = (isReference: boolean) => [
    ...new Set(
      series.filter((it) => (it.isReference ?? false) === isReference).map(({ label }) => label),
    ),
  ];
  const [lines, references] = [labels(false), labels(true)];
  return (label) => {
    const place = references.indexOf(label);
    if (place >= 0) return { colour: grey, dash: greyDashes[place % greyDashes.length] };
    const role = findVariant(label)?.role;
    return {
      colour: colours[Math.max(0, lines.indexOf(label)) % colours.length],
      dash: role === undefined ? [] : dashes[role],
    };
  };
}
