/**
 * How losses, norms of parameters and activations grow along pre-training: a row for each variant. Over an axis of learning rates it
 * shows where training breaks down, and what grows with it.
 *
 * Source: DEPT Fig. 2, and what its reviewers asked: what makes baselines diverge.
 */
import { UsageError } from "../../base/mod.ts";
import { group } from "../../pipeline/stage.ts";
import { activationGrowth, type MonitorRow, variantNamed } from "../../training/mod.ts";
import { cellOf, decimals, meanOf, whole } from "./cells.ts";
import { metricsInputs, type TableKind } from "./kind.ts";
import { metricsOf, monitorsOf } from "./run_metrics.ts";
import type { Row, Table } from "./table.ts";

interface GrowthParams {
  readonly variants: readonly string[];
}

/** A row of monitors; which participant it is of. */
type PlacedRow = MonitorRow & { readonly source: string };

export const kind: TableKind<GrowthParams> = {
  names: ["growth"],
  needs: "pretrain.monitors.everySteps=10",
  declare({ pretrain: { variants, monitors } }) {
    if (monitors.everySteps === null) {
      throw new UsageError(
        `Cannot make table "growth": expected pretrain.monitors.everySteps, found none; ` +
          `run with --set pretrain.monitors.everySteps=10`,
      );
    }
    const trained = variants.filter((id) => !variantNamed(id).training.isUntrained);
    return { inputs: metricsInputs(trained), params: { variants: trained } };
  },
  build({ variants }, inputs): Table {
    const metrics = group(inputs, "metrics");
    return {
      name: "growth",
      title: "Growth of losses and norms along pre-training",
      columns: [
        "",
        "last loss",
        "above the lowest",
        "parameters ×",
        "activations ×",
        "gradient",
        "left out",
      ],
      rows: variants.map((variant) => growthRow(variant, metrics.get(variant)!)),
      notes: [
        "loss: nats a token of training, mean over those who train side by side, at the monitored steps",
        "×: the last norm of all parameters, and of the largest output of a block, as a multiple of the participant's first, mean over participants",
        "gradient: the largest norm before clipping, of all steps; left out: steps whose loss or gradient was not finite",
      ],
    };
  },
};

function growthRow(variant: string, folder: string): Row {
  const rows: readonly PlacedRow[] = monitorsOf(folder);
  const steps = [...Map.groupBy(rows, ({ step }) => step)].sort(([a], [b]) => a - b);
  const losses = steps.map(([, at]) => meanOf(at.map(({ lossNats }) => lossNats)));
  const local = metricsOf(folder, "local");
  return {
    label: variant,
    from: [`metrics/${variant}`],
    cells: [
      cellOf(losses.at(-1)!, decimals(3)),
      cellOf(losses.at(-1)! - Math.min(...losses), decimals(3)),
      growthCell(
        rows,
        (first, last) =>
          first.parameterNorm === null || last.parameterNorm === null
            ? Infinity
            : last.parameterNorm / first.parameterNorm,
      ),
      growthCell(rows, activationGrowth),
      cellOf(Math.max(...local.map(({ gradientNormMax = 0 }) => gradientNormMax)), decimals(2)),
      cellOf(local.reduce((sum, { leftOut = [] }) => sum + leftOut.length, 0), whole),
    ],
  };
}

/** Mean over participants; nothing for what is not finite. */
function growthCell(
  rows: readonly PlacedRow[],
  growth: (first: MonitorRow, last: MonitorRow) => number,
) {
  const own = [...Map.groupBy(rows, ({ source }) => source).values()];
  const value = meanOf(own.map((rows) => growth(rows[0], rows.at(-1)!)));
  return cellOf(Number.isFinite(value) ? value : null, decimals(2));
}
