/**
 * Instances as jobs of a queue: any number at once, adopted by the next runner when this one dies.
 */
import type { Share } from "../capacity.ts";
import type { Programs } from "../program.ts";
import { StageError } from "../../base/mod.ts";
import type { ChildWork, Executor, RunningChild } from "./executor.ts";
import { settleDetached } from "./detached.ts";
import { JobChild, type JobSettings } from "./job_child.ts";
import type { JobQueue } from "./job_queue.ts";
import { dropLease, type JobStore, type Lease, placeOf, readLease, takeLease } from "./leases.ts";

interface JobExecutorOptions {
  readonly queue: JobQueue;
  readonly programs: Programs;
  readonly store: JobStore;
  readonly settings: JobSettings;
}

export class JobExecutor implements Executor {
  readonly isHere = false;
  readonly #options: JobExecutorOptions;

  constructor(options: JobExecutorOptions) {
    this.#options = options;
  }

  capacity(): undefined {
    return undefined;
  }

  async start(work: ChildWork, claim: Share): Promise<RunningChild> {
    const lease: Lease = {
      format: 1,
      key: work.key,
      instance: work.request.instance,
      id: crypto.randomUUID().slice(0, 8),
      queue: this.#options.queue.kind,
      attempt: 0,
      losses: 0,
      fileNotes: work.fileNotes,
      since: new Date().toISOString(),
    };
    const program = await this.#options.programs.of(work.code);
    if (!takeLease(this.#options.store.folder, lease)) {
      throw new StageError(
        `Cannot start ${lease.instance}: expected that nothing works on it, found a lease that was made just now; run again`,
      );
    }
    return new JobChild({ ...this.#options, work, program, claim, lease });
  }

  /** @throws StageError if the lease is of another queue */
  async adopt(work: ChildWork, claim: Share): Promise<RunningChild | undefined> {
    const { queue, store, programs } = this.#options;
    const lease = readLease(store.folder, work.key);
    if (lease === undefined) return undefined;
    if (lease.queue !== queue.kind) {
      throw new StageError(
        `Cannot start ${lease.instance}: expected a job of this executor, found ${
          placeOf(lease)
        }; ` +
          `name its executor, or end that job and remove leases/${lease.key}.json`,
      );
    }
    if (lease.isDetached) {
      await settleDetached(lease, { queue, store });
      return undefined;
    }
    if (lease.fileNotes !== work.fileNotes) {
      // It may have read what the files no longer hold.
      if (lease.job !== undefined) await queue.kill(lease.job);
      dropLease(store.folder, lease);
      return undefined;
    }
    const program = await programs.of(work.code);
    return new JobChild({ ...this.#options, work, program, claim, lease });
  }

  /** Nothing waits: each job has one instance. */
  close(): Promise<void> {
    return Promise.resolve();
  }
}
