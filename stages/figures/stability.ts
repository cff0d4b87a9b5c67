/**
 * Activations and norms of parameters along pre-training: each baseline, and DEPT's variants as a mean in the band of their
 * least and largest.
 *
 * Source: DEPT Fig. 2; what "activations" are: `training/monitors.ts`.
 */
import { UsageError } from "../../base/mod.ts";
import { group } from "../../pipeline/stage.ts";
import { type MonitorRow, variantNamed } from "../../training/mod.ts";
import { meanOf } from "../report/cells.ts";
import { rivalsOf } from "../report/improvement.ts";
import { metricsInputs } from "../report/kind.ts";
import { monitorsOf } from "../report/run_metrics.ts";
import type { FigureKind, Panel, Point, Series } from "./figure.ts";

interface StabilityParams {
  readonly dept: readonly string[];
  /** Baselines and controls. */
  readonly others: readonly string[];
}

export const kind: FigureKind<StabilityParams> = {
  names: ["stability"],
  declare({ pretrain: { variants, monitors } }) {
    if (monitors.everySteps === null) {
      throw new UsageError(
        `Cannot draw figure "stability": expected pretrain.monitors.everySteps, found none; ` +
          `run with --set pretrain.monitors.everySteps=10`,
      );
    }
    const trained = variants.filter((id) => !variantNamed(id).training.isUntrained);
    const { dept } = rivalsOf(trained);
    const others = trained.filter((id) => !dept.includes(id));
    return { inputs: metricsInputs(trained), params: { dept, others } };
  },
  build({ dept, others }, inputs) {
    const rows = new Map(
      [...group(inputs, "metrics")].map(([id, folder]) => [
        id,
        monitorsOf(folder),
      ]),
    );
    const of = (ids: readonly string[]) => ids.flatMap((id) => rows.get(id)!);
    const from = (ids: readonly string[]) => ids.map((id) => `metrics/${id}`);
    const panel = (title: string, y: string, value: (row: MonitorRow) => number | null): Panel => ({
      title,
      y,
      isLogarithmic: false,
      series: [
        ...others.map((id): Series => ({
          label: id,
          points: bands(of([id]), value).map(({ x, y }) => ({ x, y })),
          from: from([id]),
        })),
        ...(dept.length === 0
          ? []
          : [{ label: "DEPT-AVG", points: bands(of(dept), value), from: from(dept) }]),
      ],
    });
    return {
      name: "stability",
      title: "Activations and norms of parameters along pre-training",
      x: "sequential step",
      panels: [
        panel("activations", "largest mean of a module's output", (row) => row.activationMeanMax),
        panel("parameters", "L2 norm of all parameters", (row) => row.parameterNorm),
      ],
      notes: dept.length === 0
        ? []
        : [`DEPT-AVG: mean over ${dept.join(", ")} and their sources; band: least and largest`],
    };
  },
};

/** Mean, least and largest of the rows at each step; what is not finite has no place in a figure. */
function bands(rows: readonly MonitorRow[], value: (row: MonitorRow) => number | null): Point[] {
  const byStep = new Map<number, number[]>();
  for (const row of rows) {
    const seen = value(row);
    if (seen !== null) byStep.set(row.step, [...byStep.get(row.step) ?? [], seen]);
  }
  return [...byStep].sort(([a], [b]) => a - b).map(([x, values]) => ({
    x,
    y: meanOf(values),
    low: Math.min(...values),
    high: Math.max(...values),
  }));
}
