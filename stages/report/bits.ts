/**
 * Bits per byte at the end of pre-training and after continuation: a row per counted model and variant, a column per source.
 *
 * The last row, for generated text, is the entropy rate of the rules that
 * made it: no model can be below it.
 */
import { readFileSync } from "node:fs";
import { group } from "../../pipeline/stage.ts";
import { pretrainingEnd } from "../external_models.ts";
import { ngramOrders } from "../ngrams.ts";
import { allSources } from "../sources.ts";
import { inputsOf, type TableKind } from "./kind.ts";
import {
  afterWhat,
  lossCells,
  lossColumns,
  lossInputs,
  type LossParams,
  lossParams,
  lossRows,
  type SourceLosses,
  unigramNotes,
} from "./losses.ts";
import { pairedMark } from "./paired.ts";
import type { Row, Table } from "./table.ts";

export const kind: TableKind<LossParams> = {
  names: ["pretraining", "bits-random", "bits-pretrained"],
  declare(recipe, name) {
    const params = lossParams(recipe, name, Object.keys(ngramOrders));
    const reports = inputsOf(
      "documents",
      allSources(recipe),
      (source) => `documents/${source}/test#documents`,
    );
    return { inputs: { ...lossInputs(params), ...reports }, params };
  },
  build(params, inputs): Table {
    const entropy = entropyRow(params, inputs);
    const unigramBits = ({ unigramNats, bytes }: SourceLosses) => unigramNats / Math.LN2 / bytes;
    return {
      name: params.name,
      title: `Bits per byte ${afterWhat(params)}`,
      columns: lossColumns(params),
      rows: [
        ...lossRows(params, inputs, "bitsPerByte"),
        ...(entropy ? [entropy] : []),
      ],
      notes: [
        "bits of the predicted tokens over their UTF-8 bytes: comparable between vocabularies; test text, the same for all rows",
        "unigram, bigram, trigram: counts of each source's own training tokens, absolute discounting 0.75",
        ...(params.start === pretrainingEnd
          ? [
            "a shared table predicts among the whole vocabulary; a source's own one among the pieces that it has",
          ]
          : []),
        ...unigramNotes(params, inputs, unigramBits),
        ...(entropy
          ? ["entropy rate: of the rules that made the text; no model can be below it"]
          : []),
      ],
      mark: pairedMark,
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
