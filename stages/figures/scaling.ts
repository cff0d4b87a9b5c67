/**
 * Training perplexity of each source by round, a panel per DEPT variant: where it flattens for each of them.
 *
 * Source: DEPT Fig. 4 (App. B.7), whose curves of the 1B model are these.
 */
import { UsageError } from "../../base/mod.ts";
import { group } from "../../pipeline/stage.ts";
import { rivalsOf } from "../report/improvement.ts";
import { metricsInputs } from "../report/kind.ts";
import { metricsOf } from "../report/run_metrics.ts";
import type { FigureKind, Series } from "./figure.ts";

interface ScalingParams {
  readonly variants: readonly string[];
}

export const kind: FigureKind<ScalingParams> = {
  names: ["scaling"],
  declare({ pretrain }) {
    const variants = rivalsOf(pretrain.variants).dept;
    if (variants.length > 0) return { inputs: metricsInputs(variants), params: { variants } };
    throw new UsageError(
      `Cannot draw figure "scaling": expected a variant of DEPT among pretrain.variants, found ${
        pretrain.variants.join(", ")
      }`,
    );
  },
  build({ variants }, inputs) {
    const metrics = group(inputs, "metrics");
    return {
      name: "scaling",
      title: "Training perplexity of each source by round",
      x: "round",
      panels: variants.map((id) => ({
        title: id,
        y: "training perplexity",
        isLogarithmic: true,
        series: seriesOf(metrics.get(id)!, `metrics/${id}`),
      })),
      notes: ["mean loss of local training in the round, in the source's own vocabulary"],
    };
  },
};

/** A line per source through the rounds in which it was sampled. */
function seriesOf(folder: string, input: string): Series[] {
  const rows = metricsOf(folder, "local");
  const sources = [...new Set(rows.map(({ source }) => source))].sort();
  return sources.map((label) => ({
    label,
    points: rows.flatMap(({ source, round, lossNatsMean }) =>
      source === label && typeof lossNatsMean === "number"
        ? [{ x: round, y: Math.exp(lossNatsMean) }]
        : []
    ),
    from: [input],
  }));
}
