/**
 * Jobs of Slurm, by its commands: `sbatch`, `squeue`, `scancel`, and `scontrol` for jobs that have left the queue. Accounting
 * (`sacct`) is never asked: many clusters have none, or a late one.
 */
import type { Job, JobQueue, JobState } from "./job_queue.ts";
import { JobQueueError } from "./job_queue.ts";

export interface SlurmSettings {
  /** Options of `sbatch`, as it reads them: `--partition=gpu`. */
  readonly sbatch: readonly string[];
  /** How long before the end of its time a job is asked to stop, in seconds. */
  readonly graceSeconds: number;
  /** How long an answer of `squeue` serves all jobs. */
  readonly askEveryMs: number;
}

/** Where a command does not answer for so long, the controller counts as away. */
const answerMs = 60_000;

/** After a wish to stop, the end of jobs is looked for more often. */
const [hurryMs, hurriedAskEveryMs] = [60_000, 1000];

/** Memory that the forecast of a process does not have: the runtime's start, and what was measured elsewhere. */
const [spareShare, spareBytes] = [1.25, 256 * 2 ** 20];

/** What a controller says that cannot be reached, or that has too much to do. */
const passing =
  /contact|timed out|timeout|Zero Bytes|Transport endpoint|Connection|Socket|standby|temporarily|MaxSubmit|busy|Resource temporarily/i;

/** States of `scontrol` of jobs that the system has ended. */
const lost = ["NODE_FAIL", "BOOT_FAIL", "PREEMPTED", "TIMEOUT", "REQUEUED", "REVOKED"];
const waiting = ["PENDING", "CONFIGURING", "REQUEUE_HOLD", "SPECIAL_EXIT"];
const ended = ["COMPLETED", "FAILED", "CANCELLED", "OUT_OF_MEMORY", "DEADLINE", ...lost];

/** Answers of one `squeue`, by number of job. */
type Listing = ReadonlyMap<string, JobState> | JobQueueError;

export class SlurmQueue implements JobQueue {
  readonly kind = "slurm job";
  readonly #settings: SlurmSettings;
  #listing: Promise<Listing> | undefined;
  #listedAt = -Infinity;
  #hurriesUntil = -Infinity;

  constructor(settings: SlurmSettings) {
    this.#settings = settings;
  }

  async find(name: string): Promise<string | undefined> {
    const number = (await slurm("squeue", "-h", "--me", "-n", name, "-o", "%i")).trim();
    return number === "" ? undefined : number.split("\n")[0];
  }

  submit(job: Job): Promise<string> {
    return this.#submit(job, ["--no-requeue"]); // another attempt has a folder of its own
  }

  /**
   * Submits a job that starts when others have ended well, and again when its node is lost.
   * @param after Numbers of jobs; where one of these fails, Slurm drops this one
   */
  submitAfter(job: Job, after: readonly string[]): Promise<string> {
    const dependency = after.length === 0 ? [] : [`--dependency=afterok:${after.join(":")}`];
    return this.#submit(job, ["--requeue", "--kill-on-invalid-dep=yes", ...dependency]);
  }

  /** The jobs of this user that wait or run, by name. @throws JobQueueError */
  async all(): Promise<ReadonlyMap<string, { readonly job: string; readonly state: JobState }>> {
    const printed = await slurm("squeue", "-h", "--me", "-o", "%j|%i|%T|%N|%r");
    const rows = printed.split("\n").filter((line) => line !== "").map((line) => line.split("|"));
    return new Map(
      rows.map(([name, job, state, node, reason]) => [
        name,
        { job, state: stateOf(state, node, reason) },
      ]),
    );
  }

