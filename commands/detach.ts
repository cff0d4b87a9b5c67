/**
 * `run --detach`: a job for each instance that is to run, chained by what needs what, so that no process must wait for them.
 *
 * Each job is a run of one instance, which plans by what is there when it starts: keys are known only once inputs are made.
 */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { canonicalJson, sha256, shellWord, UsageError, writeFileSynced } from "../base/mod.ts";
import type { ExecutorChoice } from "../pipeline/executors/executor_option.ts";
import type { JobState } from "../pipeline/executors/job_queue.ts";
import { SlurmQueue } from "../pipeline/executors/slurm.ts";
import { claimOf, Forecaster } from "../pipeline/forecast.ts";
import type { InstanceId } from "../pipeline/stage.ts";
import type { Store } from "../pipeline/store.ts";
import { callerFolder } from "./caller_folder.ts";
import { type PlanOptions, recipeWords, typedOptions } from "./plan_options.ts";
import { print } from "./screen.ts";
import type { Session } from "./session.ts";

interface DetachOptions extends PlanOptions {
  readonly quiet?: boolean;
  readonly keepCheckpoints?: string;
}

interface Detached {
  /** What is to run, in the order of the plan. */
  readonly ids: readonly InstanceId[];
  readonly forced: ReadonlySet<InstanceId>;
}

/** What the process of a job takes besides that of its instance. */
const runnerBytes = 300e6;

/** Submits a job for each instance; one that has a job already gets no second. Only under the lock of the store. */
export async function detach(
  session: Session,
  { ids, forced }: Detached,
  choice: ExecutorChoice,
  options: DetachOptions,
): Promise<number> {
  if (choice.kind !== "slurm") {
    throw new UsageError(
      `Cannot detach from jobs of executor ${choice.kind}: expected --executor slurm`,
    );
  }
  const { planner, instances, store } = session;
  const queue = new SlurmQueue(choice.slurm);
  const forecaster = new Forecaster(planner);
  Deno.mkdirSync(join(store.folder, "leases"), { recursive: true });
  Deno.writeTextFileSync(markPath(store), "");
  const queued = await queue.all();
  const jobs = new Map<InstanceId, string>();
  for (const id of ids) {
    const instance = instances.get(id)!;
    const name = nameOf(store, id, options);
    const { threads, memoryBytes } = claimOf(instance, forecaster.of(id));
    const script = join(store.folder, "tmp", `${name}.sh`);
    writeFileSynced(
      script,
      scriptOf(session, id, choice.jobs.deno, { ...options, force: forced.has(id) }),
    );
    const job = {
      name,
      instance: id,
      script,
      output: join(store.folder, "logs", `${name}.out`),
      threads,
      memoryBytes: memoryBytes === 0 ? 0 : memoryBytes + runnerBytes,
    };
    const after = instance.needs.flatMap((needed) => jobs.get(needed) ?? []);
    jobs.set(id, queued.get(name)?.job ?? await queue.submitAfter(job, after));
    Deno.removeSync(script); // Slurm has a copy
  }
  if (!options.quiet) {
    print(`${jobs.size} jobs of Slurm are queued, and nothing needs to wait for them. Next:
  see how they are  deno task pipeline status${typedOptions(options)}
  end them          scancel ${[...jobs.values()].join(" ")}`);
  }
  return 0;
}

/** Where instances without a lease wait for their turn as detached jobs; nothing where nothing was detached, or Slurm cannot be asked. */
export async function detachedPlaces(
  store: Store,
  ids: readonly InstanceId[],
  options: PlanOptions,
): Promise<ReadonlyMap<InstanceId, string>> {
  if (!existsSync(markPath(store))) return new Map();
  const queue = new SlurmQueue({ sbatch: [], graceSeconds: 0, askEveryMs: 0 });
  const queued = await queue.all().catch(() => new Map<string, never>());
  return new Map(ids.flatMap((id) => {
    const found = queued.get(nameOf(store, id, options));
    return found === undefined ? [] : [[id, placeText(queue.kind, found)] as const];
  }));
}

function placeText(
  kind: string,
  { job, state }: { readonly job: string; readonly state: JobState },
): string {
  if (state.type === "running") return `at work: ${kind} ${job} on ${state.node}`;
  return `queued: ${kind} ${job}${state.type === "waiting" ? ` (${state.reason})` : ""}`;
}

/** Of the job of an instance: the same whenever it is asked for with the same options in the same store. */
function nameOf(
  { folder }: Store,
  id: InstanceId,
  { recipe, set = [], engine, threads }: PlanOptions,
): string {
  const asked = { store: Deno.realPathSync(folder), id, recipe, set: [...set], engine, threads };
  return `dept-run-${sha256(canonicalJson(asked)).slice(0, 16)}`;
}

function scriptOf(
  { project, store }: Session,
  id: InstanceId,
  deno: string,
  options: DetachOptions & { readonly force: boolean },
): string {
  const command = [
    ...[deno, "run", "-A", "--config", join(project.root, "deno.json")],
    ...[fileURLToPath(Deno.mainModule), "run", id, "--only", "--executor", "in-job", "--quiet"],
    ...recipeWords(options),
    ...["--store", resolve(store.folder)],
    ...(options.keepCheckpoints === undefined
      ? []
      : ["--keep-checkpoints", options.keepCheckpoints]),
    ...(options.force ? ["--force"] : []),
  ];
  return `#!/bin/sh
# Runs ${id}, once what it needs is there.
cd ${shellWord(callerFolder(project.root))} || exit 1
exec ${command.map(shellWord).join(" ")}
`;
}

/** Says that something was detached in a store: its jobs are worth asking for. */
function markPath({ folder }: Store): string {
  return join(folder, "leases", "detached");
}
