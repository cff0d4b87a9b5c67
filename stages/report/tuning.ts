/**
 * Learning rates that were found for baselines, with what was tried on the way.
 *
 * Source: DEPT Table 8 (tuned rates), App. A.1 (the search).
 */
import { readFileSync } from "node:fs";
import { UsageError } from "../../base/mod.ts";
import { group } from "../../pipeline/stage.ts";
import type { TuneResult } from "../../training/mod.ts";
import { cellOf, scientific } from "./cells.ts";
import { rateInputs, type TableKind } from "./kind.ts";
import type { Table } from "./table.ts";

export const kind: TableKind<{ readonly variants: readonly string[] }> = {
  names: ["tuning"],
  declare(recipe) {
    const { variants } = recipe.tune;
    if (variants.length === 0) {
      throw new UsageError(
        `Cannot make table "tuning": expected tune.variants, found none; ` +
          `set them: --set 'tune.variants=[${recipe.pretrain.variants[0]}]'`,
      );
    }
    return { inputs: rateInputs(recipe), params: { variants } };
  },
  build({ variants }, inputs): Table {
    const folders = group(inputs, "rate");
    return {
      name: "tuning",
      title: "Peak learning rates found by lowering them until a whole run survives",
      columns: ["", "first", "found", "attempts", "validation loss"],
      rows: variants.map((variant) => {
        const { peakLearningRate, attempts } = JSON.parse(
          readFileSync(`${folders.get(variant)!}/rate.json`, "utf8"),
        ) as TuneResult;
        return {
          label: variant,
          from: [`rate/${variant}`],
          cells: [
            cellOf(attempts[0].peakLearningRate, scientific),
            cellOf(peakLearningRate, scientific),
            { value: attempts.length },
            { value: attempts[attempts.length - 1].bestLossNats },
          ],
        };
      }),
      notes: [
        "validation loss: nats a token, mean over sources, of the best round at the rate found",
      ],
    };
  },
};
