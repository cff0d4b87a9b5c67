/**
 * `curves`: the losses of training runs, drawn in the terminal or as a file; or copied for programs that draw them.
 */
import { basename, join, resolve } from "node:path";
import {
  readTextIfThere,
  shownText,
  systemError,
  UsageError,
  writeAll,
  writeFileAtomic,
} from "../base/mod.ts";
import { checkpointsNow } from "../pipeline/executors/leases.ts";
import type { InstanceState } from "../pipeline/plan.ts";
import type { InstanceId } from "../pipeline/stage.ts";
import type { Figure } from "../stages/figures/mod.ts";
import { callerFolder } from "./caller_folder.ts";
import { checkFolderToFill, openOutput } from "./file_output.ts";
import { terminalSize } from "./live_lines.ts";
import { outputFormat } from "./output_format.ts";
import { addPlanOptions, type PlanOptions } from "./plan_options.ts";
import type { PipelineCommand, Project } from "./project.ts";
import { print, printError, writeRaw } from "./screen.ts";
import { openSession, type Session } from "./session.ts";

interface CurvesOptions extends PlanOptions {
  readonly format?: string;
  readonly output?: string;
  readonly bySource?: boolean;
  readonly tensorboard?: string;
}

export const command: PipelineCommand = {
  declare: (command) =>
    addPlanOptions(
      command
        .option("--by-source", "a curve for each source in place of their mean")
        .option(
          "--format <format>",
          "text, svg, csv or json (default: as the file's name ends, else text)",
        )
        .option("-o, --output <file>", "write it there")
        .option("--tensorboard <folder>", "copy the event files there, a folder for each instance")
        .addHelpText("after", examples),
    ),
  act: curves,
};

/** TensorBoard looks for this in a file's name. */
const eventMark = "tfevents";

/** The output of a training run that has its rows, and their file. */
const metricsOutput = "metrics";
const metricsFile = "metrics.jsonl";

/** Rows of a plot in the terminal. */
const plotRows = 13;

/** Draws or copies what there is and says what is missing. @throws UsageError if there is nothing */
async function curves(
  loadProject: () => Promise<Project>,
  targets: readonly string[],
  options: CurvesOptions,
): Promise<void> {
  const project = await loadProject();
  if (options.tensorboard !== undefined) {
    return await copyAll(project, targets, options, options.tensorboard);
  }
  const format = outputFormat(outputs, options);
  const { session, ids, states } = await planned(project, targets, options);
  const runs: { instance: string; text: string }[] = [];
  const missing: InstanceId[] = [];
  for (const id of ids) {
    if (!session.instances.get(id)!.declaration.outputs.includes(metricsOutput)) continue;
    const text = await rowsText(session, id, states.get(id)!);
    if (text === undefined) missing.push(id);
    else runs.push({ instance: id, text });
  }
  const { lossFigure } = await import("../stages/figures/mod.ts");
  const figure = lossFigure(runs, options);
  if (figure.panels.length === 0) throw nothingOf("draw", targets);
  const { output } = options;
  using file = output === undefined ? undefined : openOutput(output);
  const text = await textOf(figure, format, output === undefined);
  if (file === undefined) writeRaw(Deno.stdout, text);
  else {
    writeAll(file, text);
    file.finish();
    printError(`wrote ${output}`);
  }
  sayMissing(missing);
}

const outputs = {
  act: "draw curves as",
  formats: ["text", "svg", "csv", "json"],
  endings: { ".txt": "text", ".svg": "svg", ".csv": "csv", ".json": "json" },
  others: /\.[^./]*$/, // other programs make pictures of an SVG file
} as const;

async function planned(project: Project, targets: readonly string[], options: CurvesOptions) {
  const session = await openSession(project, options, { create: false, targets });
  const ids = session.select(targets);
  return { session, ids, states: await session.states(ids) };
}

/** The rows of a run that has ended, or of one that is under way or was stopped; undefined where there are none. */
async function rowsText(
  { objects, store }: Session,
  id: InstanceId,
  state: InstanceState,
): Promise<string | undefined> {
  if (state.status === "waiting") return undefined;
  if (state.status === "run") {
    const { rowsUnderWay } = await import("../training/mod.ts");
    return readTextIfThere(join(checkpointsNow(store, state.key), rowsUnderWay));
  }
  const folder = await objects.require(state.manifest.outputs[metricsOutput], id);
  return Deno.readTextFileSync(join(folder, metricsFile));
}

