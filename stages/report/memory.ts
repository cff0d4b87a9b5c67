/**
 * What a worker holds and what that buys: parameters, bytes in training and bits per byte at the end of pre-training, a row for each
 * variant. Over axes of sizes it is the table of figure `study-pareto`.
 */
import { group } from "../../pipeline/stage.ts";
import { variantNamed } from "../../training/mod.ts";
import { pretrainingEnd } from "../external_models.ts";
import { sourcesOf } from "../sources.ts";
import { cellOf, decimals, whole } from "./cells.ts";
import { inputsOf, metricsInputs, type TableKind } from "./kind.ts";
import { lossCells, readSummary } from "./losses.ts";
import { exchangedBytes, heldBytes, metricsOf } from "./run_metrics.ts";
import type { Row, Table } from "./table.ts";

interface MemoryParams {
  readonly variants: readonly string[];
  readonly sources: readonly string[];
}

export const kind: TableKind<MemoryParams> = {
  names: ["memory"],
  declare(recipe) {
    const variants = recipe.pretrain.variants.filter((id) =>
      !variantNamed(id).training.isUntrained
    );
    return {
      inputs: {
        ...metricsInputs(variants),
        ...inputsOf("losses", variants, (id) => `evaluate/${id}/${pretrainingEnd}#losses`),
      },
      params: { variants, sources: sourcesOf(recipe) },
    };
  },
  build({ variants, sources }, inputs): Table {
    const [metrics, losses] = [group(inputs, "metrics"), group(inputs, "losses")];
    return {
      name: "memory",
      title: "Memory of a worker and bits per byte at the end of pre-training",
      columns: ["", "parameters", "held MB", "exchanged MB", "bits per byte"],
      rows: variants.map((id) => memoryRow(id, sources, metrics.get(id)!, losses.get(id)!)),
      notes: [
        "parameters, held: of the largest source; parameters, gradients and two moments in float32, activations come on top",
        "exchanged: both ways, all workers, whole run; bits per byte: of test text, mean over sources, ± half of a 95 % interval over documents",
        "a shared table predicts among the whole vocabulary; a source's own one among the pieces that it has",
      ],
    };
  },
};

function memoryRow(
  label: string,
  sources: readonly string[],
  metrics: string,
  losses: string,
): Row {
  const rows = metricsOf(metrics, "local");
  const held = heldBytes(rows);
  const summary = readSummary(losses);
  const cells = lossCells(
    { sources, outOfDistribution: [] },
    (source) =>
      source in summary
        ? { value: summary[source].bitsPerByte, interval: summary[source].bitsPerByteInterval }
        : undefined,
  );
  return {
    label,
    from: [`metrics/${label}`, `losses/${label}`],
    cells: [
      cellOf(held / 16, whole),
      cellOf(held / 1e6, decimals(2)),
      cellOf(exchangedBytes(rows) / 1e6, decimals(2)),
      cells.at(-1)!,
    ],
  };
}
