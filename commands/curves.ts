/**
 * `curves`: the curves of all training runs, for programs that draw them.
 */
import { basename, join, resolve } from "node:path";
import { systemError, UsageError, writeFileAtomic } from "../base/mod.ts";
import type { InstanceId } from "../pipeline/stage.ts";
import { callerFolder } from "./caller_folder.ts";
import { checkFolderToFill } from "./file_output.ts";
import { addPlanOptions, type PlanOptions } from "./plan_options.ts";
import type { PipelineCommand, Project } from "./project.ts";
import { print, printError } from "./screen.ts";
import { openSession, type Session } from "./session.ts";

interface CurvesOptions extends PlanOptions {
  readonly tensorboard?: string;
}

export const command: PipelineCommand = {
  declare: (command) =>
    addPlanOptions(
      command
        .option("--tensorboard <folder>", "copy the event files there, a folder for each instance")
        .addHelpText("after", examples),
    ),
  act: curves,
};

/** TensorBoard looks for this in a file's name. */
const eventMark = "tfevents";

/** Copies what there is and says what is missing. @throws UsageError if there is nothing */
async function curves(
  loadProject: () => Promise<Project>,
  targets: readonly string[],
  options: CurvesOptions,
): Promise<void> {
  if (options.tensorboard === undefined) {
    throw new UsageError("Cannot copy curves: expected --tensorboard FOLDER, found no folder");
  }
  const project = await loadProject();
  const place = resolve(callerFolder(project.root), options.tensorboard);
  checkFolderToFill(place);
  const session = await openSession(project, options, { create: false, targets });
  const ids = session.select(targets);
  const states = await session.states(ids);
  let copied = 0;
  for (const id of ids) {
    const state = states.get(id)!;
    if (state.status !== "fresh") continue;
    const files = await eventFilesOf(session, id, Object.values(state.manifest.outputs));
    for (const file of files) copy(file, join(place, ...id.split("/")));
    if (files.length > 0) copied++;
  }
  if (copied === 0) {
    throw new UsageError(
      `Cannot copy curves of ${
        targets.join(" ") || "all"
      }: expected a finished training run, found none; run one first`,
    );
  }
  print(
    `Curves of ${copied} runs are in ${options.tensorboard}: tensorboard --logdir ${options.tensorboard}`,
  );
  const missing = ids.filter((id) =>
    states.get(id)!.status !== "fresh" &&
    session.instances.get(id)!.declaration.outputs.includes("metrics")
  );
  if (missing.length > 0) printError(`Leaving out ${missing.length} that would have to run first`);
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
Files of the same instance that are there already are replaced, others stay.

Examples:
  deno task pipeline curves --tensorboard curves
  deno task pipeline curves pretrain --tensorboard curves --recipe multilingual-small --set data=DIR`;
