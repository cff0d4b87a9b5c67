/**
 * The command line of data files: `deno task dataset --help`. Commands are loaded when they are called.
 */
import { messageOf, StageError, UsageError } from "../base/mod.ts";

/** Runs a command line and returns the exit code: 0 it can be read, 1 refused, 2 bad usage. */
export async function runDatasetCommand(args: readonly string[]): Promise<number> {
  const { Command, CommanderError } = await import("commander");
  let code = 0;
  const program = new Command("deno task dataset")
    .description("Says what data files hold, and prints their rows.")
    .exitOverride()
    .showHelpAfterError("(--help says what there is)")
    .helpCommand(false)
    .addHelpText("after", examples);
  const collect = (value: string, before: readonly string[] = []) => [...before, value];
  const withRecipe = (name: string, description: string) =>
    program.command(name)
      .description(description)
      .option("-r, --recipe <name|file>", "where a SOURCE is named", "sample")
      .option("--set <path=value>", "override a key of the recipe (repeatable)", collect)
      .option("-v, --verbose", "print stacks of errors");
  withRecipe(
    "inspect <input>",
    "format, rows, columns and types, text column, first documents, problems",
  )
    .option("--json", "print one JSON object")
    .option("--all", "read a large file to its end, to count its rows and problems")
    .action(async (input, options) => {
      code = await (await import("./dataset_inspect.ts")).inspect(input, options);
    });
  withRecipe("cat <input>", "rows, one a line, or as a file of another format")
    .option("-c, --column <name>", "only this column, or a field in it: meta.title")
    .option("-n, --limit <n>", "only the first rows")
    .option("-f, --format <format>", "json (a row a line), parquet or arrow", "json")
    .option("-o, --output <file>", "instead of standard output")
    .action(async (input, options) => await (await import("./dataset_cat.ts")).cat(input, options));
  try {
    if (args.length === 0) program.outputHelp();
    else await program.parseAsync(args, { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2; // it has said why
    if (error instanceof Deno.errors.BrokenPipe) return 0; // whoever reads has enough: `… | head`
    return report(error, args.includes("--verbose") || args.includes("-v"));
  }
}

function report(error: unknown, isVerbose: boolean): number {
  const isExpected = error instanceof UsageError || error instanceof StageError;
  const stack = error instanceof Error ? error.stack : undefined;
  console.error(
    `error: ${isVerbose || !isExpected ? stack ?? messageOf(error) : messageOf(error)}`,
  );
  return error instanceof UsageError ? 2 : 1;
}

const examples = `
An input is a file, a folder, a glob, a URL, hf://datasets/<owner>/<name>[@revision]/<glob>, or a source of a recipe.

Examples:
  deno task dataset inspect train.parquet
  deno task dataset inspect sw --recipe multilingual-small --set data=DIR --json
  deno task dataset cat c4-train.json.gz --column text --limit 3
  deno task dataset cat old.jsonl --format parquet --output new.parquet

Exit codes: 0 it can be read, 1 refused, 2 bad usage`;

if (import.meta.main) Deno.exit(await runDatasetCommand(Deno.args));
