/**
 * Plans and runs in this process, for tests and measurements of hundreds of runs: the real planner, scheduler, keys and store,
 * and the code that a child runs; only processes are left out.
 */
import { fileURLToPath } from "node:url";
import {
  type ChildOutcome,
  type ChildWork,
  isNews,
  type RunningChild,
} from "../../pipeline/executors/executor.ts";
import { LocalExecutor } from "../../pipeline/executors/local.ts";
import { runRequest } from "../../pipeline/child.ts";
import { CodeDigests } from "../../pipeline/code_digest.ts";
import type { RunEvent, RunResult } from "../../pipeline/events.ts";
import { FileDigests } from "../../pipeline/file_digests.ts";
import { expand, type RecipeHead, withoutStudy } from "../../pipeline/instances.ts";
import { ObjectCheck } from "../../pipeline/object_check.ts";
import { Planner } from "../../pipeline/plan.ts";
import { Programs } from "../../pipeline/program.ts";
import { RunRecorder } from "../../pipeline/run_records.ts";
import { Scheduler } from "../../pipeline/scheduler.ts";
import type { InstanceId, Stage, StageRun } from "../../pipeline/stage.ts";
import { Store } from "../../pipeline/store.ts";
import { lockStore } from "../../pipeline/store_lock.ts";

const projectRoot = fileURLToPath(new URL("../..", import.meta.url));

/** One of each for all planners of this process: bundles are made once. */
const files = new FileDigests(undefined);
const code = new CodeDigests(projectRoot, files, undefined);

/** Runs instances in processes of their own. Whoever calls it closes `programs` then. */
export const programs = new Programs(projectRoot, code);
const local = new LocalExecutor(programs);
export const inChildren = (work: ChildWork) => local.start(work);

/** A planner of a recipe without a study, over a store that is made where it is not. */
export async function plannerOf(
  stages: readonly Stage[],
  recipe: RecipeHead,
  storeFolder: string,
): Promise<Planner> {
  const instances = expand(stages, withoutStudy(recipe));
  const store = Store.open(storeFolder, { create: true });
  const planner = new Planner({ instances, recipe, store, code, files });
  await planner.prepare([...instances.keys()]);
  return planner;
}

/** How `bringUpToDate` runs; by default one instance after another, each in this process. */
export interface RunOptions {
  readonly jobs?: number;
  startChild?(work: ChildWork): RunningChild | Promise<RunningChild>;
  emit?(event: RunEvent): void;
}

/** Brings every instance up to date by the scheduler, under the store's lock. */
export async function bringUpToDate(
  planner: Planner,
  { jobs = 1, startChild = inProcess(() => Promise.resolve()), emit = () => {} }: RunOptions = {},
): Promise<RunResult> {
  const ids = [...planner.instances.keys()];
  const command = "bring up to date";
  using _ = await lockStore(planner.store.folder, { command, onBusy: () => true });
  const scheduler = new Scheduler({
    planner,
    ids,
    forced: new Set(),
    jobs,
    keepGoing: false,
    keptCheckpoints: 0,
    objects: new ObjectCheck(planner.store, true),
    recorder: new RunRecorder(planner.store, { recipe: planner.recipe.name }),
    executor: {
      isHere: true,
      capacity: () => local.capacity(),
      start: async (work) => await startChild(work),
      adopt: () => local.adopt(),
      close: () => local.close(),
    },
    emit,
  });
  try {
    return await scheduler.run(planner.states(ids));
  } finally {
    await local.close();
  }
}

/** Runs instances in this process. @param until What an instance waits for when its work is done. */
export function inProcess(
  until: (id: InstanceId) => Promise<void>,
): (work: ChildWork) => RunningChild {
  return (work) => {
    const stop = new AbortController();
    return {
      place: "this process",
      folder: work.temporary,
      outcome: outcomeOf(work, stop.signal, until),
      stop: () => stop.abort(),
      kill: () => stop.abort(),
    };
  };
}

async function outcomeOf(
  { request, code: { module }, onMessage }: ChildWork,
  signal: AbortSignal,
  until: (id: InstanceId) => Promise<void>,
): Promise<ChildOutcome> {
  const entries = await Promise.all(
    Object.entries(request.modules).map(async ([role, url]) => [role, await import(url)] as const),
  );
  const stage = await import(module) as { run: StageRun };
  const message = await runRequest(request, stage, Object.fromEntries(entries), {
    signal,
    send(message) {
      if (isNews(message)) onMessage(message);
    },
  });
  await until(request.instance);
  if (isNews(message)) throw new Error(`${request.instance} ended with ${message.type}`);
  return message;
}
