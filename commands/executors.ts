/**
 * Where a run's instances run, as the user chose. Jobs that an earlier run has left at work are taken up whatever is chosen now.
 */
import { UsageError } from "../base/mod.ts";
import type { Executor } from "../pipeline/executors/executor.ts";
import type { ExecutorChoice } from "../pipeline/executors/executor_option.ts";
import { parseExecutor } from "../pipeline/executors/executor_option.ts";
import type { StoreTurn } from "../pipeline/executors/in_job.ts";
import { leasedKeys } from "../pipeline/executors/leases.ts";
import { LocalExecutor } from "../pipeline/executors/local.ts";
import type { SharedWork } from "../pipeline/stage.ts";
import type { PlanOptions } from "./plan_options.ts";
import type { Session } from "./session.ts";

/** What executors work with. */
type Given = Pick<Session, "programs" | "store">;

interface Wanted {
  readonly session: Session;
  readonly options: PlanOptions;
  /** With the number of workers that the user wants. */
  readonly shared: SharedWork | undefined;
  /** The store's lock. */
  readonly turn: StoreTurn;
}

/** Opens what a choice names. */
export async function openExecutor(choice: ExecutorChoice, wanted: Wanted): Promise<Executor> {
  const { session, options, shared, turn } = wanted;
  if (choice.kind === "local") return await openLocal(session);
  if (choice.kind === "in-job") return await openInJob(session, turn);
  const queue = choice.kind === "slurm"
    ? await openSlurm(choice, session)
    : await openKubernetes(choice, session);
  if (shared === undefined) return queue;
  const { withRoundWorkers } = await import("./round_workers.ts");
  return await withRoundWorkers(queue, choice, session, options, shared);
}

async function openLocal(given: Given): Promise<Executor> {
  const local = new LocalExecutor(given.programs);
  if (leasedKeys(given.store.folder).length === 0) return local;
  const slurm = await openSlurm(parseExecutor("slurm") as SlurmChoice, given);
  return {
    isHere: true,
    capacity: () => local.capacity(),
    start: (work) => local.start(work),
    adopt: (work, claim) => slurm.adopt(work, claim),
    close: () => local.close(),
  };
}

type SlurmChoice = Extract<ExecutorChoice, { kind: "slurm" }>;

async function openSlurm(
  { slurm, jobs }: SlurmChoice,
  { programs, store }: Given,
): Promise<Executor> {
  const [{ SlurmQueue }, { JobExecutor }] = await Promise.all([
    import("../pipeline/executors/slurm.ts"),
    import("../pipeline/executors/job_executor.ts"),
  ]);
  return new JobExecutor({ queue: new SlurmQueue(slurm), settings: jobs, programs, store });
}

/** @throws UsageError outside of a job */
async function openInJob({ programs, store }: Given, turn: StoreTurn): Promise<Executor> {
  const [job, node] = ["SLURM_JOB_ID", "SLURMD_NODENAME"].map((name) => Deno.env.get(name));
  if (job === undefined || node === undefined) {
    throw new UsageError("Cannot accept --executor in-job: expected a job of Slurm, found none");
  }
  const [{ SlurmQueue }, { InJobExecutor }] = await Promise.all([
    import("../pipeline/executors/slurm.ts"),
    import("../pipeline/executors/in_job.ts"),
  ]);
  const { slurm } = parseExecutor("slurm") as SlurmChoice;
  const local = new LocalExecutor(programs);
  return new InJobExecutor({ local, queue: new SlurmQueue(slurm), job, node, store, turn });
}

type KubernetesChoice = Extract<ExecutorChoice, { kind: "kubernetes" }>;

/** @throws UsageError if jobs could not reach what they need */
async function openKubernetes(
  { kubernetes, jobs }: KubernetesChoice,
  { programs, store }: Given,
): Promise<Executor> {
  const [{ KubernetesQueue }, { JobExecutor }, { checkOnVolumes }] = await Promise.all([
    import("../pipeline/executors/kubernetes.ts"),
    import("../pipeline/executors/job_executor.ts"),
    import("../pipeline/executors/kubernetes_option.ts"),
  ]);
  checkOnVolumes("the store", store.folder, kubernetes);
  checkOnVolumes("Deno's packages (deno-dir)", kubernetes.denoCache, kubernetes);
  return new JobExecutor({
    queue: new KubernetesQueue(kubernetes),
    settings: jobs,
    programs,
    store,
  });
}

/** What a user does next where jobs were left to others; undefined where none were. */
export function leftText(choice: ExecutorChoice, isLeft: boolean): string | undefined {
  if (choice.kind !== "kubernetes" || !isLeft) return undefined;
  const { folder } = choice.kubernetes;
  return `Nothing was run: the manifests are in ${folder}. Next:
  start what is new        kubectl apply -f ${folder}
  see how jobs are         kubectl get jobs -l app.kubernetes.io/name=dept
  take up what has ended   the same command again, until it says that all is done
  replace a job that died  remove its manifest; the same command writes another attempt`;
}
