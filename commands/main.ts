/**
 * The command line: `deno task pipeline --help`. Commands are loaded when they are called.
 */
import { messageOf, StageError, UsageError } from "../base/mod.ts";
import { StorageError, storageError } from "../pipeline/storage_errors.ts";
import type { Project } from "./project.ts";

/** Runs a command line and returns the exit code. */
export async function runCommandLine(
  args: readonly string[],
  loadProject: () => Promise<Project>,
): Promise<number> {
  const { Command, CommanderError } = await import("commander");
  const { addPlanOptions } = await import("./plan_options.ts");
  const { addModelCommands } = await import("./model_commands.ts");
  const { addStoreCommands } = await import("./store_commands.ts");
  let code = 0;
  const program = new Command("deno task pipeline")
    .description("DEPT as a pipeline: runs what is missing of an experiment and prints its tables.")
    .exitOverride()
    .showHelpAfterError("(--help says what there is)")
    .helpCommand(false)
    .addHelpText("after", programExamples);
  const runCommand = program.command("run [targets...]")
    .description(
      "bring targets up to date: all (default), a stage, an instance, or a pattern with *",
    )
    .option("-j, --jobs <n>", "processes at once (default: cores / threads)")
    .option("-n, --dry-run", "say what would run and why, and stop")
    .option("-f, --force", "run the named targets even if they are fresh")
    .option("--only", "leave out what the targets need: it must be there")
    .option("-k, --keep-going", "after a failure, go on with what does not need it")
    .option("--no-wait", "end with code 1 when another run uses the store")
    .option("--verify", "read again all that is fresh; what is damaged is made anew")
    .option("--keep-checkpoints <n>", "keep the newest n checkpoints of what finishes (default: 0)")
    .option("-q, --quiet", "print errors only")
    .option("-v, --verbose", "print what stages log, and stacks of errors")
    .option("--profile", "print where the time of training went, by phase")
    .option("--json", "print events, one JSON object a line")
    .addHelpText("after", runExamples)
    .action(async (targets, options) => {
      const { run } = await import("./run.ts");
      code = await run(await loadProject(), targets, options);
    });
  const statusCommand = program.command("status [targets...]")
    .description("say what is fresh and what would run, and why (exit code 3: something would)")
    .option("--json", "print one JSON object")
    .option("-v, --verbose", "print stacks of errors")
    .action(async (targets, options) => {
      const { status } = await import("./status.ts");
      code = await status(await loadProject(), targets, options);
    });
  const tableCommand = program.command("table [names...]")
    .description("print tables of results from what the store has")
    .option("--format <format>", "text, markdown, csv or json", "text")
    .option("--list", "list what tables there are, and which of the paper's each one is")
    .option("-v, --verbose", "print stacks of errors")
    .addHelpText("after", tableExamples)
    .action(async (names, options) => {
      const { table } = await import("./table.ts");
      code = await table(await loadProject(), names, options);
    });
  const figureCommand = program.command("figure <name>")
    .description("print a figure, by name or by its number in the paper: 2, 3, 4")
    .option("--format <format>", "svg, csv or json", "svg")
    .option("-o, --output <file>", "write it there")
    .option("-v, --verbose", "print stacks of errors")
    .action(async (name, options) => {
      const { figure } = await import("./figure.ts");
      code = await figure(await loadProject(), name, options);
    });
  const whyCommand = program.command("why <targets...>")
    .description("explain instances: what they are made from, or every field that makes them run")
    .option("--json", "print one JSON object: keys, records, provenance")
    .option("-v, --verbose", "print stacks of errors")
    .action(async (targets, options) => {
      const { why } = await import("./why.ts");
      code = await why(await loadProject(), targets, options);
    });
  const graphCommand = program.command("graph [targets...]")
    .description("draw what needs what")
    .option("--format <format>", "text, mermaid, dot or svg", "text")
    .option("--stages", "one node a stage instead of one an instance")
    .option("-v, --verbose", "print stacks of errors")
    .action(async (targets, options) => {
      const { graph } = await import("./graph.ts");
      code = await graph(await loadProject(), targets, options);
    });
  const logCommand = program.command("log <target>")
    .description("print what an instance has printed, also while it runs")
    .option("-f, --follow", "go on until it is done")
    .option("-v, --verbose", "print stacks of errors")
    .action(async (target, options) => {
      const { log } = await import("./log.ts");
      code = await log(await loadProject(), target, options);
    });
  program.command("recipes")
    .description("list the recipes that can be run by name")
    .option("--json", "print one JSON list")
    .action(async (options) => {
      const { recipes } = await import("./recipes.ts");
      code = await recipes(await loadProject(), options);
    });
  const { addSizeOptions } = await import("./size_options.ts");
  addSizeOptions(tableCommand);
  addModelCommands(program, loadProject, (result) => code = result);
  addStoreCommands(program, loadProject, (result) => code = result);
  for (
    const command of [
      runCommand,
      statusCommand,
      tableCommand,
      figureCommand,
      whyCommand,
      graphCommand,
      logCommand,
    ]
  ) addPlanOptions(command);
  try {
    if (args.length === 0) program.outputHelp();
    else await program.parseAsync(args, { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2; // it has said why
    return report(
      storageError(error, "write", storeOf(args)),
      args.includes("--verbose") || args.includes("-v"),
    );
  }
}

/** The store that arguments name, for messages. */
function storeOf(args: readonly string[]): string {
  const at = args.indexOf("--store");
  return at < 0 ? ".artifacts" : args[at + 1] ?? "";
}

/** Prints an error that ends the command, and gives the exit code it stands for. */
function report(error: unknown, isVerbose: boolean): number {
  const isUsage = error instanceof UsageError;
  const isExpected = isUsage || error instanceof StageError || error instanceof StorageError;
  const stack = error instanceof Error ? error.stack : undefined;
  // A defect of ours is of no use without its place.
  console.error(
    `error: ${isVerbose || !isExpected ? stack ?? messageOf(error) : messageOf(error)}`,
  );
  return isUsage ? 2 : 1;
}

const programExamples = `
Examples:
  deno task pipeline run                           the sample recipe, from data to tables
  deno task pipeline status                        what is there, what would run, and why
  deno task pipeline table --format markdown       the tables of results

Exit codes: 0 done or fresh, 1 a stage failed, 2 bad usage or recipe, 3 (status) something would run`;

const tableExamples = `
Examples:
  deno task pipeline table                         the recipe's tables
  deno task pipeline table 4 drift                 Table 4 of the paper, and one that the recipe does not list
  deno task pipeline table cost --recipe multilingual-1b --gigabits 1
  deno task pipeline table cost --layers 24 --width 2048 --vocab 250112 --own-vocab 50257 --local-steps 500`;

const runExamples = `
Examples:
  deno task pipeline run pretrain/trim             one instance and what it needs
  deno task pipeline run 'evaluate/*/random'       all that fit a pattern
  deno task pipeline run --recipe mine.yaml --set pretrain.rounds=3
  deno task pipeline run tokenize --dry-run        what would run, and why`;

if (import.meta.main) {
  Deno.exit(
    await runCommandLine(Deno.args, async () => (await import("./dept.ts")).project),
  );
}
