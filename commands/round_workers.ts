/**
 * `run --exchange … --workers N` with an executor that is a queue: the workers are one job there, and the run itself leads.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { shellWord } from "../base/mod.ts";
import type { Executor } from "../pipeline/executors/executor.ts";
import type { ExecutorChoice } from "../pipeline/executors/executor_option.ts";
import { LocalExecutor } from "../pipeline/executors/local.ts";
import type { SharedWork } from "../pipeline/stage.ts";
import { callerFolder } from "./caller_folder.ts";
import { sharesWork } from "./exchange_options.ts";
import { type PlanOptions, recipeWords } from "./plan_options.ts";
import type { Session } from "./session.ts";

type QueueChoice = Exclude<ExecutorChoice, { kind: "local" | "in-job" }>;

/** How often it is looked whether workers of Kubernetes have a manifest. */
const lookEveryMs = 10_000;

/** An executor whose instances that lead rounds stay here. @param work With the number of workers that the user wants */
export async function withRoundWorkers(
  elsewhere: Executor,
  choice: QueueChoice,
  session: Session,
  options: PlanOptions,
  work: SharedWork,
): Promise<Executor> {
  const [{ RoundsExecutor }, { SlurmWorkers, KubernetesWorkers }] = await Promise.all([
    import("../pipeline/executors/rounds_executor.ts"),
    import("../pipeline/executors/workers_job.ts"),
  ]);
  const { programs, store, instances, project } = session;
  if (choice.kind === "kubernetes") {
    const { checkOnVolumes } = await import("../pipeline/executors/kubernetes_option.ts");
    checkOnVolumes("the project's code", project.root, choice.kubernetes);
    const [, folder] = /^folder:(.+)$/s.exec(work.url) ?? [];
    if (folder !== undefined) checkOnVolumes("the exchange", folder, choice.kubernetes);
  }
  return new RoundsExecutor({
    here: new LocalExecutor(programs),
    elsewhere,
    queue: choice.kind === "slurm"
      ? new SlurmWorkers(choice.slurm)
      : new KubernetesWorkers(choice.kubernetes),
    askEveryMs: choice.kind === "slurm" ? choice.slurm.askEveryMs : lookEveryMs,
    count: work.workers,
    store: store.folder,
    leads: (id) => sharesWork(instances.get(id)!, work),
    commandFor: (id) => siloCommand(id, choice.jobs.deno, session, options, work),
  });
}

/** What a worker types. */
function siloCommand(
  id: string,
  deno: string,
  { store, project }: Session,
  options: PlanOptions,
  { url }: SharedWork,
): string {
  const main = fileURLToPath(Deno.mainModule);
  const { root } = project;
  const words = [
    ...[deno, "run", "-A", "--quiet", "--config", join(root, "deno.json"), main, "silo", id],
    ...recipeWords(options),
    ...["--store", store.folder, "--exchange", url],
  ];
  const folder = shellWord(callerFolder(root)); // paths of the recipe may be relative to it
  return `cd ${folder} || exit 1\nexec ${words.map(shellWord).join(" ")} --name "worker-$worker"`;
}
