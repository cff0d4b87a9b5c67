/**
 * The report of a recipe as data.
 *
 * ```ts
 * import { sectionPlans } from "./mod.ts";
 * console.log(sectionPlans.map(({ title }) => title).join(", "));
 * ```
 */
export { buildPage, type Kinds, type PagePlan } from "./build.ts";
export { inputsOfParts, kindModules, kindsOf, partsOfRecipe, partsOfStudy } from "./contents.ts";
export type { Origins, Page, PagePart, PageSection, SourceExamples, Statement } from "./page.ts";
export { sectionPlans } from "./sections.ts";
export { planOfRecipe, planOfStudy } from "./plan.ts";
export { type FolderOf, type Headline, headline } from "./statements.ts";
