/**
 * What the average of the last round does to the loss of its sources: a row per variant and source.
 */
import { group } from "../../pipeline/stage.ts";
import { variantNamed } from "../../training/mod.ts";
import { sourcesOf } from "../sources.ts";
import { cellOf, decimals, meanOf } from "./cells.ts";
import { metricsInputs, type TableKind } from "./kind.ts";
import { metricsOf, type RoundRow } from "./run_metrics.ts";
import type { Row, Table } from "./table.ts";
import {
  type BitsPerByte,
  bitsPerByteOf,
  validationInputs,
  type Vocabulary,
} from "./validation_bits.ts";

interface AveragingParams {
  readonly variants: readonly (readonly [id: string, Vocabulary])[];
}

export const kind: TableKind<AveragingParams> = {
  names: ["averaging"],
  declare(recipe) {
    const methods = recipe.pretrain.variants.map((id) => [id, variantNamed(id)] as const)
      .filter(([, { role }]) => role === "method");
    const variants = methods.map(([id, { training }]) => [id, training.vocabulary] as const);
    const text = validationInputs(sourcesOf(recipe), variants.map(([, vocabulary]) => vocabulary));
    const ids = methods.map(([id]) => id);
    return { inputs: { ...metricsInputs(ids), ...text }, params: { variants } };
  },
  build({ variants }, inputs): Table {
    const metrics = group(inputs, "metrics");
    const runs = variants.map(([variant, vocabulary]) => ({
      variant,
      rounds: metricsOf(metrics.get(variant)!, "round"),
      bits: bitsPerByteOf(group(inputs, vocabulary)),
    }));
    return {
      name: "averaging",
      title: "Bits per byte of the last round's sources before and after the average",
      columns: ["", "source", "alone", "averaged", "rise"],
      rows: runs.flatMap(({ variant, rounds, bits }) => rowsOf(variant, rounds.at(-1)!, bits)),
      notes: [
        "on the source's own validation text, of what it made alone and of the average; a shared table is judged whole",
        ...runs.map(({ variant, rounds }) => {
          const raised = rounds.filter((round) => meanRise(round) > 0).length;
          return `${variant}: the average raised the loss in ${raised} of ${rounds.length} rounds`;
        }),
      ],
    };
  },
};

function rowsOf(variant: string, round: RoundRow, bits: BitsPerByte): Row[] {
  return lossesOf(round).map(({ source, ...nats }) => {
    const [alone, averaged] = [bits(source, nats.alone), bits(source, nats.averaged)];
    return {
      label: variant,
      from: [`metrics/${variant}`],
      cells: [
        { value: source },
        cellOf(alone, decimals(3)),
        cellOf(averaged, decimals(3)),
        cellOf(averaged - alone, (rise) => `${rise > 0 ? "+" : ""}${rise.toFixed(3)}`),
      ],
    };
  });
}

/** Mean over the sources of a round. */
function meanRise(round: RoundRow): number {
  return meanOf(lossesOf(round).map(({ alone, averaged }) => averaged - alone));
}

function lossesOf({ validationBefore, validation }: RoundRow) {
  return Object.entries(validationBefore ?? {}).map(([source, alone]) => ({
    source,
    alone,
    averaged: validation[source].lossNats,
  }));
}
