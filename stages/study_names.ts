/**
 * Names of a study's tables and figures, and which of its axes have columns in them.
 */
import type { Recipe } from "./recipe.ts";
import { isTable } from "./report/kinds.ts";

/** Before the name of a table, and of what is drawn over the axes. */
export const tablePrefix = "study-";
export const figurePrefix = tablePrefix;

/** Tables over the axes: those that the recipe lists, and those that its figures draw. */
export function studyTables({ study }: Recipe): readonly string[] {
  return [...new Set([...study?.tables ?? [], ...(study?.figures ?? []).filter(isTable)])];
}

/** Whether an axis is of seeds: tables are averaged over it. */
export function isOfSeeds({ study }: Recipe, axis: string): boolean {
  const declared = study?.axes[axis];
  return declared !== undefined && "key" in declared && declared.key === "seed";
}
