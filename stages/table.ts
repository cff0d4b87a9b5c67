/**
 * Makes a table of results: one instance per name. Those that a recipe does not list are made when they are asked for, also by
 * the number that they have in the paper.
 *
 * in   what the kind of table asks for
 * out  table  `table.json`: rows, columns, intervals, notes
 */
import { UsageError, writeFileSynced } from "../base/mod.ts";
import type { Stage, StageContext, StageSummary } from "../pipeline/stage.ts";
import type { Recipe } from "./recipe.ts";
import type { TableKind } from "./report/kind.ts";
import { isTable, tableEntry } from "./report/kinds.ts";
import { type Heading, headingOf, withHeading } from "./report/numbered.ts";
import type { Table } from "./report/table.ts";

interface TableParams {
  /** Of the kind of table. */
  readonly kind: object;
  readonly heading: Heading | null;
}

/** What stages that make tables use. */
export interface TableModules {
  readonly kind: { readonly kind: TableKind };
}

export const table: Stage<Recipe, TableParams, object, TableModules> = {
  name: "table",
  description: "Makes a table of results",
  module: import.meta.url,
  instances: (recipe) => recipe.tables.map((name) => [name]),
  onRequest: (_recipe, parts) => parts.length === 1 && isTable(parts[0]),
  declare(recipe, [asked]) {
    const { kind, name, module } = tableEntry(asked);
    const { inputs, params } = kind.declare(recipe, name);
    return {
      inputs,
      outputs: ["table"],
      params: { kind: params, heading: headingOf(recipe, asked) },
      uses: { kind: module },
      weight: 0.01,
    };
  },
};

/** The table of a recipe from what the recipe alone says. @throws UsageError for one that is made from results. */
export function tableFromRecipe(recipe: Recipe, asked: string): Table | Promise<Table> {
  const { kind, name } = tableEntry(asked);
  const { inputs, params } = kind.declare(recipe, name);
  if (Object.keys(inputs).length > 0) {
    throw new UsageError(
      `Cannot make table "${asked}" from sizes: expected cost, formulas or settings, found one of results`,
    );
  }
  return kind.build(params, {});
}

export async function run(
  { params, inputs, outputs, modules: { kind: { kind } } }: StageContext<
    TableParams,
    object,
    TableModules
  >,
): Promise<StageSummary> {
  const made = withHeading(await kind.build(params.kind, inputs), params.heading);
  writeFileSynced(`${outputs.table}/table.json`, JSON.stringify(made, null, 2) + "\n");
  return { rows: made.rows.length };
}
