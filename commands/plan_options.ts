/**
 * Options of every command that plans.
 */
import type { Command } from "commander";
import { shellWord } from "../base/mod.ts";

/** The recipe where none is named. */
export const defaultRecipe = "sample";
const defaultStore = ".artifacts";

/** Options that say what is planned, shared by all commands that plan. */
export interface PlanOptions {
  readonly recipe: string;
  readonly set?: readonly string[];
  readonly store: string;
  readonly engine?: string;
  readonly threads?: string;
}

/** Adds the shared options to a command. */
export function addPlanOptions(command: Command): Command {
  addRecipeOptions(command, "what to run: a recipe of pipeline/recipes/, or a file");
  return addStoreOption(command)
    .option("--engine <kind>", "short for --set engine.kind=KIND")
    .option("--threads <n>", "short for --set engine.threads=N (results depend on it)");
}

/** Adds the options that name a recipe. @param meaning Of the name. */
export function addRecipeOptions(command: Command, meaning: string): Command {
  const collect = (value: string, before: readonly string[] = []) => [...before, value];
  return command
    .option("-r, --recipe <name|file>", meaning, defaultRecipe)
    .option("--set <path=value>", "override a key of the recipe (repeatable)", collect);
}

/** Adds the option that names a store. */
export function addStoreOption(command: Command): Command {
  return command.option("--store <folder>", "where results are kept", defaultStore);
}

/** The options that say what is planned, as words of another process's command line. */
export function recipeWords(
  { recipe, set = [], engine, threads }: Omit<PlanOptions, "store">,
): string[] {
  return [
    ...["--recipe", recipe],
    ...set.flatMap((override) => ["--set", override]),
    ...(engine === undefined ? [] : ["--engine", engine]),
    ...(threads === undefined ? [] : ["--threads", threads]),
  ];
}

/** The options as they were typed, for commands that a message proposes; nothing where all are the defaults. */
export function typedOptions(options: PlanOptions): string {
  const { recipe, store } = options;
  const words = [
    ...recipeWords(options).slice(recipe === defaultRecipe ? 2 : 0),
    ...(store === defaultStore ? [] : ["--store", store]),
  ];
  return words.map((word) => ` ${/^[\w./=:,@-]+$/.test(word) ? word : shellWord(word)}`).join("");
}
