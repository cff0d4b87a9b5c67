/**
 * Cross-entropy after continuation less that of a unigram model: what was learned beyond the frequencies of tokens, comparable
 * between vocabularies.
 *
 * Source: DEPT §4.3 in the authors' code (unigram-normalised cross-entropy), after Tao et al. 2024.
 */
import type { TableKind } from "./kind.ts";
import { lossColumns, lossInputs, type LossParams, lossParams, rowsOf } from "./losses.ts";
import type { Table } from "./table.ts";

export const kind: TableKind<LossParams> = {
  names: ["normalised-random", "normalised-pretrained"],
  declare(recipe, name) {
    const params = lossParams(recipe, name);
    return { inputs: lossInputs(params), params };
  },
  build(params, inputs): Table {
    return {
      name: params.name,
      title:
        `Unigram-normalised cross-entropy in nats after continuation from ${params.start} embeddings`,
      columns: lossColumns(params),
      rows: rowsOf(params, inputs, ({ lossNats, unigramNats, tokens }) => ({
        value: (lossNats - unigramNats) / tokens,
      })),
      notes: [
        "nats a token of the model less those of training token frequencies (add-one over the vocabulary); below 0 is better than they",
      ],
    };
  },
};
