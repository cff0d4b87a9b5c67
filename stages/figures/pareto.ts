/**
 * What a study's cells cost and what they reach: a dot for each cell and variant, a panel for each cost.
 */
import type { OutputRef, Study } from "../../pipeline/stage.ts";
import { pretrainBudget, variantNamed } from "../../training/mod.ts";
import { pretrainingEnd } from "../external_models.ts";
import type { Recipe } from "../recipe.ts";
import { meanOf } from "../report/cells.ts";
import { readSummary } from "../report/losses.ts";
import { exchangedBytes, heldBytes, metricsOf } from "../report/run_metrics.ts";
import { sourcesOf } from "../sources.ts";
import type { Figure, Panel, Point } from "./figure.ts";

export interface ParetoParams {
  readonly runs: readonly ParetoRun[];
}

/** A variant of a cell. Its inputs are `metrics/<name>` and `losses/<name>`. */
interface ParetoRun {
  readonly name: string;
  readonly variant: string;
  /** What tells the cell from others: `localSteps=50`. */
  readonly cell: string;
  readonly tokens: number;
  readonly sources: readonly string[];
}

export function declarePareto({ cells }: Study<Recipe>): {
  readonly inputs: Readonly<Record<string, OutputRef>>;
  readonly params: ParetoParams;
} {
  const inputs: Record<string, OutputRef> = {};
  const runs: ParetoRun[] = [];
  for (const { recipe, suffix } of cells) {
    const { pretrain, model } = recipe;
    for (const variant of pretrain.variants) {
      const { training } = variantNamed(variant);
      if (training.isUntrained) continue;
      const cell = suffix.slice(1).replaceAll("@", ", ");
      const name = `${cell}/${variant}`;
      inputs[`metrics/${name}`] = `pretrain/${variant}${suffix}#metrics`;
      inputs[`losses/${name}`] = `evaluate/${variant}/${pretrainingEnd}${suffix}#losses`;
      const { tokens } = pretrainBudget(training, { ...pretrain, model });
      runs.push({ name, variant, cell, tokens, sources: sourcesOf(recipe) });
    }
  }
  return { inputs, params: { runs } };
}

/** Of the runs that are there. */
export function buildPareto(
  { runs }: ParetoParams,
  inputs: Readonly<Record<string, string>>,
): Figure {
  const known = runs.filter(({ name }) => inputs[`losses/${name}`] && inputs[`metrics/${name}`])
    .map((run) => {
      const rows = metricsOf(inputs[`metrics/${run.name}`], "local");
      return {
        ...run,
        exchanged: exchangedBytes(rows) / 1e6,
        held: heldBytes(rows) / 1e6,
        bits: bitsOf(run, inputs[`losses/${run.name}`]),
      };
    });
  type Known = (typeof known)[number];
  const panel = (title: string, x: string, cost: (run: Known) => number): Panel => {
    const counted = known.filter((run) => cost(run) > 0);
    const isOnFrontier = (run: Known) =>
      !counted.some((other) =>
        other !== run && cost(other) <= cost(run) && other.bits <= run.bits &&
        (cost(other) < cost(run) || other.bits < run.bits)
      );
    return {
      title,
      x,
      y: "bits per byte",
      isLogarithmic: false,
      isXLogarithmic: true,
      mark: "dot",
      series: [...Map.groupBy(counted, ({ variant }) => variant)].map(([label, own]) => ({
        label,
        points: own.map((run): Point => ({
          x: cost(run),
          y: run.bits,
          name: run.cell,
          ...(isOnFrontier(run) ? { isOnFrontier: true } : {}),
        })),
        from: own.flatMap(({ name }) => [`metrics/${name}`, `losses/${name}`]),
      })),
    };
  };
  return {
    name: "pareto",
    title: "What pre-training costs and what it reaches",
    x: "cost",
    panels: [
      panel("communication", "MB exchanged by all workers", ({ exchanged }) => exchanged),
      panel("text read", "million tokens", ({ tokens }) => tokens / 1e6),
      panel("memory", "MB held by the largest source", ({ held }) => held),
    ].filter(({ series }) =>
      // a cost that all have alike says nothing
      new Set(series.flatMap(({ points }) => points.map(({ x }) => x))).size > 1
    ),
    notes: [
      "held: parameters, gradients and two moments in float32",
      "a dot for each cell of the study and variant; bits per byte of test text at the end of pre-training, mean over sources",
      "the line joins dots that no other one beats in both; their cells stand beside them",
    ],
  };
}

function bitsOf({ sources }: ParetoRun, folder: string): number {
  const summary = readSummary(folder);
  return meanOf(sources.map((source) => summary[source].bitsPerByte));
}
