/**
 * What a study shows, in sentences: the run with the lowest loss, and those that no other one beats in cost and loss at once.
 */
import type { Figure } from "../figures/figure.ts";
import type { Origins, Statement } from "./page.ts";

/** More of them are left to the figure. */
const mostRuns = 6;

/** @param figure What `buildPareto` makes. */
export function studyStatements({ panels }: Figure, origins: Origins): Statement[] {
  return panels.map(({ x, series }): Statement => {
    const best = series.flatMap(({ label, points }) =>
      points.filter(({ isOnFrontier }) => isOnFrontier).map((point) => ({ label, ...point }))
    ).sort((a, b) => a.y - b.y);
    const shown = best.slice(0, mostRuns);
    const names = shown.map(({ label, name, x, y }) =>
      `${label} of ${name} (${Number(x.toPrecision(3))}; ${y.toFixed(3)})`
    );
    const more = best.length > shown.length ? ` and ${best.length - shown.length} more` : "";
    return {
      tone: "plain",
      text: `In ${x} and bits per byte at the end of pre-training, no other run beats ` +
        `${names.join(", ")}${more} in both.`,
      from: shown.map(({ label, name }) => origins[`losses/${name}/${label}`]),
    };
  });
}
