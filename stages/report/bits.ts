/**
 * Bits per byte after continuation: a row per variant, a column per source, between two bounds.
 *
 * Above: what token frequencies alone reach. Below, for generated text: the entropy rate of the rules that made it,
 * under which no model can come.
 */
import { readFileSync } from "node:fs";
import { group } from "../../pipeline/stage.ts";
import type { TableKind } from "./kind.ts";
import {
  documentReports,
  lossCells,
  lossColumns,
  lossInputs,
  type LossParams,
  lossParams,
  readSummary,
  variantRows,
} from "./losses.ts";
import { markBest, type Row, type Table } from "./table.ts";

export const kind: TableKind<LossParams> = {
  inputs: (recipe, name) => ({ ...lossInputs(recipe, name), ...documentReports(recipe) }),
  params: lossParams,
  build(params, inputs): Table {
    const rows = variantRows(params, inputs, (losses) => ({
      value: losses.bitsPerByte,
      interval: losses.bitsPerByteInterval,
    }));
    const entropy = entropyRow(params, inputs);
    return {
      name: `bits-${params.start}`,
      title: `Bits per byte after continuation from ${params.start} embeddings`,
      columns: lossColumns(params),
      rows: [
        unigramRow(params, inputs),
        ...markBest(rows, "lowest"),
        ...(entropy ? [entropy] : []),
      ],
      notes: [
        "bits of the predicted tokens over their UTF-8 bytes: comparable between vocabularies",
        ...(entropy
          ? ["entropy rate: of the rules that made the text; no model can be below it"]
          : []),
      ],
    };
  },
};

function unigramRow(params: LossParams, inputs: Readonly<Record<string, string>>): Row {
  const summary = readSummary([...group(inputs, "losses").values()][0]);
  const cells = lossCells(params, (source) => ({
    value: summary[source].unigramNats / Math.LN2 / summary[source].bytes,
  }));
  return { label: "unigram", cells };
}

function entropyRow(params: LossParams, inputs: Readonly<Record<string, string>>): Row | undefined {
  const rates = new Map(
    [...group(inputs, "documents")].map(([source, folder]) => [
      source,
      JSON.parse(readFileSync(`${folder}/report.json`, "utf8")).entropyBitsPerByte as number | null,
    ]),
  );
  if ([...rates.values()].some((rate) => typeof rate !== "number")) return undefined;
  return {
    label: "entropy rate",
    cells: lossCells(params, (source) => ({ value: rates.get(source)! })),
  };
}
