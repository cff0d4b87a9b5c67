/**
 * What each method keeps in memory and sends: the paper's cost table, for a recipe's own sizes.
 *
 * Source: DEPT Tables 1, 2 and 9. Differs: the paper takes the body from a nominal model size; recipes at its sizes do so too
 * (`costs.nominalParameters`) and show the parameters counted in this network beside. Other recipes count throughout.
 */
import { countParameters } from "../../model/mod.ts";
import { group, type OutputRef } from "../../pipeline/stage.ts";
import { readStatistics } from "../../datasets/mod.ts";
import { type CostRow, costRows, nominalBody } from "../../training/mod.ts";
import { type Recipe, sourcesOf } from "../recipe.ts";
import type { TableKind } from "./kind.ts";
import { type PaperCost, paperCosts } from "./paper_costs.ts";
import type { Cell, Row, Table } from "./table.ts";

interface CostParams {
  readonly model: Recipe["model"];
  readonly rounds: number;
  readonly localSteps: number;
  /** Methods to show: variants without their sampling. */
  readonly methods: readonly string[];
  readonly costs: Recipe["costs"];
  readonly paper: string | null;
}

export const kind: TableKind<CostParams> = {
  inputs: (recipe) => (recipe.costs === null ? countedInputs(recipe) : {}),
  params: (recipe) => ({
    model: recipe.model,
    rounds: recipe.pretrain.rounds,
    localSteps: recipe.pretrain.localSteps,
    methods: [
      ...new Set(recipe.pretrain.variants.map((id) => (id.startsWith("std") ? "std" : id))),
    ],
    costs: recipe.costs,
    paper: recipe.paper?.cost ?? null,
  }),
  build(params, inputs): Table {
    const { model, methods, costs, paper } = params;
    const rows = costRows({
      ...(costs === null ? countedSizes(model, inputs) : paperSizes(model, costs)),
      dModel: model.dModel,
      localSteps: params.localSteps,
      rounds: params.rounds,
      positions: model.positions === "learned" && costs === null ? model.seqLen : 0,
    }).filter((row) => methods.includes(row.method));
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
      ],
      rows: rows.map((row) => costCells(row, model, published[row.method.toUpperCase()])),
      notes: notes(params),
    };
  },
};

/** Statistics of the sources' tokens: `global/<source>`, and `own/<source>` where there are own vocabularies. */
export function countedInputs(recipe: Recipe): Readonly<Record<string, OutputRef>> {
  const statistics = (name: string, vocabulary: string) =>
    sourcesOf(recipe).map((source) =>
      [`${name}/${source}`, `tokenize/${source}/${vocabulary}#statistics`] as const
    );
  const own = recipe.pretrain.variants.includes("spec-opt");
  return Object.fromEntries([
    ...statistics("global", "global"),
    ...(own ? statistics("own", "own") : []),
  ]);
}

type Sizes = Pick<
  Parameters<typeof costRows>[0],
  "bodyParameters" | "globalVocabSize" | "localVocabSizes" | "ownVocabSizes"
>;

function paperSizes(model: CostParams["model"], costs: NonNullable<Recipe["costs"]>): Sizes {
  const local = costs.localVocabSizes === null ? null : Object.values(costs.localVocabSizes);
  return {
    bodyParameters: nominalBody(costs.nominalParameters, costs.nominalVocabSize, model.dModel),
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
    bodyParameters: countParameters({ ...model, vocabSize: 1 }).body,
    globalVocabSize: global[0].vocabSize,
    localVocabSizes: global.map((source) => source.localVocabSize),
    ownVocabSizes: own.length === 0 ? null : own.map((source) => source.vocabSize),
  };
}

function costCells(row: CostRow, model: CostParams["model"], paper: PaperCost | undefined): Row {
  const quoted = (key: Exclude<keyof PaperCost, "slips">): Pick<Cell, "paper" | "slip"> =>
    paper === undefined
      ? {}
      : { paper: paper[key], ...(paper.slips?.includes(key) ? { slip: true } : {}) };
  const deviation = row.vocabSizeDeviation;
  const counted = countParameters({ ...model, vocabSize: Math.round(row.vocabSize) }).total;
  const cell = (value: number, text: string, key: Exclude<keyof PaperCost, "slips">): Cell => ({
    value,
    text,
    ...quoted(key),
  });
  return {
    label: row.method.toUpperCase(),
    cells: [
      cell(row.localSteps, String(row.localSteps), "localSteps"),
      cell(row.rounds, String(row.rounds), "rounds"),
      cell(row.vocabSize, vocabText(row.vocabSize, deviation), "localVocabSize"),
      cell(row.embeddingParameters, millions(row.embeddingParameters), "embeddingParameters"),
      cell(row.parameters, millions(row.parameters), "parameters"),
      cell(row.parametersRatio, times(row.parametersRatio), "parametersRatio"),
      cell(row.communication, millions(row.communication), "communication"),
      cell(row.communicationRatio, times(row.communicationRatio), "communicationRatio"),
      { value: counted, text: millions(counted) },
    ],
  };
}

function vocabText(size: number, deviation: number | null): string {
  const whole = (value: number) => Math.round(value).toLocaleString("en-US");
  return deviation === null ? whole(size) : `${whole(size)} ± ${whole(deviation)}`;
}

/** Parameters in millions to three significant digits or more: `252.4M`, `0.17M`; billions stay in millions. */
function millions(parameters: number): string {
  const value = parameters / 1e6;
  return `${value.toFixed(value >= 100 ? 1 : value >= 10 ? 2 : value >= 0.01 ? 3 : 5)}M`;
}

function times(ratio: number): string {
  return `${ratio.toFixed(ratio >= 0.01 ? 3 : 5)}×`;
}

function notes({ costs, paper }: CostParams): string[] {
  const counted = "counted: parameters of this network (biases, norms, tied head) with |V_k| rows";
  if (costs === null) {
    return [
      "parameters are counted; |V_k| counts the rows that are trained, control and byte pieces too",
      "sent a step: parameters that a worker sends per sequential step (STD: the whole model each step)",
    ];
  }
  return [
    `body: ${millions(costs.nominalParameters)} nominal − ${
      costs.nominalVocabSize.toLocaleString("en-US")
    }·d`,
    counted,
    ...(paper === null
      ? []
      : ["the paper's STD communicates every step, though its N_local is the whole run"]),
  ];
}