  async #submit(job: Job, kind: readonly string[]): Promise<string> {
    const { sbatch, graceSeconds } = this.#settings;
    const memory = Math.ceil((spareShare * job.memoryBytes + spareBytes) / 2 ** 20);
    const printed = await slurm(
      "sbatch",
      "--parsable",
      `--job-name=${job.name}`,
      `--comment=${job.instance}`,
      ...kind,
      `--signal=B:TERM@${graceSeconds}`,
      `--output=${job.output.replaceAll("%", "%%")}`,
      "--open-mode=append",
      `--cpus-per-task=${job.threads}`,
      ...(job.memoryBytes > 0 ? [`--mem=${memory}M`] : []),
      ...sbatch,
      job.script,
    );
    const [number] = printed.trim().split(";"); // behind it, the name of the cluster
    if (/^\d+$/.test(number)) return number;
    throw new JobQueueError(
      `Cannot submit ${job.instance}: expected the number of a job, found "${printed.trim()}"`,
      { isPassing: false },
    );
  }

  async state(number: string): Promise<JobState> {
    const listing = await this.#listed();
    if (listing instanceof JobQueueError) return { type: "unknown", why: listing.message };
    return listing.get(number) ?? await stateOfGone(number);
  }

  async stop(number: string): Promise<void> {
    this.#hurry();
    await quietly("scancel", "--state=PENDING", number);
    await quietly("scancel", "--batch", "--signal=TERM", number);
  }

  async kill(number: string): Promise<void> {
    this.#hurry();
    await quietly("scancel", "--full", "--signal=KILL", number);
    await quietly("scancel", number);
  }

  #hurry(): void {
    this.#hurriesUntil = performance.now() + hurryMs;
    this.#listedAt = -Infinity;
  }

  #listed(): Promise<Listing> {
    const now = performance.now();
    const everyMs = now < this.#hurriesUntil ? hurriedAskEveryMs : this.#settings.askEveryMs;
    if (this.#listing === undefined || now - this.#listedAt >= everyMs) {
      this.#listedAt = now;
      this.#listing = list();
    }
    return this.#listing;
  }
}

async function list(): Promise<Listing> {
  try {
    const printed = await slurm("squeue", "-h", "--me", "-o", "%i|%T|%N|%r");
    return new Map(
      printed.split("\n").filter((line) => line !== "").map((line) => {
        const [number, state, node, reason] = line.split("|");
        return [number, stateOf(state, node, reason)] as const;
      }),
    );
  } catch (error) {
    if (error instanceof JobQueueError) return error;
    throw error;
  }
}

/** The state of a job that is no longer in the queue. */
async function stateOfGone(number: string): Promise<JobState> {
  try {
    const printed = await slurm("scontrol", "-o", "show", "job", number);
    const value = (name: string) => new RegExp(`\\b${name}=(\\S*)`).exec(printed)?.[1] ?? "";
    return stateOf(value("JobState"), value("NodeList"), value("Reason"), value("ExitCode"));
  } catch (error) {
    if (!(error instanceof JobQueueError)) throw error;
    if (/Invalid job id/i.test(error.message)) {
      return { type: "over", how: "no longer known to Slurm", isLost: true };
    }
    return { type: "unknown", why: error.message };
  }
}

function stateOf(state: string, node: string, reason: string, exitCode?: string): JobState {
  if (waiting.includes(state)) return { type: "waiting", reason };
  if (!ended.includes(state)) return { type: "running", node }; // also COMPLETING, SUSPENDED
  const code = state === "FAILED" && exitCode !== undefined ? `, exit code ${exitCode}` : "";
  const way = state === "OUT_OF_MEMORY" ? "; give it more: --executor slurm:mem=8G" : "";
  return {
    type: "over",
    how: `${state}${code}${way}`,
    isLost: lost.includes(state) || reason === "NodeDown",
  };
}

async function quietly(...command: readonly [string, ...string[]]): Promise<void> {
  try {
    await slurm(...command);
  } catch (error) {
    if (!(error instanceof JobQueueError)) throw error; // the job has ended, or the user asks again
  }
}

/** What a command prints. @throws JobQueueError */
async function slurm(program: string, ...args: readonly string[]): Promise<string> {
  // A runner may itself be a job: what Slurm says to that one is not for others.
  const variables = Object.entries(Deno.env.toObject())
    .filter(([name]) => !name.startsWith("SLURM_") || name === "SLURM_CONF");
  const command = new Deno.Command(program, {
    args: [...args],
    clearEnv: true,
    env: Object.fromEntries(variables),
    stdin: "null",
    signal: AbortSignal.timeout(answerMs),
  });
  const { success, stdout, stderr } = await command.output().catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new JobQueueError(
      `Cannot ask Slurm: expected the program "${program}", found none; run this where Slurm's commands are`,
      { isPassing: false },
    );
  });
  if (success) return new TextDecoder().decode(stdout);
  const said = new TextDecoder().decode(stderr).trim() || "no answer";
  throw new JobQueueError(`Cannot ask Slurm: ${program} said "${said}"`, {
    isPassing: said === "no answer" || passing.test(said),
  });
}
