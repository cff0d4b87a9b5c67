/**
 * What each method keeps in memory and sends, as formulas, with their values for the recipe.
 *
 * Source: DEPT Table 1.
 */
import { type CostParams, costRowsOf, kind as cost, millions } from "./cost.ts";
import type { TableKind } from "./kind.ts";
import type { Row, Table } from "./table.ts";

/** Memory, communication per step, and whether a source may have a vocabulary of its own. */
const formulas: Readonly<Record<string, readonly [string, string, string]>> = {
  "std": ["M", "M", "no"],
  "glob": ["M", "M / N_local", "no"],
  "trim": ["M − (|V| − |V_k|)·d", "(M − (|V| − |V_k|)·d) / N_local", "no"],
  "spec": ["M − (|V| − |V_k|)·d", "(M − (|V| + L)·d) / N_local", "yes"],
  "spec-opt": ["M − (|V| − |V_k|)·d", "(M − (|V| + L)·d) / N_local", "yes"],
};

export const kind: TableKind<CostParams> = {
  inputs: cost.inputs,
  params: cost.params,
  build: (params, inputs): Table => ({
    name: "formulas",
    title: "Memory and communication of each method, as formulas",
    columns: ["", "memory", "here", "sent a step", "here", "own vocabularies"],
    rows: costRowsOf(params, inputs).map((row): Row => {
      const [memory, sent, isAgnostic] = formulas[row.method];
      return {
        label: row.method.toUpperCase(),
        cells: [
          { value: memory },
          { value: row.parameters, text: millions(row.parameters) },
          { value: sent },
          { value: row.communication, text: millions(row.communication) },
          { value: isAgnostic },
        ],
      };
    }),
    notes: [
      "M: parameters with the global vocabulary V; V_k: a source's; d: width; L: rows of the position embedding, 0 with ALiBi",
    ],
  }),
};
