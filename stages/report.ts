/**
 * Makes the report of a recipe as data, with its figures drawn: what the command `report` makes a page of. A study has one of
 * its own, and one of each cell. They are made when they are asked for.
 *
 * in   <kind>/<name>/<input>  what each part is made from: a table or figure that the recipe asks for, else results
 * out  report  `report.json`: see `page/page.ts`
 */
import { writeFileSynced } from "../base/mod.ts";
import type { Stage, StageContext, StageSummary, Study } from "../pipeline/stage.ts";
import { buildPage, type Kinds, type PagePlan } from "./page/build.ts";
import { inputsOfParts, kindModules } from "./page/contents.ts";
import { planOfRecipe, planOfStudy } from "./page/plan.ts";
import type { Recipe } from "./recipe.ts";

export const report: Stage<Recipe, PagePlan, object, Kinds> = {
  name: "report",
  module: import.meta.url,
  description: "Makes the report of a recipe",
  instances: () => [],
  onRequest: ({ federation }, parts) =>
    federation === null && parts.length === 1 && parts[0] === "recipe",
  impossible: ({ federation, name }) =>
    federation === null
      ? undefined
      : `recipe "${name}" is that of a party, which has a part of a run; see its losses with \`deno task pipeline curves\``,
  declare: (recipe) => declarationOf(planOfRecipe(recipe)),
};

export const studyReport: Stage<Study<Recipe>, PagePlan, object, Kinds> = {
  name: "report",
  module: import.meta.url,
  description: "Makes the report of a study",
  overStudy: true,
  instances: () => [],
  onRequest: (_study, parts) => parts.length === 1 && parts[0] === "study",
  declare: (study) => declarationOf(planOfStudy(study)),
};

function declarationOf(plan: PagePlan) {
  return {
    inputs: inputsOfParts(plan.parts),
    outputs: ["report"],
    params: plan,
    uses: kindModules(plan.parts),
    weight: 0.01,
  };
}

export async function run(
  { params, inputs, outputs, modules }: StageContext<PagePlan, object, Kinds>,
): Promise<StageSummary> {
  const page = await buildPage(params, inputs, modules);
  writeFileSynced(`${outputs.report}/report.json`, JSON.stringify(page, null, 1) + "\n");
  return { sections: page.sections.length };
}
