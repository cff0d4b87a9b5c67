/**
 * What each method keeps in memory and sends: the paper's cost table, for a recipe's own sizes.
 *
 * Source: DEPT Tables 1, 2 and 9. Differs: the paper takes the body from a nominal model size; recipes at its sizes do so too
 * (`costs.nominalParameters`) and show the parameters counted in this network beside. Other recipes count throughout.
 */
import { countParameters } from "../../model/mod.ts";
import { formatBytes, formatDuration } from "../../base/mod.ts";
import { group } from "../../pipeline/stage.ts";
import { readStatistics } from "../../datasets/mod.ts";
import {
  costMethods,
  type CostRow,
  costRows,
  nominalBody,
  variantNamed,
} from "../../training/mod.ts";
import type { Recipe } from "../recipe.ts";
import { sourcesOf, sourcesWithOwnVocabulary } from "../sources.ts";
import { cellOf, whole } from "./cells.ts";
import { type Inputs, statisticsInputs, type TableKind } from "./kind.ts";
import { type PaperCost, paperCosts } from "./paper_costs.ts";
import type { Cell, Row, Table } from "./table.ts";

export interface CostParams {
  readonly model: Recipe["model"];
  readonly rounds: number;
  readonly localSteps: number;
  /** Methods to show: those of the recipe's variants. */
  readonly methods: readonly string[];
  readonly costs: Recipe["costs"];
  /** Of a worker's link: where the recipe does not say, the paper's. */
  readonly gigabitsPerSecond: number;
  readonly paper: string | null;
}

/** Source: DEPT App. A.1.1, whose wall-clock times are for it. */
const paperGigabitsPerSecond = 10;

/** The formulas' rows for a recipe, of all methods that it has sizes for. */
export function costRowsOf(
  { model, costs, localSteps, rounds }: CostParams,
  inputs: Readonly<Record<string, string>>,
): readonly CostRow[] {
  return costRows({
    ...(costs === null ? countedSizes(model, inputs) : paperSizes(model, costs)),
    dModel: model.dModel,
    localSteps,
    rounds,
    positions: model.positions === "learned" && (costs?.nominalParameters ?? null) === null
      ? model.seqLen
      : 0,
    tables: model.tiedEmbeddings === false ? 2 : 1,
  });
}

export const kind: TableKind<CostParams> = {
  names: ["cost"],
  declare: (recipe) => ({
    inputs: recipe.costs === null ? countedInputs(recipe) : {},
    params: {
      model: recipe.model,
      rounds: recipe.pretrain.rounds,
      localSteps: recipe.pretrain.localSteps,
      methods: [...new Set(recipe.pretrain.variants.map((id) => variantNamed(id).costMethod))],
      costs: recipe.costs,
      gigabitsPerSecond: recipe.costs?.gigabitsPerSecond ?? paperGigabitsPerSecond,
      paper: recipe.paper?.cost ?? null,
    },
  }),
  build(params, inputs): Table {
    const { methods, paper, gigabitsPerSecond } = params;
    const all = costRowsOf(params, inputs);
    const rows = all.filter((row) => methods.includes(row.method));
    const published = paper === null ? {} : paperCosts[paper];
    return {
      name: "cost",
      title: "Memory and communication of each method",
      columns: [
        "",
        "N_local",
        "T",
        "|V_k|",
        "embedding",
        "M_k",
        "M_k/M",
        "sent a step",
        "sent/M",
        "counted",
        "training memory",
        "sent in all",
        `round at ${gigabitsPerSecond} Gbit/s`,
      ],
      rows: rows.map((row) => costCells(row, params, published[row.method.toUpperCase()])),
      notes: [
        ...notes(params),
        ...leftOut(methods, rows),
        ...savings(all, paper),
      ],
    };
  },
};

/** Statistics of the sources' tokens: `global/<source>`, and `own/<source>` where there are own vocabularies. */
export function countedInputs(recipe: Recipe): Inputs {
  return {
    ...statisticsInputs("global", sourcesOf(recipe), "global"),
    ...statisticsInputs("own", sourcesWithOwnVocabulary(recipe), "own"),
  };
}

type Sizes = Pick<
  Parameters<typeof costRows>[0],
  "bodyParameters" | "globalVocabSize" | "localVocabSizes" | "ownVocabSizes"
>;

function paperSizes(model: CostParams["model"], costs: NonNullable<Recipe["costs"]>): Sizes {
  const local = costs.localVocabSizes === null ? null : Object.values(costs.localVocabSizes);
  const { nominalParameters, nominalVocabSize } = costs;
  return {
    bodyParameters: nominalParameters === null || nominalVocabSize === null
      ? countedBody(model)
      : nominalBody(nominalParameters, nominalVocabSize, model.dModel),
    globalVocabSize: costs.globalVocabSize,
    localVocabSizes: local,
    ownVocabSizes: costs.ownVocabSize === null ? null : [costs.ownVocabSize],
  };
}

/** Sizes that this network and the tokenized text have. */
export function countedSizes(
  model: CostParams["model"],
  inputs: Readonly<Record<string, string>>,
): Sizes {
  const statistics = (name: string) => [...group(inputs, name).values()].map(readStatistics);
  const global = statistics("global");
  const own = statistics("own");
  return {
    bodyParameters: countedBody(model),
    globalVocabSize: global[0].vocabSize,
    localVocabSizes: global.map((source) => source.localVocabSize),
    ownVocabSizes: own.length === 0 ? null : own.map((source) => source.vocabSize),
  };
}