/** @param isShown Whether it is printed, and not written to a file. */
async function textOf(
  figure: Figure,
  format: (typeof outputs.formats)[number],
  isShown: boolean,
): Promise<string> {
  switch (format) {
    case "text": {
      const { plotLines } = await import("./terminal_plot.ts");
      const isTerminal = isShown && Deno.stdout.isTerminal();
      const size = {
        columns: isTerminal ? terminalSize().columns : 80,
        rows: plotRows,
        hasColour: isTerminal && !Deno.noColor,
      };
      const shown = JSON.parse(shownText(JSON.stringify(figure))) as Figure;
      const plots = shown.panels.map((panel) => plotLines(panel, figure.x, size).join("\n"));
      return `${plots.join("\n\n")}\n`;
    }
    case "svg":
      return (await (await import("../stages/figures/mod.ts")).drawFigure(figure)).trimEnd() + "\n";
    case "csv":
      return (await import("../stages/figures/mod.ts")).figureCsv(figure);
    case "json":
      return JSON.stringify(figure, null, 2) + "\n";
  }
}

async function copyAll(
  project: Project,
  targets: readonly string[],
  options: CurvesOptions,
  folder: string,
): Promise<void> {
  const place = resolve(callerFolder(project.root), folder);
  checkFolderToFill(place);
  const { session, ids, states } = await planned(project, targets, options);
  let copied = 0;
  for (const id of ids) {
    const state = states.get(id)!;
    if (state.status !== "fresh") continue;
    const files = await eventFilesOf(session, id, Object.values(state.manifest.outputs));
    for (const file of files) copy(file, join(place, ...id.split("/")));
    if (files.length > 0) copied++;
  }
  if (copied === 0) throw nothingOf("copy", targets);
  print(`Curves of ${copied} runs are in ${folder}: tensorboard --logdir ${folder}`);
  sayMissing(ids.filter((id) =>
    states.get(id)!.status !== "fresh" &&
    session.instances.get(id)!.declaration.outputs.includes(metricsOutput)
  ));
}

function nothingOf(act: string, targets: readonly string[]): UsageError {
  const what = targets.join(" ") || "all";
  const expected = act === "copy" ? "a finished training run" : "a training run that has begun";
  return new UsageError(
    `Cannot ${act} curves of ${what}: expected ${expected}, found none; run one first`,
  );
}

function sayMissing(ids: readonly InstanceId[]): void {
  if (ids.length > 0) printError(`Leaving out ${ids.length} that would have to run first`);
}

/** Paths of the event files among the outputs of an instance. */
async function eventFilesOf(
  { store, objects }: Session,
  id: InstanceId,
  digests: readonly string[],
): Promise<string[]> {
  const found: string[] = [];
  for (const digest of digests) {
    const files = (store.listing(digest) ?? []).filter(({ path }) => path.includes(eventMark));
    if (files.length === 0) continue;
    const folder = await objects.require(digest, id);
    found.push(...files.map(({ path }) => join(folder, path)));
  }
  return found;
}

/** @throws UsageError where a file stands in the way */
function copy(file: string, folder: string): void {
  try {
    Deno.mkdirSync(folder, { recursive: true });
    writeFileAtomic(join(folder, basename(file)), Deno.readFileSync(file));
  } catch (cause) {
    const refused = systemError(cause);
    if (refused === undefined) throw cause;
    throw new UsageError(
      `Cannot write to "${folder}": expected a folder for files, found ${refused.found}`,
      { cause },
    );
  }
}

const examples = `
Draws training runs that have ended, are under way or were stopped: a plot for each stage and split, nats a token by step. NO_COLOR
has letters in place of colours. With --tensorboard, files of the same instance that are there already are replaced, others stay.

Examples:
  deno task pipeline curves                        all training runs of the recipe
  deno task pipeline curves pretrain/trim --by-source
  deno task pipeline curves continue -o curves.svg
  deno task pipeline curves --tensorboard curves
  deno task pipeline curves pretrain --tensorboard curves --recipe multilingual-small --set data=DIR`;
