/**
 * The command line: `deno task pipeline --help`.
 */
import { relative, resolve } from "node:path";
import { reportFileLimit, systemError } from "../base/mod.ts";
import { StorageError, storageError } from "../pipeline/storage_errors.ts";
import { type CommandLine, runCommand } from "./command_line.ts";
import type { Project } from "./project.ts";

export const pipeline: CommandLine<() => Promise<Project>> = {
  name: "deno task pipeline",
  description: "DEPT as a pipeline: runs what is missing of an experiment and prints its tables.",
  commands: {
    "run [targets...]": [
      "bring targets up to date: all (default), a stage, an instance, or a pattern with *",
      () => import("./run.ts"),
    ],
    "silo [target]": [
      "train sources for a run that another process leads, or take part in one of several parties",
      () => import("./silo.ts"),
    ],
    "serve <target>": [
      "lead pre-training whose text stays with other parties, and invite them",
      () => import("./serve.ts"),
    ],
    "status [targets...]": [
      "say what is fresh and what would run, and why (exit code 3: something would)",
      () => import("./status.ts"),
    ],
    "table [names...]": [
      "print tables of results from what the store has",
      () => import("./table.ts"),
    ],
    "figure <name>": [
      "print a figure, by name or by its number in the paper: 1 to 4",
      () => import("./figure.ts"),
    ],
    "report [name]": [
      "write one HTML file of everything that was learnt, or show it while a run is going",
      () => import("./report.ts"),
    ],
    "why <targets...>": [
      "explain instances: what they are made from, or every field that makes them run",
      () => import("./why.ts"),
    ],
    "graph [targets...]": ["draw what needs what", () => import("./graph.ts")],
    "log <target>": [
      "print what an instance has printed, also while it runs",
      () => import("./log.ts"),
    ],
    "runs": [
      "list the runs of a store: what each was asked for, how it ended, and its best model",
      () => import("./runs.ts"),
    ],
    "diff <before> <after> [targets...]": [
      "compare two runs, stores, recipes or instances: settings, data, metrics, losses, tables",
      () => import("./diff.ts"),
    ],
    "path <target>": [
      "print the folder of what an instance has made: TARGET or TARGET#OUTPUT",
      () => import("./path.ts"),
    ],
    "recipes": [
      "list the recipes that can be run by name, or show every key of one",
      () => import("./recipes.ts"),
    ],
    "import <from>": [
      "take in a model of others: a folder, a safetensors file, a URL, or hf://OWNER/NAME",
      () => import("./import.ts"),
    ],
    "init <folder>": [
      "look at a folder of text and write a first recipe for it",
      () => import("./init.ts"),
    ],
    "generate <target>": [
      "let a trained model go on with a text, or say how well it predicts one",
      () => import("./generate.ts"),
    ],
    "export <target> <folder>": [
      "write a trained model as files that other programs open",
      () => import("./export.ts"),
    ],
    "curves [targets...]": [
      "draw losses along training runs, or copy them for TensorBoard",
      () => import("./curves.ts"),
    ],
    "engines": [
      "try every engine on this machine: what is missing, what auto takes, and which operators webgpu leaves to the processor",
      () => import("./engines.ts"),
    ],
    "verify": [
      "read all that the store has; what is damaged is named and dropped (exit code 1)",
      () => import("./verify.ts"),
    ],
    "gc [recipes...]": [
      "remove what no run asks for: of the recipes named, or of all that were run lately",
      () => import("./gc.ts"),
    ],
    "push <to> [targets...]": [
      "copy results into another store (a folder), an archive (.tar, .tar.zst) or a bucket (s3://)",
      () => import("./push.ts"),
    ],
    "pull <from>": [
      "take results from another store (a folder), an archive, its URL, or a bucket (s3://)",
      () => import("./pull.ts"),
    ],
  },
  expected: [StorageError],
  translate: (error, args) => {
    const path = systemError(error)?.path;
    const store = storeOf(args);
    const isElsewhere = path !== undefined &&
      relative(resolve(store), resolve(path)).startsWith("..");
    return isElsewhere ? error : storageError(error, "write", store);
  },
  examples: `
Examples:
  deno task pipeline run                           the sample recipe, from data to tables
  deno task pipeline status                        what is there, what would run, and why
  deno task pipeline table --format markdown       the tables of results

Exit codes: 0 done or fresh, 1 a stage failed, 2 bad usage or recipe, 3 (status) something would run`,
};

/** Runs a command line for a project and returns the exit code. */
export function runCommandLine(
  args: readonly string[],
  loadProject: () => Promise<Project>,
): Promise<number> {
  return runCommand(pipeline, args, loadProject);
}

/** The store that arguments name, for messages. */
function storeOf(args: readonly string[]): string {
  const at = args.findIndex((arg) => /^--store(=|$)/.test(arg));
  if (at < 0) return ".artifacts";
  return args[at] === "--store" ? args[at + 1] ?? "" : args[at].slice("--store=".length);
}

if (import.meta.main) {
  reportFileLimit();
  Deno.exit(
    await runCommandLine(Deno.args, async () => (await import("./dept.ts")).project),
  );
}
