/**
 * `init`: a first recipe for a folder of text.
 */
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, join, resolve } from "node:path";
import { formatBytes, UsageError, writeFileAtomic } from "../base/mod.ts";
import { callerFolder } from "./caller_folder.ts";
import { type FoundSource, nameFrom, sourcesIn } from "./init_folder.ts";
import { recipeText, variants } from "./init_recipe.ts";
import { batchSize, localSteps, type Sizes, sizesFor } from "./init_sizes.ts";
import { wholeNumber } from "./option_values.ts";
import { forecastText, planEventParts } from "./plan_view.ts";
import type { PipelineCommand, Project } from "./project.ts";
import { print } from "./screen.ts";
import { openSession } from "./session.ts";

interface InitOptions {
  readonly minutes: string;
}

export const command: PipelineCommand = {
  declare: (command) =>
    command
      .option("--minutes <n>", "how long all of it may take on this machine, about", "30")
      .addHelpText("after", examples),
  act: init,
};

const recipeFile = "dept.yaml";

/**
 * Looks at a folder and writes a recipe into it whose sizes suit its text and this machine.
 * @throws UsageError for a folder without text, and where a recipe is there already
 */
async function init(
  loadProject: () => Promise<Project>,
  typed: string,
  { minutes }: InitOptions,
): Promise<void> {
  const project = await loadProject();
  const here = callerFolder(project.root);
  const folder = resolve(here, typed);
  const file = join(folder, recipeFile);
  if (existsSync(file)) {
    throw new UsageError(
      `Cannot write "${file}": expected no recipe there, found one; remove it, or run it: ` +
        `deno task pipeline run --recipe ${join(typed, recipeFile)}`,
    );
  }
  const sources = await sourcesIn(folder);
  const sizes = sizesFor({
    textBytes: sources.reduce((sum, { textBytes }) => sum + textBytes, 0),
    sources: sources.length,
    rows: variants.length - 1, // one of them is not trained
    cores: availableParallelism(),
    minutes: wholeNumber("--minutes", minutes, 1),
  });
  writeFileAtomic(file, recipeText(nameFrom(basename(folder)) || "own", sources, sizes));
  printFound(sources, sizes);
  print(`${await forecastOf(project, file)}\n`);
  const shown = join(typed, recipeFile);
  print(`Wrote ${shown}. Next:
  deno task pipeline run --recipe ${shown} --dry-run   what would run, and why
  deno task pipeline run --recipe ${shown}             all of it; stop it at any moment, and run it again to go on`);
}

function printFound(sources: readonly FoundSource[], sizes: Sizes): void {
  const width = Math.max(...sources.map(({ id }) => id.length));
  for (const { id, format, textBytes, textColumn, spec } of sources) {
    const column = textColumn === null ? "" : `, text in "${textColumn}"`;
    const split = "files" in spec ? "split by a hash" : "with its own splits";
    print(
      `${id.padEnd(width)}  ${format}, about ${formatBytes(textBytes)} of text${column}, ${split}`,
    );
  }
  if (sources.length === 1) {
    print("One source: DEPT needs several that do not mix well; put each into a folder of its own");
  }
  const tokens = sizes.rounds * localSteps * batchSize * sizes.seqLen * sizes.sourcesPerRound;
  print(
    `model: ${sizes.nLayers} layers × ${sizes.dModel}, ${sizes.vocabSize} pieces; ` +
      `${(tokens / 1e6).toFixed(1)} M tokens for each of ${variants.length - 1} rows`,
  );
}

/** What the plan says of the recipe: it is checked by it as well. */
async function forecastOf(project: Project, recipe: string): Promise<string> {
  const session = await openSession(project, { recipe, store: ".artifacts" }, { create: false });
  const states = await session.states(session.select([]));
  const jobs = availableParallelism();
  const { forecast } = planEventParts([...states.keys()], states, session.planner, jobs);
  return `forecast: ${forecastText(forecast, jobs)}`;
}

const examples = `
A folder has a folder for each source, or a file for each: jsonl, json, txt, csv, tsv, parquet or arrow, also .gz or .zst.
Files named train, validation and test are taken for these; all others are split by a hash of each document.

Examples:
  deno task pipeline init ~/texts                a recipe for about 30 minutes on this machine
  deno task pipeline init ~/texts --minutes 240  for a night`;
