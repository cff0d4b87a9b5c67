/**
 * Options of every command that plans.
 */
import type { Command } from "commander";

/** The recipe where none is named. */
export const defaultRecipe = "sample";

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
  return command.option("--store <folder>", "where results are kept", ".artifacts");
}

/** The options as they were typed, for commands that a message proposes; nothing where all are the defaults. */
export function typedOptions({ recipe, set, store, engine, threads }: PlanOptions): string {
  const words = [
    ...(recipe === defaultRecipe ? [] : ["--recipe", recipe]),
    ...(set ?? []).flatMap((override) => ["--set", override]),
    ...(store === ".artifacts" ? [] : ["--store", store]),
    ...(engine === undefined ? [] : ["--engine", engine]),
    ...(threads === undefined ? [] : ["--threads", threads]),
  ];
  return words.map((word) => ` ${/^[\w./=:,@-]+$/.test(word) ? word : `'${word}'`}`).join("");
}
