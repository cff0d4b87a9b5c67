/**
 * Makes a table of results: one instance per name.
 *
 * in   what the kind of table asks for
 * out  table  `table.json`: rows, columns, intervals, notes
 */
import { writeFileSynced } from "../pipeline/base/mod.ts";
import type { Stage, StageContext, StageSummary } from "../pipeline/stage.ts";
import type { Recipe } from "./recipe.ts";
import type { TableKind } from "./report/kind.ts";
import { tableEntry } from "./report/kinds.ts";

export const table: Stage<Recipe> = {
  name: "table",
  description: "Makes a table of results",
  module: import.meta.url,
  instances: (recipe) => recipe.tables.map((name) => [name]),
  inputs: (recipe, [name]) => tableEntry(name).kind.inputs(recipe, name),
  outputs: ["table"],
  params: (recipe, [name]) => tableEntry(name).kind.params(recipe, name),
  uses: (_recipe, [name]) => ({ kind: tableEntry(name).module }),
  weight: () => 0.01,
};

export async function run(
  { params, inputs, outputs, modules }: StageContext,
): Promise<StageSummary> {
  const { kind } = modules.kind as { kind: TableKind };
  const made = await kind.build(params, inputs);
  writeFileSynced(`${outputs.table}/table.json`, JSON.stringify(made, null, 2) + "\n");
  return { rows: made.rows.length };
}
