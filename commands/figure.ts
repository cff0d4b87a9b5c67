/**
 * `figure`: prints or writes a figure from what the store has.
 */
import { join } from "node:path";
import { UsageError } from "../base/mod.ts";
import { oneOf } from "./option_values.ts";
import { madeOnTheSpot } from "./on_the_spot.ts";
import { openSession } from "./session.ts";
import { addPlanOptions, type PlanOptions } from "./plan_options.ts";
import type { PipelineCommand, Project } from "./project.ts";
import { print, printError } from "./screen.ts";

interface FigureOptions extends PlanOptions {
  readonly format: string;
  readonly output?: string;
}

export const command: PipelineCommand = {
  declare: (command) =>
    addPlanOptions(
      command
        .option("--format <format>", "svg, csv or json", "svg")
        .option("-o, --output <file>", "write it there"),
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
  const format = oneOf(["svg", "csv", "json"], "print a figure as", options.format);
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
  const states = await madeOnTheSpot(session, ids, options, asked);
  if (typeof states === "number") return states;
  const state = states.get(ids[0])!;
  if (state.status !== "fresh") return 1;
  const folder = await session.objects.require(state.manifest.outputs[figureStage], figureStage);
  const text = await Deno.readTextFile(join(folder, `figure.${format}`));
  if (output === undefined) print(text.trimEnd());
  else {
    await Deno.writeTextFile(output, text);
    printError(`wrote ${output}`);
  }
  return 0;
}
