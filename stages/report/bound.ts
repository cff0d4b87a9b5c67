/**
 * A bound for local SGD by the local steps of the recipe, with constants measured on the run: sources that train apart, and workers that
 * all draw from the mixture. It is a bound and no prediction of what Adam does.
 *
 * Source: `training/local_sgd_bound.ts`.
 */
import { readFileSync } from "node:fs";
import { UsageError } from "../../base/mod.ts";
import { type BoundConstants, localSgdBound } from "../../training/mod.ts";
import { boundVariants, type MeasuredConstants, noBound } from "../gradients.ts";
import { sourcesOf } from "../sources.ts";
import { cellOf, decimals, scientific, whole } from "./cells.ts";
import type { TableKind } from "./kind.ts";
import type { Row, Table } from "./table.ts";

interface BoundParams extends Pick<BoundConstants, "workers" | "localSteps" | "steps"> {
  readonly batchSize: number;
  readonly isWhole: boolean;
}

export const kind: TableKind<BoundParams> = {
  names: ["bound"],
  needs: "bound={batches: 8, smoothnessSteps: 6}",
  declare(recipe) {
    const { bound, pretrain: { rounds, localSteps, sourcesPerRound, batchSize, variants } } =
      recipe;
    if (bound === null) throw new UsageError(noBound('table "bound"'));
    const [id] = boundVariants(recipe);
    if (id === undefined) {
      throw new UsageError(
        `Cannot make table "bound": expected a variant that averages a whole model over sources among pretrain.variants, found ${
          variants.join(", ")
        }`,
      );
    }
    return {
      inputs: { constants: `gradients/${id}#constants` },
      params: {
        ...{ workers: sourcesPerRound, localSteps, steps: rounds * localSteps, batchSize },
        isWhole: sourcesPerRound === sourcesOf(recipe).length,
      },
    };
  },
  build({ batchSize, isWhole, ...run }, inputs): Table {
    const { start, end }: MeasuredConstants = JSON.parse(
      readFileSync(`${inputs.constants}/constants.json`, "utf8"),
    );
    const largest = (name: "smoothness" | "variance" | "drift") => Math.max(start[name], end[name]);
    const apart = {
      ...{ ...run, gap: start.lossNats, smoothness: largest("smoothness") },
      ...{ variance: largest("variance"), drift: largest("drift") },
    };
    // A window of a mixed batch is of any source: what sources differ by is noise, lessened by the batch.
    const mixed = { ...apart, variance: apart.variance + apart.drift / batchSize, drift: 0 };
    return {
      name: "bound",
      title: "A bound for local SGD on the mean squared gradient, no prediction",
      columns: [
        ...["", "local steps", "L", "σ²", "κ²", "rate", "start", "noise", "apart", "bound"],
        "‖∇f‖² begin",
        "‖∇f‖² end",
      ],
      rows: [
        boundRow("sources apart", apart, { start, end }),
        boundRow("workers on the mixture", mixed, { start, end }),
      ],
      notes: [
        "bound: 2(f(x₀) − f*)/(γT) + γLσ²/N + 3γ²L²(I − 1)σ² + 9γ²L²(I − 1)²κ² ≥ the mean of ‖∇f‖² over T steps of plain SGD, f* = 0; " +
        "start, noise, apart: its terms at the rate γ ≤ 1/(6LI) at which it is smallest",
        "L by finite differences, from below; σ² of batches around their source, κ² of sources around their mean: the larger of both ends of the run",
        "after Yu, Jin and Yang 2019, theorem 1 without momentum, constants as derived in training/local_sgd_bound.ts",
        "the runs take Adam with a schedule and clipped gradients: the bound says nothing of their losses",
        ...(isWhole
          ? []
          : ["the bound assumes all sources in every round: here only some take part"]),
      ],
    };
  },
};

function boundRow(
  label: string,
  constants: BoundConstants,
  { start, end }: MeasuredConstants,
): Row {
  const { rate, total, ...terms } = localSgdBound(constants);
  return {
    label,
    from: ["constants"],
    cells: [
      cellOf(constants.localSteps, whole),
      cellOf(constants.smoothness, decimals(2)),
      cellOf(constants.variance, decimals(4)),
      cellOf(constants.drift, decimals(4)),
      cellOf(rate, scientific),
      cellOf(terms.start, decimals(3)),
      cellOf(terms.noise, decimals(3)),
      cellOf(terms.apart, decimals(3)),
      cellOf(total, decimals(3)),
      cellOf(start.gradientSquare, decimals(4)),
      cellOf(end.gradientSquare, decimals(4)),
    ],
  };
}
