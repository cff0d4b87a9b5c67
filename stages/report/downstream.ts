/**
 * Scores after fine-tuning: a row per variant, a column per task.
 *
 * Source: DEPT Table 7 (accuracy; Pearson correlation for similarity).
 */
import { readFileSync } from "node:fs";
import { UsageError } from "../../base/mod.ts";
import type { OutputRef } from "../../pipeline/stage.ts";
import type { Recipe } from "../recipe.ts";
import { fineTunedModels } from "../continue.ts";
import { continuedExternals, isExternal } from "../external_models.ts";
import type { TableKind } from "./kind.ts";
import { comparisonNotes, comparisonRows, type Comparisons, comparisonsOf } from "./improvement.ts";
import { startOf } from "./losses.ts";
import { type Quotation, quotationOf, quote } from "./quoted.ts";
import { markBest, type Row, type Table } from "./table.ts";

export interface DownstreamParams extends Comparisons {
  readonly name: string;
  /** What the models that are fine-tuned were continued from. */
  readonly starts: readonly string[];
  /** Rows: variant and start. */
  readonly models: readonly (readonly [string, string])[];
  readonly tasks: readonly string[];
  /** Of each task: scores are their means. */
  readonly runs: number;
  readonly dropout: number;
  readonly quotation: Quotation | null;
}

/** What fine-tuning says of a task. */
export interface Scores {
  readonly metric: string;
  readonly test: number;
  readonly testInterval?: readonly [number, number];
  readonly chance: number;
  /** Of the answer that is the most frequent one in training. */
  readonly majority: number;
  readonly ceiling: number | null;
}

export const kind: TableKind<DownstreamParams> = {
  names: ["downstream", "downstream-pretrained", "downstream-both"],
  needs: "finetune.tasks",
  declare(recipe, name) {
    const params = downstreamParams(recipe, name);
    const inputs = params.models.flatMap((model) =>
      params.tasks.map((task): [string, OutputRef] => [
        scoresInput(model, task),
        `finetune/${model.join("/")}/${task}#scores`,
      ])
    );
    return { inputs: Object.fromEntries(inputs), params };
  },
  build({ name, starts, models, tasks, runs, dropout, quotation, ...rivals }, inputs): Table {
    const scores = new Map(
      Object.entries(inputs).map(([name, folder]) => [name, readScores(folder)]),
    );
    const first = (task: string) => scores.get(scoresInput(models[0], task))!;
    const plain = (label: string, of: (scores: Scores) => number | null): Row => ({
      label,
      cells: tasks.map((task) => ({ value: of(first(task)) })),
    });
    const rowsOf = (start: string) =>
      models.filter((model) => model[1] === start).map((model): Row => ({
        label: model[0],
        cells: tasks.map((task) => {
          const { test, testInterval } = scores.get(scoresInput(model, task))!;
          return {
            value: test,
            ...(testInterval ? { low: testInterval[0], high: testInterval[1] } : {}),
            from: [scoresInput(model, task)],
          };
        }),
      }));
    const isOfOne = starts.length === 1;
    const blocks = starts.map((start) => ({ start, rows: rowsOf(start) }));
    return quote({
      name,
      title: `Test scores after fine-tuning the models continued from ${
        starts.join(" and from ")
      } embeddings`,
      columns: ["", ...tasks.map((task) => `${task} (${first(task).metric})`)],
      rows: [
        plain("chance", ({ chance }) => chance),
        ...blocks.flatMap(({ start, rows }) =>
          [...markBest(rows, "highest"), ...comparisonRows(rows, rivals, "highest")].map((row) =>
            isOfOne ? row : { ...row, label: `${row.label}, ${start}` }
          )
        ),
        plain("ceiling of the rules", ({ ceiling }) => ceiling),
      ],
      notes: [
        "best epoch on dev, scored once on test; as Radford et al. 2018" +
        (dropout === 0 ? ", but without dropout" : `, dropout ${dropout}`),
        ...(runs > 1
          ? [`means of ${runs} runs, each with another head and order of examples`]
          : []),
        ...blocks.flatMap(({ start, rows }) =>
          comparisonNotes(rows, rivals, "tasks", () => true, "highest")
            .map((note) => isOfOne ? note : `${start} embeddings: ${note}`)
        ),
      ],
    }, quotation);
  },
};

export function readScores(folder: string): Scores {
  return JSON.parse(readFileSync(`${folder}/scores.json`, "utf8"));
}

/** The input that has a model's scores. @param model Variant and start */
export function scoresInput([variant, start]: readonly [string, string], task: string): string {
  return `scores/${variant}/${start}/${task}`;
}

/** `downstream` is from random embeddings, `downstream-pretrained` from pre-trained ones, `downstream-both` has all. */
function downstreamParams(recipe: Recipe, name: string): DownstreamParams {
  const tasks = Object.keys(recipe.finetune.tasks).sort();
  if (tasks.length === 0) {
    throw new UsageError(
      `Cannot make table "${name}": expected a task in finetune.tasks, found none`,
    );
  }
  const starts = name === "downstream-both"
    ? [startOf(recipe, "random"), startOf(recipe, "pretrained")]
    : [startOf(recipe, name)];
  const fineTuned = [...fineTunedModels(recipe), ...continuedExternals(recipe)];
  const models = starts.flatMap((start) => fineTuned.filter((model) => model[1] === start));
  return {
    name,
    starts,
    models,
    tasks,
    runs: recipe.finetune.runs,
    dropout: recipe.finetune.dropout,
    ...comparisonsOf(recipe, models.map(([id]) => id).filter((id) => !isExternal(id))),
    quotation: quotationOf(recipe, name),
  };
}
