/**
 * Drift of the sources by round, and what averaging them does to their losses: a line for each variant.
 */
import { group } from "../../pipeline/stage.ts";
import { meanOf } from "../report/cells.ts";
import { kind as table } from "../report/drift.ts";
import { metricsOf, type RoundRow } from "../report/run_metrics.ts";
import type { FigureKind, Panel, Point } from "./figure.ts";

interface DriftParams {
  readonly variants: readonly string[];
}

export const kind: FigureKind<DriftParams> = {
  names: ["drift"],
  declare: table.declare,
  /** Of the variants that are there. */
  build({ variants }, inputs) {
    const metrics = group(inputs, "metrics");
    const runs = variants.filter((id) => metrics.has(id))
      .map((id) => [id, metricsOf(metrics.get(id)!, "round")] as const)
      .filter(([, rounds]) => rounds.length > 0);
    const panel = (title: string, y: string, value: (row: RoundRow) => number | null): Panel => ({
      title,
      y,
      isLogarithmic: false,
      series: runs.map(([label, rounds]) => ({
        label,
        points: rounds.flatMap((row): Point[] => {
          const found = value(row);
          return found === null ? [] : [{ x: row.round, y: found }];
        }),
        from: [`metrics/${label}`],
      })),
    });
    return {
      name: "drift",
      title: "Drift of the sources and effect of averaging",
      x: "round",
      panels: [
        panel("agreement of sources", "cosine of their changes to the body", cosine),
        panel("what averaging keeps", "‖mean Δ‖ over mean ‖Δ‖", kept),
        panel("effect of averaging", "rise of loss, nats a token", rise),
      ],
      notes: [
        "Δ: what local training changed in the body; cosine: mean over pairs of the round's sources",
        "rise: loss on the source's own validation text of the average, less that of what the source made alone; above 0 averaging hurt",
      ],
    };
  },
};

function cosine({ drift }: RoundRow): number | null {
  const known = (drift?.cosines ?? []).flatMap(({ body }) => body === null ? [] : [body]);
  return known.length === 0 ? null : meanOf(known);
}

/** 1 where all sources change the same, 1/√n where they have nothing in common. */
function kept({ drift }: RoundRow): number | null {
  if (drift === undefined) return null;
  const norm = meanOf(Object.values(drift.deltaNorms));
  return norm > 0 ? drift.meanDeltaNorm / norm : null;
}

function rise({ validation, validationBefore }: RoundRow): number | null {
  const before = Object.entries(validationBefore ?? {});
  if (before.length === 0) return null;
  return meanOf(before.map(([source, loss]) => validation[source].lossNats - loss));
}
