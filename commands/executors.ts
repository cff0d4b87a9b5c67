/**
 * Where a run's instances run, as the user chose. Jobs that an earlier run has left at work are taken up whatever is chosen now.
 */
import type { Executor } from "../pipeline/executors/executor.ts";
import type { ExecutorChoice } from "../pipeline/executors/executor_option.ts";
import { parseExecutor } from "../pipeline/executors/executor_option.ts";
import { leasedKeys } from "../pipeline/executors/leases.ts";
import { LocalExecutor } from "../pipeline/executors/local.ts";
import type { Programs } from "../pipeline/program.ts";
import type { Store } from "../pipeline/store.ts";

/** What executors work with. */
interface Given {
  readonly programs: Programs;
  readonly store: Store;
}

/** Opens what a choice names. */
export async function openExecutor(choice: ExecutorChoice, given: Given): Promise<Executor> {
  if (choice.kind === "slurm") return await openSlurm(choice, given);
  if (choice.kind === "kubernetes") return await openKubernetes(choice, given);
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

async function openSlurm({ slurm, jobs }: SlurmChoice, given: Given): Promise<Executor> {
  const [{ SlurmQueue }, { JobExecutor }] = await Promise.all([
    import("../pipeline/executors/slurm.ts"),
    import("../pipeline/executors/job_executor.ts"),
  ]);
  return new JobExecutor({ queue: new SlurmQueue(slurm), settings: jobs, ...given });
}

type KubernetesChoice = Extract<ExecutorChoice, { kind: "kubernetes" }>;

/** @throws UsageError if jobs could not reach what they need */
async function openKubernetes(
  { kubernetes, jobs }: KubernetesChoice,
  given: Given,
): Promise<Executor> {
  const [{ KubernetesQueue }, { JobExecutor }, { checkOnVolumes }] = await Promise.all([
    import("../pipeline/executors/kubernetes.ts"),
    import("../pipeline/executors/job_executor.ts"),
    import("../pipeline/executors/kubernetes_option.ts"),
  ]);
  checkOnVolumes("the store", given.store.folder, kubernetes);
  checkOnVolumes("Deno's packages (deno-dir)", kubernetes.denoCache, kubernetes);
  return new JobExecutor({ queue: new KubernetesQueue(kubernetes), settings: jobs, ...given });
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
