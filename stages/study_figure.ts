/**
 * Draws a figure that ranges over the axes of a study: what a table over them says, or what its cells cost and what they reach.
 *
 * in   table             the table that is drawn; of `study-pareto` instead:
 *      metrics/<run>, losses/<run>  what each cell's pre-training of a variant took, and its evaluation
 * out  figure  as that of a figure of a recipe
 */
import { readFileSync } from "node:fs";
import { UsageError } from "../base/mod.ts";
import type { Stage, StageContext, StageSummary, Study } from "../pipeline/stage.ts";
import { writeFigure } from "./figure.ts";
import { figureOverAxes, type OverAxesParams } from "./figures/over_axes.ts";
import { buildPareto, declarePareto, type ParetoParams } from "./figures/pareto.ts";
import type { Recipe } from "./recipe.ts";
import { figurePrefix, isOfSeeds, studyTables } from "./study_names.ts";

/** What costs and reaches: the figure that no table is drawn in. */
const pareto = "pareto";

type StudyFigureParams =
  | { readonly pareto: ParetoParams }
  | { readonly overAxes: OverAxesParams };

export const studyFigure: Stage<Study<Recipe>, StudyFigureParams> = {
  name: "figure",
  description: "Draws a figure over the axes of a study",
  module: import.meta.url,
  overStudy: true,
  instances: ({ recipe }) =>
    (recipe.study?.figures ?? []).map((name) => [`${figurePrefix}${name}`]),
  onRequest: ({ recipe }, parts) =>
    parts.length === 1 && parts[0].startsWith(figurePrefix) &&
    [pareto, ...studyTables(recipe)].includes(kindOf(parts[0])),
  declare(study, [name]) {
    const common = { outputs: ["figure"], weight: 0.01 };
    if (kindOf(name) === pareto) {
      const { inputs, params } = declarePareto(study);
      return { ...common, inputs, params: { pareto: params } };
    }
    return {
      ...common,
      inputs: { table: `table/${name}#table` },
      params: { overAxes: { name, ...drawnAxes(study, name) } },
    };
  },
};

function kindOf(name: string): string {
  return name.slice(figurePrefix.length);
}

/** Lines are drawn along the axis that the recipe names first. @throws UsageError where all axes are of seeds. */
function drawnAxes({ recipe, axes, cells }: Study<Recipe>, name: string) {
  const drawn = axes.filter((axis) => !isOfSeeds(recipe, axis));
  const x = Object.keys(recipe.study!.axes).find((axis) => drawn.includes(axis));
  if (x === undefined) {
    throw new UsageError(
      `Cannot draw figure "${name}": expected an axis of the study that is not of seeds, found ${
        axes.join(", ")
      }`,
    );
  }
  return {
    x,
    values: [...new Set(cells.map(({ values }) => values[x]))],
    others: drawn.filter((axis) => axis !== x),
  };
}

export async function run(
  { params, inputs, outputs }: StageContext<StudyFigureParams>,
): Promise<StageSummary> {
  const made = "pareto" in params
    ? buildPareto(params.pareto, inputs)
    : figureOverAxes(params.overAxes, readTable(inputs.table), "table");
  return await writeFigure(outputs.figure, made);
}

function readTable(folder: string) {
  return JSON.parse(readFileSync(`${folder}/table.json`, "utf8"));
}
