/**
 * Validation perplexity after continuation: a row per variant, a column per source.
 *
 * Source: DEPT §4, Tables 3–6; AVG as there, the mean of the perplexities. The row of unigram cross-entropy is theirs too, in nats.
 */
import type { TableKind } from "./kind.ts";
import {
  commonRow,
  isAverage,
  lossColumns,
  lossInputs,
  type LossParams,
  lossParams,
  unigramNotes,
  variantRows,
} from "./losses.ts";
import { improvementRows, improvementText, type Rivals, rivalsOf, wins } from "./improvement.ts";
import { type Quotation, quotationOf, quote } from "./quoted.ts";
import { markBest, type Row, type Table } from "./table.ts";

interface PerplexityParams extends LossParams, Rivals {
  readonly quotation: Quotation | null;
}

export const kind: TableKind<PerplexityParams> = {
  names: ["perplexity-random", "perplexity-pretrained"],
  declare(recipe, name) {
    const params = lossParams(recipe, name);
    const rivals = rivalsOf(params.variants);
    return {
      inputs: lossInputs(params),
      params: { ...params, ...rivals, quotation: quotationOf(recipe, name) },
    };
  },
  build(params, inputs): Table {
    const rows = variantRows(params, inputs, (losses) => ({
      value: losses.perplexity,
      interval: losses.perplexityInterval,
    }));
    return quote({
      name: params.name,
      title: `Validation perplexity after continuation from ${params.start} embeddings`,
      columns: lossColumns(params),
      rows: [
        commonRow("UNIGRAM-CE", params, inputs, ({ unigramNats, tokens }) => unigramNats / tokens),
        ...markBest(rows, "lowest"),
        ...improvementRows(rows, params),
      ],
      notes: [
        "perplexity of the global vocabulary's tokens; every token but a window's first; the same text for all rows",
        "UNIGRAM-CE: cross-entropy in nats of training token frequencies (add-one), not a perplexity",
        ...unigramNotes(
          params,
          inputs,
          ({ unigramNats, tokens }) => Math.exp(unigramNats / tokens),
        ),
        ...improvementNotes(params, rows),
      ],
    }, params.quotation);
  },
};

function improvementNotes(params: LossParams & Rivals, rows: readonly Row[]): string[] {
  const [won, of] = wins(rows, params, (column) => !isAverage(params, column));
  return of === 0 ? [] : [
    `${improvementText(params)} in the column; AVG from the averages`,
    `the best of the former is below the best of the latter in ${won} of ${of} columns`,
  ];
}
