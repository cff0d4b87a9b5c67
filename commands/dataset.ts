/**
 * The command line of data files: `deno task dataset --help`. Exit codes: 0 it can be read, 1 refused, 2 bad usage.
 */
import { reportFileLimit } from "../base/mod.ts";
import { type CommandLine, runCommand } from "./command_line.ts";

export const dataset: CommandLine<void> = {
  name: "deno task dataset",
  description: "Says what data files hold, and prints their rows.",
  commands: {
    "inspect <input>": [
      "format, rows, columns and types, text column, first documents, problems",
      () => import("./dataset_inspect.ts"),
    ],
    "cat <input>": [
      "rows, one a line, or as a file of another format",
      () => import("./dataset_cat.ts"),
    ],
  },
  unreadCode: 0, // the reader has enough: `… | head`
  examples: `
An input is a file, a folder, a glob, a URL, hf://datasets/<owner>/<name>[@revision]/<glob>, or a source of a recipe.

Examples:
  deno task dataset inspect train.parquet
  deno task dataset inspect sw --recipe multilingual-small --set data=DIR --json
  deno task dataset cat c4-train.json.gz --column text --limit 3
  deno task dataset cat old.jsonl --format parquet --output new.parquet

Exit codes: 0 it can be read, 1 refused, 2 bad usage`,
};

if (import.meta.main) {
  reportFileLimit();
  Deno.exit(await runCommand(dataset, Deno.args, undefined));
}
