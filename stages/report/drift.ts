/**
 * How far sources move apart in each round, and what averaging does to their losses: a row per variant and round.
 */
import { group } from "../../pipeline/stage.ts";
import { variantNamed } from "../../training/mod.ts";
import { metricsOf, type RoundRow } from "./run_metrics.ts";
import { cellOf, decimals, meanOf, scientific } from "./cells.ts";
import { metricsInputs, type TableKind } from "./kind.ts";
import type { Cell, Row, Table } from "./table.ts";

interface DriftParams {
  readonly variants: readonly string[];
}

export const kind: TableKind<DriftParams> = {
  names: ["drift"],
  declare({ pretrain }) {
    // Those whose rounds end with an average.
    const variants = pretrain.variants.filter((id) => !variantNamed(id).training.mixture);
    return { inputs: metricsInputs(variants), params: { variants } };
  },
  build({ variants }, inputs): Table {
    const metrics = group(inputs, "metrics");
    return {
      name: "drift",
      title: "Drift of the sources in each round",
      columns: [
        "",
        "round",
        "‖Δ‖",
        "‖mean Δ‖",
        "cosine",
        "cosine of ϕ",
        "variance",
        "loss before",
        "loss after",
      ],
      rows: variants.flatMap((variant) =>
        metricsOf(metrics.get(variant)!, "round").map((row) => roundRow(variant, row))
      ),
      notes: [
        "Δ: what local training changed in the body, mean over sources; cosine: mean over pairs of sources; ϕ: rows that both have",
        "variance: of Δ between sources, mean over the body's parameters",
        "loss: nats a token on the source's own validation text, of what it made alone and of the average, mean over the round's sources",
      ],
    };
  },
};

function roundRow(variant: string, { round, drift, validationBefore, validation }: RoundRow): Row {
  const before = Object.entries(validationBefore ?? {});
  const cosines = drift?.cosines ?? [];
  return {
    label: variant,
    from: [`metrics/${variant}`],
    cells: [
      { value: round },
      mean(Object.values(drift?.deltaNorms ?? {})),
      mean(drift === undefined ? [] : [drift.meanDeltaNorm]),
      mean(cosines.map(({ body }) => body)),
      mean(cosines.map(({ tokenEmbedding }) => tokenEmbedding)),
      cellOf(drift?.deltaVariance ?? null, scientific),
      mean(before.map(([, loss]) => loss)),
      mean(before.map(([source]) => validation[source].lossNats)),
    ],
  };
}

function mean(values: readonly (number | null)[]): Cell {
  const known = values.filter((value) => value !== null);
  return cellOf(known.length === 0 ? null : meanOf(known), decimals(3));
}
