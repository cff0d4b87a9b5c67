/**
 * What a worker holds and sends, by the formulas and as it was measured: bars for each variant.
 */
import { kind as measured, momentsNote } from "../report/cost_measured.ts";
import type { Table } from "../report/table.ts";
import type { FigureKind, Panel, Series } from "./figure.ts";

export const kind: FigureKind = {
  names: ["costs"],
  declare: (recipe) => measured.declare(recipe, "cost-measured"),
  build(params, inputs) {
    const table = measured.build(params, inputs) as Table;
    const panel = (title: string, y: string, columns: Readonly<Record<string, string>>): Panel => ({
      title,
      y,
      isLogarithmic: false,
      mark: "bar",
      series: Object.entries(columns).map(([label, column]) => seriesOf(table, label, column)),
    });
    return {
      name: "costs",
      title: "Memory and communication of a worker",
      x: "variant",
      panels: [
        panel("memory", "parameters of the model", {
          "by the paper's formula": "M_k formula",
          "measured": "M_k held",
        }),
        panel("communication", "parameters sent a step", {
          "by the paper's formula": "sent a step formula",
          "measured": "sent a step",
        }),
        panel("exchanged by all workers in the run", "MB, both ways", {
          "measured": "exchanged MB",
        }),
      ],
      notes: [
        "Standard training and ACT ran in one place and sent nothing: the formula says what a worker each would send",
        momentsNote,
      ],
    };
  },
};

/** What is not known has no bar. */
function seriesOf({ columns, rows }: Table, label: string, column: string): Series {
  const at = columns.indexOf(column) - 1;
  return {
    label,
    points: rows.flatMap(({ label, cells }, x) => {
      const { value } = cells[at];
      return typeof value === "number" ? [{ x, name: label, y: value }] : [];
    }),
    from: rows.flatMap(({ from }) => from ?? []),
  };
}
