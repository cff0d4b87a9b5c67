/**
 * What the command line needs to know of a project: the one seam between the machine and what it is used for.
 */
import type { z } from "zod";
import type { Stage } from "../stage.ts";

/** What every recipe has, whatever else its schema says. */
export interface BaseRecipe {
  readonly name: string;
  readonly description: string;
  readonly seed: number;
  readonly engine: { readonly kind: string; readonly threads: number };
}

export interface Project {
  /** The folder of `deno.json` and `deno.lock`. */
  readonly root: string;
  /** The folder of recipes that are found by name. */
  readonly recipes: string;
  readonly schema: z.ZodType<BaseRecipe>;
  /** What a schema cannot say. @throws UsageError */
  check?(recipe: BaseRecipe): void;
  /** In the order of the plan. */
  readonly stages: readonly Stage[];
  /** The text of a table: of what `table.json` holds in the output of an instance of stage `table`. */
  formatTable(table: unknown, format: TableFormat): Promise<string>;
}

export const tableFormats = ["text", "markdown", "csv", "json"] as const;
export type TableFormat = (typeof tableFormats)[number];
