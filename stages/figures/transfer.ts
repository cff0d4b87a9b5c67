/**
 * What models make of held-out sources over their distance from the trained ones: a line for each model, with paired intervals.
 */
import { UsageError } from "../../base/mod.ts";
import type { DifferenceParams } from "../report/differences.ts";
import type { Table } from "../report/table.ts";
import { kind as table } from "../report/transfer.ts";
import { type FigureKind, isWide, type Point } from "./figure.ts";

export const kind: FigureKind<DifferenceParams> = {
  names: table.names,
  declare(recipe, name) {
    if (recipe.outOfDistribution.length > 0) return table.declare(recipe, name);
    throw new UsageError(
      `Cannot draw figure "${name}": expected held-out sources, found none; name some in outOfDistribution`,
    );
  },
  build(params, inputs) {
    const { name, title, columns, rows, notes } = table.build(params, inputs) as Table;
    const heldOut = new Set(params.outOfDistribution.map((source) => `${source} (held out)`));
    const shown = rows.filter(({ label }) => heldOut.has(label));
    const first = 2; // after the distance and the reference
    return {
      name,
      title,
      x: "distance in bits per byte",
      panels: [{
        title: "held-out sources",
        y: `bits per byte less those of ${params.reference}`,
        isLogarithmic: false,
        isXLogarithmic: isWide(shown.map(({ cells }) => cells[0].value as number), 8),
        series: columns.slice(1 + first).map((label, i) => ({
          label,
          points: shown.flatMap(({ label, cells }): Point[] => {
            const { value, low, high } = cells[first + i];
            const x = cells[0].value as number;
            return typeof value === "number" ? [{ x, y: value, low, high, name: label }] : [];
          }),
          from: [`losses/${label}`, `losses/${params.reference}`],
        })).filter(({ points }) => points.length > 0),
      }],
      notes,
    };
  },
};