function countedBody(model: CostParams["model"]): number {
  return countParameters({ ...model, vocabSize: 1 }).body;
}

/** Bytes of a parameter in float32. */
const parameterBytes = 4;

type Column = Exclude<keyof PaperCost, "slips">;

function costCells(
  row: CostRow,
  { model, localSteps, gigabitsPerSecond }: CostParams,
  paper: PaperCost | undefined,
): Row {
  const counted = countParameters({ ...model, vocabSize: Math.round(row.vocabSize) }).total;
  const cell = (column: Column, value: number, text: string): Cell => ({
    value,
    text,
    ...(paper === undefined ? {} : { paper: paper[column] }),
    ...(paper?.slips.includes(column) ? { slip: true } : {}),
  });
  return {
    label: row.method.toUpperCase(),
    cells: [
      cell("localSteps", row.localSteps, String(row.localSteps)),
      cell("rounds", row.rounds, String(row.rounds)),
      cell("localVocabSize", row.vocabSize, vocabText(row.vocabSize, row.vocabSizeDeviation)),
      cell("embeddingParameters", row.embeddingParameters, millions(row.embeddingParameters)),
      cell("parameters", row.parameters, millions(row.parameters)),
      cell("parametersRatio", row.parametersRatio, times(row.parametersRatio)),
      cell("communication", row.communication, millions(row.communication)),
      cell("communicationRatio", row.communicationRatio, times(row.communicationRatio)),
      cellOf(counted, millions),
      // Parameters, gradients and two moments.
      cellOf(4 * parameterBytes * row.parameters, formatBytes),
      cellOf(parameterBytes * row.communication * row.localSteps * row.rounds, formatBytes),
      cellOf(
        2 * 8 * parameterBytes * row.communication * localSteps / gigabitsPerSecond / 1e9,
        secondsText,
      ),
    ],
  };
}

function secondsText(seconds: number): string {
  const milliseconds = 1000 * seconds;
  return milliseconds < 10 ? `${milliseconds.toPrecision(2)} ms` : formatDuration(milliseconds);
}

function vocabText(size: number, deviation: number | null): string {
  return deviation === null ? whole(size) : `${whole(size)} ± ${whole(deviation)}`;
}

/** Parameters to three significant digits or more: `252.4M`, `0.170M`, `7.5k`; billions stay in millions. */
export function millions(parameters: number): string {
  const value = parameters / 1e6;
  if (value < 0.1) return `${(value * 1e3).toFixed(value >= 0.01 ? 1 : 2)}k`;
  return `${value.toFixed(value >= 100 ? 1 : value >= 10 ? 2 : 3)}M`;
}

function times(ratio: number): string {
  return `${ratio.toFixed(ratio >= 0.01 ? 3 : 5)}×`;
}

function notes({ costs, paper }: CostParams): string[] {
  const common = [
    "sent a step: parameters that a worker sends per sequential step (STD: the whole model each step)",
    "training memory: parameters, gradients and two moments in float32, without activations; sent in all: by a worker, float32",
    `round: sending and receiving once each what N_local steps of DEPT send (of STD: N_local times the model)`,
  ];
  if (costs === null) {
    return [
      "parameters are counted; |V_k| counts the rows that are trained, control and byte pieces too",
      ...common,
    ];
  }
  const { nominalParameters, nominalVocabSize } = costs;
  return [
    nominalParameters === null || nominalVocabSize === null
      ? "body: counted"
      : `body: ${millions(nominalParameters)} nominal − ${
        nominalVocabSize.toLocaleString("en-US")
      }·d`,
    "counted: parameters of this network (biases, norms, tied head) with |V_k| rows",
    ...common,
    ...(paper === null
      ? []
      : ["the paper's STD communicates every step, though its N_local is the whole run"]),
  ];
}

/** Why methods have no row: nobody says how large their vocabularies are. */
export function leftOut(methods: readonly string[], rows: readonly CostRow[]): string[] {
  const missing = methods.filter((method) => rows.every((row) => row.method !== method));
  const without = (isOwn: boolean, sizes: string) => {
    const named = missing.filter((method) =>
      (costMethods().get(method)!.training.vocabulary === "own") === isOwn
    );
    if (named.length === 0) return [];
    return [`no row of ${named.map((method) => method.toUpperCase()).join(", ")}: ${sizes}`];
  };
  return [
    ...without(false, "|V_k| is not known (--local-vocab, or costs.localVocabSizes of the recipe)"),
    ...without(
      true,
      "the size of own vocabularies is not known (--own-vocab, or costs.ownVocabSize of the recipe)",
    ),
  ];
}

/** The method that sends least beside standard training, which is the first row: how many times less, and percent less of memory. */
export function thriftiest([standard, ...others]: readonly CostRow[]) {
  const least = others.reduce((a, b) => (b.communication <= a.communication ? b : a));
  const times = Math.round(standard.communication / least.communication);
  return { standard, least, times, share: Math.round(100 * (1 - least.parametersRatio)) };
}

/** What the thriftiest method saves, in the words of the paper's claim. */
function savings(rows: readonly CostRow[], paper: string | null): string[] {
  const { least, times, share } = thriftiest(rows);
  return [
    `${least.method.toUpperCase()} sends ${times}× less a step than STD and keeps ${share} % less in memory`,
    ...(paper === "multilingual-24"
      ? [
        "the paper's claim: 714×, 24 %; the 675× of its versions 1 to 3 was a miscalculation that its authors withdrew",
      ]
      : []),
  ];
}
