/**
 * `runs`: the runs of a store, the newest first. Takes no lock and changes nothing.
 */
import { resolve } from "node:path";
import { formatDuration, UsageError } from "../base/mod.ts";
import { type PastRun, pastRuns } from "../pipeline/run_history.ts";
import { Store } from "../pipeline/store.ts";
import { cut } from "./live_lines.ts";
import { wholeNumber } from "./option_values.ts";
import { addStoreOption } from "./plan_options.ts";
import type { PipelineCommand, Project } from "./project.ts";
import { print } from "./screen.ts";
import { identityText, timeText } from "./run_texts.ts";
import { textGrid } from "./text_grid.ts";

interface RunsOptions {
  readonly store: string;
  readonly last: string;
  readonly json?: boolean;
}

export const command: PipelineCommand = {
  declare: (command) =>
    addStoreOption(command)
      .option("--last <n>", "the newest so many", "20")
      .option("--json", "print one JSON object")
      .addHelpText("after", examples),
  act: runs,
};

/** Prints a line for each run. @throws UsageError if there is no store */
async function runs(loadProject: () => Promise<Project>, options: RunsOptions): Promise<void> {
  const store = Store.open(resolve(options.store), { create: false });
  if (!store.isThere) {
    throw new UsageError(
      `Cannot list the runs of "${options.store}": expected a store, found none there`,
    );
  }
  const { score } = await loadProject();
  const found = pastRuns(store, wholeNumber("--last", options.last, 1));
  const rows = found.map((run) => ({ run, best: bestOf(run, store, score) }));
  if (options.json) {
    const runs = rows.map(({ run: { number, at, identity, targets, keys, end }, best }) => ({
      ...{ run: number, at, ...identity, targets, instances: keys.size },
      ...{ end: end ?? null, best: best ?? null },
    }));
    print(JSON.stringify({ format: 1, runs }, null, 2));
    return;
  }
  if (rows.length === 0) {
    print(`No run is known of "${options.store}": runs are listed from their next one on`);
    return;
  }
  const head = ["run", "began", "recipe", "ran", "cached", "took", "", score?.name ?? ""];
  print(textGrid([head, ...rows.map(({ run, best }) => lineOf(run, best))], [0, 3, 4, 5]));
}

interface Best {
  readonly instance: string;
  readonly value: number;
}

/** The instance of a run with the lowest score; undefined where none is left that has one. */
function bestOf(
  { keys }: PastRun,
  store: Store,
  score: Project["score"],
): Best | undefined {
  let best: Best | undefined;
  if (score === undefined) return undefined;
  for (const [instance, key] of keys) {
    if (!instance.startsWith(`${score.stage}/`)) continue;
    const value = store.find(key)?.summary[score.field];
    if (typeof value === "number" && !(best !== undefined && best.value <= value)) {
      best = { instance, value };
    }
  }
  return best;
}

/** Columns of what was asked for; --json has all of it. */
const longestText = 70;

function lineOf({ number, at, identity, targets, end }: PastRun, best: Best | undefined): string[] {
  const asked = targets.length === 0 ? "" : ` (${targets.join(" ")})`;
  return [
    String(number),
    timeText(at),
    cut(`${identityText(identity)}${asked}`, longestText),
    ...(end === undefined
      ? ["", "", "", "did not end"]
      : [String(end.ran), String(end.cached), formatDuration(end.durationMs), fateText(end)]),
    best === undefined ? "" : `${best.value.toFixed(3)} ${best.instance}`,
  ];
}

function fateText({ failed, left }: NonNullable<PastRun["end"]>): string {
  if (failed > 0) return `${failed} failed`;
  return left > 0 ? `stopped, ${left} left` : "done";
}

const examples = `
The numbers name runs for diff. Runs that had nothing to do are not listed, nor those of before this list was kept.

Examples:
  deno task pipeline runs                          what this store has seen
  deno task pipeline diff 3 4                      what the fourth run changed`;
