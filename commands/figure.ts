/**
 * `figure`: prints or writes a figure from what the store has.
 */
import { join } from "node:path";
import { UsageError, writeAll } from "../base/mod.ts";
import { openOutput } from "./file_output.ts";
import { outputFormat } from "./output_format.ts";
import { madeOnTheSpot } from "./on_the_spot.ts";
import { openSession } from "./session.ts";
import { addPlanOptions, type PlanOptions } from "./plan_options.ts";
import type { PipelineCommand, Project } from "./project.ts";
import { print, printError } from "./screen.ts";

interface FigureOptions extends PlanOptions {
  readonly format?: string;
  readonly output?: string;
}

export const command: PipelineCommand = {
  declare: (command) =>
    addPlanOptions(
      command
        .option(
          "--format <format>",
          "svg, csv or json (default: as the file's name ends, else svg)",
        )
        .option("-o, --output <file>", "write it there")
        .addHelpText("after", examples),
    ),
  act: figure,
};

/** The stage whose instances are figures; each has one output with a file per format. */
const figureStage = "figure";

/** Prints one figure, or writes it to a file. @throws UsageError if something else must run first. */
async function figure(
  loadProject: () => Promise<Project>,
  name: string,
  options: FigureOptions,
): Promise<number> {
  const { output } = options;
  const format = outputFormat(outputs, options);
  const target = name.startsWith(`${figureStage}/`) ? name : `${figureStage}/${name}`;
  const session = await openSession(await loadProject(), options, {
    create: false,
    targets: [target],
  });
  const ids = session.select([target]);
  if (ids.length > 1) {
    throw new UsageError(`Cannot print figure "${name}": expected one, found ${ids.join(", ")}`);
  }
  const asked = { what: `figure ${name}`, targets: [target] };
  using file = output === undefined ? undefined : openOutput(output);
  const { states, code, error } = await madeOnTheSpot(session, ids, options, asked);
  if (error !== undefined) throw error;
  const state = states.get(ids[0])!;
  if (state.status !== "fresh") return code;
  const folder = await session.objects.require(state.manifest.outputs[figureStage], ids[0]);
  const text = await Deno.readTextFile(join(folder, `figure.${format}`));
  if (file === undefined) print(text.trimEnd());
  else {
    writeAll(file, text);
    file.finish();
    printError(`wrote ${output}`);
  }
  return 0;
}

const outputs = {
  act: "print a figure as",
  formats: ["svg", "csv", "json"],
  endings: { ".svg": "svg", ".csv": "csv", ".json": "json" },
  others: /\.[^./]*$/, // other programs make pictures and pages of an SVG file
} as const;

const examples = `
Examples:
  deno task pipeline figure 4 --output scaling.svg        Figure 4 of the paper, from what the store has
  deno task pipeline figure stability --format csv --set pretrain.monitors.everySteps=10
  deno task pipeline run figure/4                         the same as a target: what it needs runs first`;
