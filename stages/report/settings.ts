/**
 * What the runs of a recipe are made with: the network, the optimizer, the lengths.
 *
 * Source: DEPT Table 8, of which one row is known; the rest of the paper's cells are its authors' configurations.
 */
import { readFileSync } from "node:fs";
import { group } from "../../pipeline/stage.ts";
import { sourcesOf } from "../sources.ts";
import type { Recipe } from "../recipe.ts";
import { cellOf, scientific } from "./cells.ts";
import { rateInputs, type TableKind } from "./kind.ts";
import type { Cell, Row, Table } from "./table.ts";

interface SettingsParams {
  readonly values: readonly (readonly [string, number | string, string])[];
  readonly variants: readonly string[];
  readonly rates: Readonly<Record<string, number | null>>;
  readonly paper: string | null;
}

/** Cells by the same name; those in `paper.md` that are only in the authors' code are marked there as such. */
const paperSettings: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "12": {
    blocks: "12",
    d: "768",
    heads: "12",
    expansion: "4",
    L: "2048",
    "|B|": "256",
    "β1, β2": "0.9, 0.95",
    α: "0.1",
    η_max: "6.0e-4",
    N: "5e3",
    N_CT: "1.2e3",
    "η_max of std-t0": "4.5e-4",
    "η_max of std-t03": "4.5e-4",
    "η_max of std-t1": "5.0e-4",
  },
  "24": { blocks: "24", L: "2048", N: "13.5e3" },
};

export const kind: TableKind<SettingsParams> = {
  names: ["settings"],
  declare: (recipe) => ({
    inputs: rateInputs(recipe),
    params: {
      values: valuesOf(recipe),
      variants: recipe.pretrain.variants,
      rates: recipe.pretrain.peakLearningRates,
      paper: /^(multilingual|multidomain)-(12|24)$/.exec(recipe.paper?.cost ?? "")?.[0] ?? null,
    },
  }),
  build({ values, variants, rates, paper }, inputs): Table {
    // The paper's 24-block cells are those of The Pile: its 1B model has none.
    const published = paper === null || paper === "multilingual-24"
      ? {}
      : paperSettings[paper.slice(-2)];
    const tuned = new Map(
      [...group(inputs, "rate")].map(([id, folder]) => [
        id,
        JSON.parse(readFileSync(`${folder}/rate.json`, "utf8")).peakLearningRate as number,
      ]),
    );
    const row = (label: string, cell: Cell, meaning: string): Row => ({
      label,
      cells: [
        { ...cell, ...(published[label] === undefined ? {} : { paper: published[label] }) },
        { value: meaning },
      ],
    });
    const own = variants.flatMap((id): Row[] => {
      const rate = tuned.get(id) ?? rates[id] ?? undefined;
      if (rate === undefined) return [];
      const meaning = tuned.has(id) ? "found by the search" : "set by the recipe";
      return [row(`η_max of ${id}`, cellOf(rate, scientific), meaning)];
    });
    return {
      name: "settings",
      title: "What the runs are made with",
      columns: ["", "value", "what"],
      rows: [
        ...values.map(([label, value, meaning]) =>
          row(
            label,
            typeof value === "number" && value < 0.01
              ? cellOf(value, scientific)
              : { value, text: `${value}` },
            meaning,
          )
        ),
        ...own,
      ],
      notes: published.blocks === undefined ? [] : [
        "of the paper's Table 8 one row is known to us, of the 24-block model what its text says",
      ],
    };
  },
};

function valuesOf(recipe: Recipe): SettingsParams["values"] {
  const { model, pretrain, continue: { steps, sampling, inner } } = recipe;
  const { rounds, localSteps } = pretrain;
  return [
    ["blocks", model.nLayers, ""],
    ["d", model.dModel, "width"],
    ["heads", model.nHeads, ""],
    ["expansion", model.expansion, "of the hidden layer"],
    ["L", model.seqLen, "context length in tokens"],
    ["positions", model.positions, ""],
    ["|B|", pretrain.batchSize, "sequences a step, of each source"],
    ["|S_t|", `${pretrain.sourcesPerRound} of ${sourcesOf(recipe).length}`, "sources a round"],
    ["N_local", localSteps, "steps a round"],
    ["T", rounds, "rounds"],
    ["N", localSteps * rounds, "sequential steps"],
    ["N_CT", steps, `steps of continuation, ${sampling} sampling`],
    ["β1, β2", `${pretrain.inner.beta1}, ${pretrain.inner.beta2}`, "Adam"],
    ["α", pretrain.inner.finalFactor, "share of the peak rate at the end"],
    ["warm-up", pretrain.inner.warmupSteps, "steps"],
    ["clip", pretrain.inner.clipNorm, "norm of the gradient"],
    ["η_max", pretrain.inner.peakLearningRate, "peak learning rate"],
    ["η_max of continuation", inner.peakLearningRate, "half of it from pre-trained embeddings"],
  ];
}
