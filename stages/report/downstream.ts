/**
 * Scores after fine-tuning: a row per variant, a column per task.
 *
 * Source: DEPT Table 7 (accuracy; Pearson correlation for similarity).
 */
import { readFileSync } from "node:fs";
import { group, type OutputRef } from "../../pipeline/stage.ts";
import type { Recipe } from "../recipe.ts";
import type { TableKind } from "./kind.ts";
import { improvementRows, type Rivals, rivalsOf, wins } from "./improvement.ts";
import { markBest, type Row, type Table } from "./table.ts";

interface DownstreamParams extends Rivals {
  readonly variants: readonly string[];
  readonly tasks: readonly string[];
  /** Of each task: scores are their means. */
  readonly runs: number;
}

interface Scores {
  readonly metric: string;
  readonly test: number;
  readonly testInterval?: readonly [number, number];
  readonly chance: number;
  readonly ceiling: number | null;
}

export const kind: TableKind<DownstreamParams> = {
  inputs(recipe): Readonly<Record<string, OutputRef>> {
    const { variants, tasks } = downstreamParams(recipe);
    return Object.fromEntries(
      variants.flatMap((variant) =>
        tasks.map((task) =>
          [`scores/${variant}/${task}`, `finetune/${variant}/random/${task}#scores`] as const
        )
      ),
    );
  },
  params: downstreamParams,
  build({ variants, tasks, runs, ...rivals }, inputs): Table {
    const scores = new Map(
      [...group(inputs, "scores")].map(([id, folder]) => [
        id,
        JSON.parse(readFileSync(`${folder}/scores.json`, "utf8")) as Scores,
      ]),
    );
    const first = (task: string) => scores.get(`${variants[0]}/${task}`)!;
    const plain = (label: string, of: (scores: Scores) => number | null): Row => ({
      label,
      cells: tasks.map((task) => ({ value: of(first(task)) })),
    });
    const rows = variants.map((variant): Row => ({
      label: variant,
      cells: tasks.map((task) => {
        const { test, testInterval } = scores.get(`${variant}/${task}`)!;
        return {
          value: test,
          ...(testInterval ? { low: testInterval[0], high: testInterval[1] } : {}),
        };
      }),
    }));
    return {
      name: "downstream",
      title: "Test scores after fine-tuning the models continued from random embeddings",
      columns: ["", ...tasks.map((task) => `${task} (${first(task).metric})`)],
      rows: [
        plain("chance", ({ chance }) => chance),
        ...markBest(rows, "highest"),
        ...improvementRows(rows, rivals, "highest"),
        plain("ceiling of the rules", ({ ceiling }) => ceiling),
      ],
      notes: [
        "best epoch on dev, scored once on test; Radford et al. 2018, but without dropout",
        ...(runs > 1
          ? [`means of ${runs} runs, each with another head and order of examples`]
          : []),
        ...improvementNotes(rows, rivals),
      ],
    };
  },
};

function downstreamParams(recipe: Recipe): DownstreamParams {
  const { variants } = recipe.pretrain;
  const tasks = Object.keys(recipe.finetune.tasks).sort();
  return { variants, tasks, runs: recipe.finetune.runs, ...rivalsOf(variants) };
}

function improvementNotes(rows: readonly Row[], rivals: Rivals): string[] {
  const [won, of] = wins(rows, rivals, () => true, "highest");
  return of === 0 ? [] : [
    `min., max. imp.: the worst and the best of ${rivals.dept.join(", ")} against the best of ` +
    `${rivals.baselines.join(", ")}; the best of the former is above it in ${won} of ${of} tasks`,
  ];
}
