/**
 * What pre-training of each variant took: rows of as many tokens can be compared as equals.
 */
import { readFileSync } from "node:fs";
import { formatBytes } from "../../base/mod.ts";
import { flopsPerToken } from "../../model/mod.ts";
import { group } from "../../pipeline/stage.ts";
import { pretrainBudget, settingsOf, type TuneResult, variantNamed } from "../../training/mod.ts";
import type { Recipe } from "../recipe.ts";
import { cellOf, scientific, whole } from "./cells.ts";
import { metricsInputs, rateInputs, type TableKind } from "./kind.ts";
import { exchangedBytes, heldBytes, metricsOf } from "./run_metrics.ts";
import type { Row, Table } from "./table.ts";

type Extent = Pick<
  Recipe["pretrain"],
  "rounds" | "localSteps" | "sourcesPerRound" | "batchSize"
>;

interface BudgetParams {
  readonly variants: readonly string[];
  readonly model: Recipe["model"];
  /** Peak learning rates as the recipe says them; a search's stands in its place. */
  readonly rates: Readonly<Record<string, number>>;
  readonly extent: Extent & { readonly inner: { readonly warmupSteps: number } };
}

export const kind: TableKind<BudgetParams> = {
  names: ["budget"],
  declare(recipe) {
    const { model, pretrain } = recipe;
    const { variants, rounds, localSteps, sourcesPerRound, batchSize, inner } = pretrain;
    const { warmupSteps, peakLearningRate } = inner;
    const extent = { rounds, localSteps, sourcesPerRound, batchSize, inner: { warmupSteps } };
    const rates = Object.fromEntries(
      variants.map((id) => [id, pretrain.peakLearningRates[id] ?? peakLearningRate]),
    );
    return {
      inputs: { ...metricsInputs(variants), ...rateInputs(recipe) },
      params: { variants, model, extent, rates },
    };
  },
  build(params, inputs): Table {
    const metrics = group(inputs, "metrics");
    const tuned = group(inputs, "rate");
    return {
      name: "budget",
      title: "What pre-training took",
      columns: ["", "tokens", "sequential steps", "peak rate", "FLOPs", "held", "exchanged"],
      rows: params.variants.map((variant) => {
        const found = tuned.get(variant);
        const rate = found === undefined ? params.rates[variant] : tunedRate(found);
        return budgetRow(params, variant, rate, metrics.get(variant)!);
      }),
      notes: [
        "tokens: of all who train in a round; sequential: steps of a round's sources are taken side by side",
        ...(tuned.size === 0 ? [] : [`peak rate: ${[...tuned.keys()].join(", ")} by a search`]),
        "FLOPs: of the steps that were taken, each source with the vocabulary that it trains with, by the formula of forecasts",
        "held: parameters, gradients and two moments in float32, the largest source; exchanged: both ways, all workers, whole run",
      ],
      timedInputs: "metrics",
    };
  },
};

function tunedRate(folder: string): number {
  const found: TuneResult = JSON.parse(readFileSync(`${folder}/rate.json`, "utf8"));
  return found.peakLearningRate;
}

function budgetRow(
  { model, extent }: BudgetParams,
  variant: string,
  rate: number,
  folder: string,
): Row {
  const { training } = variantNamed(variant);
  const { tokens: inRounds, steps } = pretrainBudget(training, { ...extent, model });
  const { batchSize } = settingsOf(training, extent);
  const rows = metricsOf(folder, "local");
  const joining = metricsOf(folder, "joining");
  const alone = joining.reduce((sum, { steps }) => sum + steps, 0);
  const tokens = inRounds + alone * batchSize * model.seqLen;
  const flops = [...joining, ...rows].reduce(
    (sum, { steps = 0, vocabSize }) =>
      sum + steps * batchSize * model.seqLen * flopsPerToken({ ...model, vocabSize }),
    0,
  );
  return {
    label: variant,
    from: [`metrics/${variant}`],
    cells: [
      cellOf(tokens, whole),
      cellOf(steps, whole),
      cellOf(training.isUntrained ? null : rate, scientific),
      cellOf(flops, scientific),
      cellOf(heldBytes(rows), formatBytes),
      cellOf(exchangedBytes(rows), formatBytes),
    ],
  };
}
