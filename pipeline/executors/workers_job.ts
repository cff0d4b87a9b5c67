/**
 * Workers of rounds as one job of a queue: long-lived processes that train for whoever leads a run.
 */
import { join } from "node:path";
import { removeQuietly, writeFileAtomic, writeFileSynced } from "../../base/mod.ts";
import { type KubernetesSettings, type Workers, workersManifest } from "./kubernetes_manifest.ts";
import { SlurmQueue, type SlurmSettings } from "./slurm.ts";

/** Where workers are placed. Every method may be called by a process that did not submit them. */
export interface WorkersQueue {
  /** Whether what is said of a submission is for the user to do. */
  readonly isLeft: boolean;
  /** The number of the job of a name, while one of its processes waits or runs. @throws JobQueueError */
  find(name: string): Promise<string | undefined>;
  /** Submits workers. Whoever calls it has looked for the name first. Returns what to say of them. @throws JobQueueError */
  submit(workers: Workers): Promise<string>;
  /** Asks all to write a checkpoint and stop; those that wait are withdrawn. Never throws. @returns what is left to do */
  stop(number: string): Promise<string | undefined>;
}

/** An array of jobs, which Slurm starts again where a node is lost. */
export class SlurmWorkers implements WorkersQueue {
  readonly isLeft = false;
  readonly #settings: SlurmSettings;

  constructor(settings: SlurmSettings) {
    this.#settings = settings;
  }

  async find(name: string): Promise<string | undefined> {
    const found = await this.#queue([]).find(name); // `12_1`, or `12_[1-3]` while they wait
    return found?.replace(/_.*$/s, "");
  }

  async submit({ name, instance, count, command, log, threads, memoryBytes }: Workers) {
    const script = join(log, `../${name}.sh`);
    const index = "worker=$SLURM_ARRAY_TASK_ID";
    writeFileSynced(script, `#!/bin/sh\n# Trains for ${instance}.\n${index}\n${command}\n`);
    const job = { name, instance, script, output: log, threads, memoryBytes };
    try {
      const number = await this.#queue([`--array=1-${count}`, "--requeue"]).submit(job);
      return `has ${count} workers, slurm job ${number}`;
    } finally {
      removeQuietly(script); // Slurm has read it
    }
  }

  async stop(number: string): Promise<undefined> {
    await this.#queue([]).stop(number);
  }

  #queue(more: readonly string[]): SlurmQueue {
    return new SlurmQueue({ ...this.#settings, sbatch: [...this.#settings.sbatch, ...more] });
  }
}

/** One manifest of a job with an index, for `kubectl`. */
export class KubernetesWorkers implements WorkersQueue {
  readonly isLeft = true;
  readonly #settings: KubernetesSettings;

  constructor(settings: KubernetesSettings) {
    this.#settings = settings;
  }

  // deno-lint-ignore require-await
  async find(name: string): Promise<string | undefined> {
    try {
      return Deno.lstatSync(this.#path(name)).isFile ? name : undefined;
    } catch {
      return undefined;
    }
  }

  // deno-lint-ignore require-await
  async submit(workers: Workers): Promise<string> {
    Deno.mkdirSync(this.#settings.folder, { recursive: true });
    const command = `worker=$JOB_COMPLETION_INDEX\n${workers.command}`;
    writeFileAtomic(
      this.#path(workers.name),
      workersManifest({ ...workers, command }, this.#settings),
    );
    return `waits for its ${workers.count} workers: kubectl apply -f ${this.#path(workers.name)}`;
  }

  // deno-lint-ignore require-await
  async stop(name: string): Promise<string> {
    removeQuietly(this.#path(name));
    return `kubectl delete job ${name}`;
  }

  #path(name: string): string {
    return join(this.#settings.folder, `${name}.yaml`);
  }
}
