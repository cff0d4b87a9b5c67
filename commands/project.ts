/**
 * What the command line needs to know about a project: the one place where the machine and its use meet.
 */
import type { z } from "zod";
import type { PathKey } from "../pipeline/recipe_paths.ts";
import type { InstanceId, Stage } from "../pipeline/stage.ts";
import type { CommandModule } from "./command_line.ts";

/** The members that every recipe has. */
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
  /** Keys of a recipe that hold paths. */
  readonly pathKeys?: readonly PathKey[];
  /** Checks what a schema cannot express. @throws UsageError, or a RecipeError that names the key */
  check?(recipe: BaseRecipe): void;
  /** The engine that `auto` stands for on this machine, and why. */
  resolveEngine?(): Promise<{ readonly kind: string; readonly why: string }>;
  /** In the order of the plan. */
  readonly stages: readonly Stage[];
  /** What runs are ranked by where they are listed: a number in the summaries of a stage, of which less is better. */
  readonly score?: {
    readonly stage: string;
    readonly field: string;
    /** Heading and unit: `bits per byte`. */
    readonly name: string;
  };
  /** The text of `table --list`: every table that can be printed, also those that the recipe does not list. */
  listTables?(): Promise<string>;
  /**
   * A table from the recipe alone, for sizes that the user named.
   * @throws UsageError for a table that is made from results, and for sizes that do not make one.
   */
  tableOfSizes?(recipe: BaseRecipe, name: string, sizes: TableSizes): Promise<unknown>;
  /**
   * What a run has learnt, in sentences, the most important one first; undefined where nothing tells.
   * @param folderOf The folder of `instance#output`; undefined where the run has not made it.
   * @returns also the instance that has evaluated the best model
   */
  headline?(
    recipe: BaseRecipe,
    folderOf: (ref: string) => Promise<string | undefined>,
  ): Promise<{ readonly sentences: readonly string[]; readonly best: InstanceId } | undefined>;
  /** One table of results that differ in nothing but the seed. @throws StageError where they do not make one */
  tableOverSeeds?(results: readonly SeedResult[]): Promise<object>;
  /** The text of a table: of what `table.json` holds in the output of an instance of stage `table`. */
  formatTable(table: unknown, format: TableFormat): Promise<string>;
}

/** Sizes of a model and its training as options of `table` give them: text, by the option's name. */
export type TableSizes = Readonly<Record<string, string>>;

/** A kept result of stage `table`: its seed, its table, and what made it. */
export interface SeedResult {
  readonly seed: string;
  readonly table: unknown;
  /** Of the stage. */
  readonly params: unknown;
  /** The folder of each input by its name; undefined for one that the store lacks. */
  readonly inputs: Readonly<Record<string, string | undefined>>;
}

export const tableFormats = ["text", "markdown", "csv", "json"] as const;
export type TableFormat = (typeof tableFormats)[number];

/** A command of `deno task pipeline`; it loads the project when it needs it. */
export type PipelineCommand = CommandModule<() => Promise<Project>>;
