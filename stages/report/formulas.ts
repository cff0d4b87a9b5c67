/**
 * What each method keeps in memory and sends, as formulas, with their values for the recipe.
 *
 * Source: DEPT Table 1.
 */
import { costMethods, type Variant } from "../../training/mod.ts";
import { cellOf } from "./cells.ts";
import { type CostParams, costRowsOf, kind as cost, leftOut, millions } from "./cost.ts";
import type { TableKind } from "./kind.ts";
import type { Row, Table } from "./table.ts";

export const kind: TableKind<CostParams> = {
  names: ["formulas"],
  declare: cost.declare,
  build(params, inputs): Table {
    const rows = costRowsOf(params, inputs);
    return {
      name: "formulas",
      title: "Memory and communication of each method, as formulas",
      columns: ["", "memory", "here", "sent a step", "here", "own vocabularies"],
      rows: rows.map((row): Row => {
        const { memory, sent, isAgnostic } = formulasOf(costMethods().get(row.method)!.training);
        return {
          label: row.method.toUpperCase(),
          cells: [
            { value: memory },
            cellOf(row.parameters, millions),
            { value: sent },
            cellOf(row.communication, millions),
            { value: isAgnostic ? "yes" : "no" },
          ],
        };
      }),
      notes: [
        "M: parameters with the global vocabulary V; V_k: a source's; d: width; L: rows of the position embedding, 0 with ALiBi",
        ...leftOut(params.methods, rows),
      ],
    };
  },
};

/** Memory, communication per step, and whether a source may have a vocabulary of its own. */
function formulasOf(
  { vocabulary, cutsVocabulary, sharesEmbeddings, mixture }: Variant,
) {
  const isWhole = vocabulary === "global" && !cutsVocabulary;
  const memory = isWhole ? "M" : "M − (|V| − |V_k|)·d";
  const sent = sharesEmbeddings ? memory : "M − (|V| + L)·d";
  const inBrackets = sent === "M" ? sent : `(${sent})`;
  return {
    memory,
    sent: mixture ? sent : `${inBrackets} / N_local`,
    isAgnostic: !sharesEmbeddings,
  };
}
