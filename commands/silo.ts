/**
 * `silo`: a process that trains sources for a run which another process leads.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { removeTree, StageError, UsageError } from "../base/mod.ts";
import type { ChildWork, RunningChild } from "../pipeline/executors/executor.ts";
import { requestOf, temporaryFolders } from "../pipeline/child_request.ts";
import type { InstanceState } from "../pipeline/plan.ts";
import type { InstanceId } from "../pipeline/stage.ts";
import { checkSharesWork, exchangeOf } from "./exchange_options.ts";
import { addPlanOptions, type PlanOptions, typedOptions } from "./plan_options.ts";
import { someOf } from "./plan_view.ts";
import type { PipelineCommand, Project } from "./project.ts";
import { print } from "./screen.ts";
import { openSession, type Session } from "./session.ts";
import { StopWishes } from "./stop_signals.ts";

interface SiloOptions extends PlanOptions {
  readonly exchange?: string;
  readonly name?: string;
  readonly invitation?: string;
  readonly data?: string;
  readonly folder?: string;
}

type Ready = Extract<InstanceState, { status: "run" }>;

export const command: PipelineCommand = {
  declare: (command) =>
    addPlanOptions(
      command
        .option("--exchange <URL>", "where the run offers its tasks")
        .option("--name <name>", "of this process, which no other has (default: the machine's)")
        .option("--invitation <file>", "take part in a run of several parties: what `serve` wrote")
        .option("--data <folder>", "with --invitation: the text of this silo, which stays here")
        .option("--folder <dir>", "with --invitation: keeps keys and states (default: silo-SOURCE)")
        .addHelpText("after", examples),
    ),
  act: silo,
};

/** How often it looks whether the run is over. */
const lookEveryMs = 1000;

/** Works until Ctrl-C, or until the run is over. */
async function silo(
  loadProject: () => Promise<Project>,
  target: string | undefined,
  options: SiloOptions,
): Promise<number> {
  const { exchange, invitation } = options;
  if (invitation !== undefined) {
    if (target !== undefined || exchange !== undefined) {
      throw new UsageError(
        `Cannot take part by an invitation in ${
          target ?? exchange
        }: expected neither a target nor --exchange, which it names itself`,
      );
    }
    const { takePart } = await import("./silo_at_home.ts");
    return await takePart(await loadProject(), { ...options, invitation });
  }
  if (target === undefined || exchange === undefined) {
    throw new UsageError(
      "Cannot train for others: expected a target and --exchange, or --invitation FILE",
    );
  }
  return await trainFor(loadProject, target, { ...options, exchange });
}

async function trainFor(
  loadProject: () => Promise<Project>,
  target: string,
  options: SiloOptions & { readonly exchange: string },
): Promise<number> {
  const worker = nameOf(options);
  const shared = { ...exchangeOf(options.exchange), workers: 0, worker };
  const project = await loadProject();
  const session = await openSession(project, options, { create: false, targets: [target], shared });
  const [id, ...more] = session.select([target]);
  if (more.length > 0) {
    throw new UsageError(
      `Cannot train for "${target}": expected one instance, found ${someOf([id, ...more])}`,
    );
  }
  checkSharesWork([session.instances.get(id)!], shared);
  const state = (await session.states([id])).get(id)!;
  if (state.status === "fresh") {
    print(`Nothing to do: ${id} is there`);
    return 0;
  }
  if (state.status === "waiting") {
    throw new UsageError(
      `Cannot train for ${id}: ${someOf(state.on)} must run first; ` +
        `do: deno task pipeline run ${state.on.join(" ")}${typedOptions(options)}`,
    );
  }
  const checkpoints = session.store.checkpointFolder(state.key);
  Deno.mkdirSync(checkpoints, { recursive: true });
  using _ = onlyOneOf(worker, join(checkpoints, `.at-${worker}.lock`));
  return await work(session, id, state, join(checkpoints, `.at-${worker}`), worker);
}

/** @param own A folder for what this process needs; it goes with the checkpoints of the run. */
async function work(
  session: Session,
  id: InstanceId,
  { key, record }: Ready,
  own: string,
  worker: string,
): Promise<number> {
  const { LocalExecutor } = await import("../pipeline/executors/local.ts");
  const { planner, programs, instances, store } = session;
  const instance = instances.get(id)!;
  removeTree(own);
  for (const name of temporaryFolders(instance)) {
    Deno.mkdirSync(join(own, name), { recursive: true });
  }
  const lock = join(own, "lock");
  Deno.writeTextFileSync(lock, "");
  const child = await new LocalExecutor(programs).start({
    key,
    temporary: own,
    logPath: join(own, "log"),
    code: planner.codeOf(instance),
    isNative: instance.declaration.isNative,
    fileNotes: "",
    mayShare: false,
    request: { ...requestOf(instance, { key, record, temporary: own, store }), lock },
    onMessage: tell,
  });
  const wishes = new StopWishes({ stop: () => child.stop(), kill: () => child.kill() });
  using _ = wishes.listen();
  print(`${worker} waits for tasks of ${id}; Ctrl-C ends it`);
  // Where the run ends while this process starts, nobody removes what it has made just now.
  const isOver = () => !existsSync(own) || store.find(key) !== undefined;
  const outcome = await outcomeOf(child, isOver);
  await programs.close();
  if (isOver()) print(`${id} is made, or begins again: its checkpoints are gone`);
  else if (outcome.type === "stopped") print(`${worker} ends; what it has in hand is kept`);
  if (isOver() || outcome.type === "stopped") return 0;
  throw new StageError(
    `Cannot go on training for ${id}: ${outcome.type === "failed" ? outcome.message : "it ended"}`,
  );
}

/** How a process ended, which is asked to stop once the run is over. */
async function outcomeOf(child: RunningChild, isOver: () => boolean) {
  const timer = setInterval(() => isOver() && child.stop(), lookEveryMs);
  try {
    return await child.outcome;
  } finally {
    clearInterval(timer);
  }
}

function tell(news: Parameters<ChildWork["onMessage"]>[0]): void {
  if (news.type === "log") print(news.level === "warn" ? `warning: ${news.message}` : news.message);
}

function nameOf({ name = Deno.hostname() }: SiloOptions): string {
  if (/^[\w][\w.-]{0,99}$/.test(name)) return name;
  throw new UsageError(
    `Cannot accept --name ${name}: expected letters, digits, points, "-" and "_"`,
  );
}

/** @throws UsageError if a process of this name works already on this machine */
function onlyOneOf(worker: string, path: string): Disposable {
  const file = Deno.openSync(path, { read: true, write: true, create: true });
  if (file.tryLockSync(true)) return file;
  file.close();
  throw new UsageError(
    `Cannot start "${worker}": expected a name that no other process has; give one with --name`,
  );
}

const examples = `
It needs the store of the run, on a file system that its machine shares, and what the target is made from.

Examples:
  deno task pipeline run pretrain/trim --exchange folder:/shared/exchange --workers 0
  deno task pipeline silo pretrain/trim --exchange folder:/shared/exchange --name a`;
