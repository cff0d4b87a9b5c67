/**
 * Test perplexity after continuation: a row per counted model and variant, a column per source.
 *
 * Source: DEPT §4, Tables 3–6; AVG as there, the mean of the perplexities. The row of unigram cross-entropy is theirs too, in nats.
 */
import type { TableKind } from "./kind.ts";
import {
  afterWhat,
  commonRow,
  isAverage,
  lossColumns,
  lossInputs,
  type LossParams,
  lossParams,
  lossRows,
  unigramNotes,
} from "./losses.ts";
import { comparisonNotes, comparisonRows, type Comparisons, comparisonsOf } from "./improvement.ts";
import { type Quotation, quotationOf, quote } from "./quoted.ts";
import { pairedMark } from "./paired.ts";
import type { Table } from "./table.ts";

interface PerplexityParams extends LossParams, Comparisons {
  readonly quotation: Quotation | null;
}

export const kind: TableKind<PerplexityParams> = {
  names: ["perplexity-random", "perplexity-pretrained"],
  declare(recipe, name) {
    const all = lossParams(recipe, name, ["bigram", "trigram"]);
    // From its own embeddings an import has tokens of its own, whose perplexity is of other things.
    const params = { ...all, external: all.start === "random" ? all.external : [] };
    return {
      inputs: lossInputs(params),
      params: {
        ...params,
        ...comparisonsOf(recipe, params.variants),
        quotation: quotationOf(recipe, name),
      },
    };
  },
  build(params, inputs): Table {
    const rows = lossRows(params, inputs, "perplexity");
    return quote({
      name: params.name,
      title: `Test perplexity ${afterWhat(params)}`,
      columns: lossColumns(params),
      rows: [
        commonRow("UNIGRAM-CE", params, inputs, ({ unigramNats, tokens }) => unigramNats / tokens),
        ...rows,
        ...comparisonRows(rows, params),
      ],
      notes: [
        "perplexity of the global vocabulary's tokens; every token but a window's first; the same text for all rows",
        "UNIGRAM-CE: cross-entropy in nats of training token frequencies (add-one), not a perplexity",
        ...unigramNotes(
          params,
          inputs,
          ({ unigramNats, tokens }) => Math.exp(unigramNats / tokens),
        ),
        ...comparisonNotes(rows, params, "columns", (column) => !isAverage(params, column)),
        "AVG: the paper's mean of perplexities, which the worst source decides; the mean of bits per byte is in tables bits-*",
      ],
      mark: pairedMark,
    }, params.quotation);
  },
};
