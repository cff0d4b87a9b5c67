/**
 * Bits per byte after continuation: a row per variant, a column per source.
 *
 * The first row is what token frequencies alone reach. The last one, for generated text, is the entropy rate of the rules that
 * made it: no model can be below it.
 */
import { readFileSync } from "node:fs";
import { group } from "../../pipeline/stage.ts";
import { allSources } from "../sources.ts";
import { inputsOf, type TableKind } from "./kind.ts";
import {
  commonRow,
  lossCells,
  lossColumns,
  lossInputs,
  type LossParams,
  lossParams,
  type SourceLosses,
  unigramNotes,
  variantRows,
} from "./losses.ts";
import { markBest, type Row, type Table } from "./table.ts";

export const kind: TableKind<LossParams> = {
  names: ["bits-random", "bits-pretrained"],
  declare(recipe, name) {
    const params = lossParams(recipe, name);
    const reports = inputsOf(
      "documents",
      allSources(recipe),
      (source) => `documents/${source}/test#documents`,
    );
    return { inputs: { ...lossInputs(params), ...reports }, params };
  },
  build(params, inputs): Table {
    const rows = variantRows(params, inputs, (losses) => ({
      value: losses.bitsPerByte,
      interval: losses.bitsPerByteInterval,
    }));
    const entropy = entropyRow(params, inputs);
    const unigramBits = ({ unigramNats, bytes }: SourceLosses) => unigramNats / Math.LN2 / bytes;
    return {
      name: params.name,
      title: `Bits per byte after continuation from ${params.start} embeddings`,
      columns: lossColumns(params),
      rows: [
        commonRow("unigram", params, inputs, unigramBits),
        ...markBest(rows, "lowest"),
        ...(entropy ? [entropy] : []),
      ],
      notes: [
        "bits of the predicted tokens over their UTF-8 bytes: comparable between vocabularies",
        ...unigramNotes(params, inputs, unigramBits),
        ...(entropy
          ? ["entropy rate: of the rules that made the text; no model can be below it"]
          : []),
      ],
    };
  },
};

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
