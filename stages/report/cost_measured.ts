/**
 * Costs of a run as they were measured, beside those that the formulas give for the same sizes.
 *
 * Measured are the arrays themselves, in float32: those that were sent and returned, and those that training held (parameters,
 * gradients and two moments, a quarter of which is M_k). Source of the formulas: DEPT Table 1.
 */
import { group, type OutputRef } from "../../pipeline/stage.ts";
import { type CostRow, costRows, variantNamed } from "../../training/mod.ts";
import type { Recipe } from "../recipe.ts";
import { metricsOf } from "./run_metrics.ts";
import { countedInputs, countedSizes } from "./cost.ts";
import type { TableKind } from "./kind.ts";
import type { Cell, Row, Table } from "./table.ts";

interface MeasuredCostParams {
  readonly model: Recipe["model"];
  readonly rounds: number;
  readonly localSteps: number;
  /** Variants, and the row of the formulas that each belongs to. */
  readonly methods: readonly (readonly [string, string])[];
}

export const kind: TableKind<MeasuredCostParams> = {
  inputs: (recipe) => ({
    ...countedInputs(recipe),
    ...Object.fromEntries(
      recipe.pretrain.variants.map((id) =>
        [`metrics/${id}`, `pretrain/${id}#metrics`] as [string, OutputRef]
      ),
    ),
  }),
  params: ({ model, pretrain: { rounds, localSteps, variants } }) => ({
    model,
    rounds,
    localSteps,
    methods: variants.map((id) => [id, variantNamed(id).costMethod] as const),
  }),
  build(params, inputs): Table {
    const { model, localSteps, rounds } = params;
    const formulas = costRows({
      ...countedSizes(model, inputs),
      dModel: model.dModel,
      localSteps,
      rounds,
      positions: model.positions === "learned" ? model.seqLen : 0,
    });
    const metrics = group(inputs, "metrics");
    return {
      name: "cost-measured",
      title: "Memory and communication of the run, measured and by the formulas",
      columns: [
        "",
        "M_k formula",
        "M_k held",
        "peak held MB",
        "sent a step formula",
        "sent a step",
        "received a step",
        "exchanged MB",
      ],
      rows: params.methods.map(([variant, method]) =>
        measuredRow(
          variant,
          formulas.find((row) => row.method === method),
          metrics.get(variant)!,
          localSteps,
        )
      ),
      notes: [
        "parameters; formulas: mean over all sources; measured: mean over the sources that were sampled, each time that they were",
        "held: parameters, gradients and two moments in float32, the largest source; activations and the engine come on top",
        "sent: by a worker, spread over the steps of a round; exchanged: both ways, all workers, whole run",
        "STD and ACT ran in one place and sent nothing: with a worker each, gradients would travel at every step, as the formula says",
      ],
    };
  },
};

function measuredRow(
  variant: string,
  formula: CostRow | undefined,
  folder: string,
  localSteps: number,
): Row {
  const rows = metricsOf(folder, "local").filter((row) => row.skipped === undefined);
  const values = (key: "heldBytes" | "sentBytes" | "returnedBytes") =>
    rows.map((row) => row[key]).filter((value) => value !== undefined);
  const mean = (numbers: readonly number[]) =>
    numbers.length === 0 ? null : numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
  const held = mean(values("heldBytes"));
  const perStep = (bytes: number | null) => bytes === null ? null : bytes / 4 / localSteps;
  const exchanged = [...values("sentBytes"), ...values("returnedBytes")];
  return {
    label: variant,
    from: [`metrics/${variant}`],
    cells: [
      count(formula?.parameters ?? null),
      count(held === null ? null : held / 16),
      decimals(Math.max(...values("heldBytes")) / 1e6),
      count(formula?.communication ?? null),
      count(perStep(mean(values("returnedBytes")))),
      count(perStep(mean(values("sentBytes")))),
      decimals(exchanged.length === 0 ? null : exchanged.reduce((a, b) => a + b) / 1e6),
    ],
  };
}

function count(value: number | null): Cell {
  return value === null ? { value } : { value, text: Math.round(value).toLocaleString("en-US") };
}

function decimals(value: number | null): Cell {
  return value === null ? { value } : { value, text: value.toFixed(2) };
}
