/**
 * Costs of a run as they were measured, beside those that the formulas give for the same sizes.
 *
 * Measured are the arrays themselves, in float32: those that were sent and returned, and those that training held (parameters,
 * gradients and two moments, a quarter of which is M_k). Source of the formulas: DEPT Table 1.
 */
import { group } from "../../pipeline/stage.ts";
import { type CostRow, costRows, variantNamed } from "../../training/mod.ts";
import type { Recipe } from "../recipe.ts";
import { metricsOf } from "./run_metrics.ts";
import { countedInputs, countedSizes } from "./cost.ts";
import { cellOf, decimals, meanOf, whole } from "./cells.ts";
import { metricsInputs, type TableKind } from "./kind.ts";
import type { Row, Table } from "./table.ts";

interface MeasuredCostParams {
  readonly model: Recipe["model"];
  readonly rounds: number;
  readonly localSteps: number;
  /** Variants, and the row of the formulas that each belongs to. */
  readonly methods: readonly (readonly [string, string])[];
}

export const kind: TableKind<MeasuredCostParams> = {
  names: ["cost-measured"],
  declare(recipe) {
    const { model, pretrain: { rounds, localSteps } } = recipe;
    const variants = recipe.pretrain.variants.filter((id) =>
      !variantNamed(id).training.isUntrained
    );
    const methods = variants.map((id) => [id, variantNamed(id).costMethod] as const);
    return {
      inputs: { ...countedInputs(recipe), ...metricsInputs(variants) },
      params: { model, rounds, localSteps, methods },
    };
  },
  build(params, inputs): Table {
    const { model, localSteps, rounds } = params;
    const formulas = costRows({
      ...countedSizes(model, inputs),
      dModel: model.dModel,
      localSteps,
      rounds,
      positions: model.positions === "learned" ? model.seqLen : 0,
      tables: model.tiedEmbeddings === false ? 2 : 1,
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
        momentsNote,
        "STD and ACT ran in one place and sent nothing: with a worker each, gradients would travel at every step, as the formula says",
      ],
    };
  },
};

/** Why more is sent than the formulas say. */
export const momentsNote =
  "where pretrain.adamState is average, both moments travel with the parameters: three times what the formulas count";

function measuredRow(
  variant: string,
  formula: CostRow | undefined,
  folder: string,
  localSteps: number,
): Row {
  const rows = metricsOf(folder, "local").filter((row) => row.skipped === undefined);
  const values = (key: "heldBytes" | "sentBytes" | "returnedBytes") =>
    rows.map((row) => row[key]).filter((value) => value !== undefined);
  const mean = (numbers: readonly number[]) => numbers.length === 0 ? null : meanOf(numbers);
  const held = mean(values("heldBytes"));
  const perStep = (bytes: number | null) => bytes === null ? null : bytes / 4 / localSteps;
  const exchanged = [...values("sentBytes"), ...values("returnedBytes")];
  return {
    label: variant,
    from: [`metrics/${variant}`],
    cells: [
      cellOf(formula?.parameters ?? null, whole),
      cellOf(held === null ? null : held / 16, whole),
      cellOf(held === null ? null : Math.max(...values("heldBytes")) / 1e6, decimals(2)),
      cellOf(formula?.communication ?? null, whole),
      cellOf(perStep(mean(values("returnedBytes"))), whole),
      cellOf(perStep(mean(values("sentBytes"))), whole),
      cellOf(exchanged.length === 0 ? null : exchanged.reduce((a, b) => a + b) / 1e6, decimals(2)),
    ],
  };
}
