/**
 * `log`: the text that an instance has printed, also while it runs. Takes no lock.
 */
import { join } from "node:path";
import { UsageError } from "../base/mod.ts";
import type { InstanceState } from "../pipeline/plan.ts";
import type { InstanceId } from "../pipeline/stage.ts";
import type { Store } from "../pipeline/store.ts";
import { hasEnded } from "./log_end.ts";
import { openSession } from "./session.ts";
import { addPlanOptions, type PlanOptions } from "./plan_options.ts";
import { write } from "./screen.ts";
import type { PipelineCommand, Project } from "./project.ts";

interface LogOptions extends PlanOptions {
  /** Go on until the instance is done. */
  readonly follow?: boolean;
}

export const command: PipelineCommand = {
  declare: (command) =>
    addPlanOptions(
      command
        .option("-f, --follow", "go on until it is done")
        .addHelpText("after", examples),
    ),
  act: log,
};

const pollEveryMs = 200;

/** Prints the log of one target. @throws UsageError when it names several, or has not run. */
async function log(
  loadProject: () => Promise<Project>,
  target: string,
  options: LogOptions,
): Promise<number> {
  const session = await openSession(await loadProject(), options, {
    create: false,
    targets: [target],
  });
  const ids = session.select([target]);
  if (ids.length > 1) {
    throw new UsageError(
      `Cannot show the log of "${target}": expected one instance, found ${ids.length}: ` +
        ids.slice(0, 6).join(", ") + (ids.length > 6 ? ", …" : ""),
    );
  }
  const [id] = ids;
  const state = (await session.states(ids)).get(id)!;
  const path = logOf(id, state, session.store);
  if (path === undefined) {
    throw new UsageError(`Cannot show the log of ${id}: expected a run of it, found none`);
  }
  await show(path, options.follow === true);
  return 0;
}

/** The log of the action that the recipe describes; if there is none, the newest log of the instance. */
function logOf(id: InstanceId, state: InstanceState, store: Store): string | undefined {
  if (state.status !== "waiting") {
    const path = store.logPath(state.key);
    if (modifiedAt(path) !== undefined) return path;
  }
  const folder = join(store.logPath(""), "..");
  let newest: { path: string; time: number } | undefined;
  for (const name of namesIn(folder)) {
    const path = join(folder, name);
    const time = modifiedAt(path);
    if (time === undefined || (newest !== undefined && time <= newest.time)) continue;
    if (headers(Deno.readTextFileSync(path)).includes(id)) newest = { path, time };
  }
  return newest?.path;
}

/** The instances whose runs are in a log: each run begins with `-- walk/a/left, started …`. */
function headers(text: string): string[] {
  return [...text.matchAll(/^-- (\S+), started /gm)].map(([, instance]) => instance);
}

async function show(path: string, follow: boolean): Promise<void> {
  let shown = 0;
  for (;;) {
    const text = Deno.readTextFileSync(path);
    if (!write(Deno.stdout, text.slice(shown))) return;
    shown = text.length;
    if (!follow || hasEnded(text)) return;
    await new Promise((resolve) => setTimeout(resolve, pollEveryMs));
  }
}

function namesIn(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name);
  } catch {
    return []; // no store yet
  }
}

function modifiedAt(path: string): number | undefined {
  try {
    return Deno.statSync(path).mtime?.getTime();
  } catch {
    return undefined;
  }
}

const examples = `
Examples:
  deno task pipeline log pretrain/trim --follow  what it prints, until it is done
  deno task pipeline log pretrain/trim --store other`;
