/**
 * What a kind of table is: a module of this folder that exports `kind`.
 */
import type { OutputRef } from "../../pipeline/stage.ts";
import type { Recipe } from "../recipe.ts";
import type { Table } from "./table.ts";

// deno-lint-ignore no-explicit-any -- the table of kinds holds kinds of any parameters
export interface TableKind<Params extends object = any> {
  /** Results that the table is made from; they are computed when it is asked for. */
  inputs(recipe: Recipe, name: string): Readonly<Record<string, OutputRef>>;
  /** What `build` must know of the recipe. */
  params(recipe: Recipe, name: string): Params;
  /** The table, from the folders of its inputs. */
  build(params: Params, inputs: Readonly<Record<string, string>>): Table | Promise<Table>;
}
