/**
 * What pre-training of each variant took: rows of as many tokens can be compared as equals.
 */
import { formatBytes } from "../../base/mod.ts";
import { flopsPerToken } from "../../model/mod.ts";
import { group } from "../../pipeline/stage.ts";
import { pretrainBudget, settingsOf, variantNamed } from "../../training/mod.ts";
import type { Recipe } from "../recipe.ts";
import { cellOf, scientific, whole } from "./cells.ts";
import { metricsInputs, type TableKind } from "./kind.ts";
import { metricsOf } from "./run_metrics.ts";
import type { Row, Table } from "./table.ts";

type Extent = Pick<
  Recipe["pretrain"],
  "rounds" | "localSteps" | "sourcesPerRound" | "batchSize"
>;

interface BudgetParams {
  readonly variants: readonly string[];
  readonly model: Recipe["model"];
  readonly extent: Extent & { readonly inner: { readonly warmupSteps: number } };
}

export const kind: TableKind<BudgetParams> = {
  names: ["budget"],
  declare({ model, pretrain }) {
    const { variants, rounds, localSteps, sourcesPerRound, batchSize, inner } = pretrain;
    const { warmupSteps } = inner;
    const extent = { rounds, localSteps, sourcesPerRound, batchSize, inner: { warmupSteps } };
    return { inputs: metricsInputs(variants), params: { variants, model, extent } };
  },
  build(params, inputs): Table {
    const metrics = group(inputs, "metrics");
    return {
      name: "budget",
      title: "What pre-training took",
      columns: ["", "tokens", "sequential steps", "FLOPs", "held", "exchanged"],
      rows: params.variants.map((variant) => budgetRow(params, variant, metrics.get(variant)!)),
      notes: [
        "tokens: of all who train in a round; sequential: steps of a round's sources are taken side by side",
        "FLOPs: of the steps that were taken, each source with the vocabulary that it trains with, by the formula of forecasts",
        "held: parameters, gradients and two moments in float32, the largest source; exchanged: both ways, all workers, whole run",
        "time is no result and stands in no table: run --profile prints it",
      ],
    };
  },
};

function budgetRow({ model, extent }: BudgetParams, variant: string, folder: string): Row {
  const { training } = variantNamed(variant);
  const { tokens, steps } = pretrainBudget(training, { ...extent, model });
  const { batchSize } = settingsOf(training, extent);
  const rows = metricsOf(folder, "local");
  const sum = (of: (row: typeof rows[number]) => number) =>
    rows.reduce((total, row) => total + of(row), 0);
  const flops = sum(({ steps = 0, vocabSize }) =>
    steps * batchSize * model.seqLen * flopsPerToken({ ...model, vocabSize })
  );
  const held = Math.max(0, ...rows.map(({ heldBytes = 0 }) => heldBytes));
  const exchanged = sum(({ sentBytes = 0, returnedBytes = 0 }) => sentBytes + returnedBytes);
  return {
    label: variant,
    from: [`metrics/${variant}`],
    cells: [
      cellOf(tokens, whole),
      cellOf(steps, whole),
      cellOf(flops, scientific),
      cellOf(held, formatBytes),
      cellOf(exchanged, formatBytes),
    ],
  };
}
