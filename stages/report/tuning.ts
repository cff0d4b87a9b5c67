/**
 * Learning rates that were found for variants, with what was tried on the way.
 *
 * Source: DEPT Table 8 (tuned rates), App. A.1 (the search).
 */
import { readFileSync } from "node:fs";
import { UsageError } from "../../base/mod.ts";
import { group } from "../../pipeline/stage.ts";
import { type TuneResult, type TuneSettings, variantNamed } from "../../training/mod.ts";
import { cellOf, scientific } from "./cells.ts";
import { rateInputs, type TableKind } from "./kind.ts";
import type { Table } from "./table.ts";

interface TuningParams {
  readonly variants: readonly string[];
  readonly choose: TuneSettings["choose"];
}

export const kind: TableKind<TuningParams> = {
  names: ["tuning"],
  needs: "tune.variants",
  declare(recipe) {
    const { variants, choose } = recipe.tune;
    if (variants.length === 0) {
      const trained = recipe.pretrain.variants.find((id) => !variantNamed(id).training.isUntrained);
      throw new UsageError(
        `Cannot make table "tuning": expected tune.variants, found none; ` +
          `set them: --set 'tune.variants=[${trained ?? "glob"}]'`,
      );
    }
    return { inputs: rateInputs(recipe), params: { variants, choose } };
  },
  build({ variants, choose }, inputs): Table {
    const folders = group(inputs, "rate");
    return {
      name: "tuning",
      title: choose === "highest"
        ? "Peak learning rates found by lowering them until a whole run survives"
        : "Peak learning rates of the lowest validation loss",
      columns: ["", "first", "found", "attempts", "validation loss", "tried"],
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
            {
              value: attempts.find((one) =>
                one.peakLearningRate === peakLearningRate
              )!.bestLossNats,
            },
            { value: attempts.map(triedText).join("; ") },
          ],
        };
      }),
      notes: [
        "validation loss: nats a token, mean over sources, of the best round at the rate found",
        "tried: each rate with the validation loss of its best round",
      ],
    };
  },
};

function triedText(
  { peakLearningRate, diverged, bestLossNats }: TuneResult["attempts"][number],
): string {
  const loss = diverged !== null ? "diverged" : bestLossNats?.toFixed(3) ?? "not judged";
  return `${scientific(peakLearningRate)} ${loss}`;
}
