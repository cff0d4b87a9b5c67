/**
 * The one instance of a detached job, in a process beside this one. While it works the store is left to the other jobs: a lease
 * keeps others from the action, and what is written meanwhile has a folder of its own.
 */
import { StageError } from "../../base/mod.ts";
import type { Share } from "../capacity.ts";
import type { ChildOutcome, ChildWork, Executor, RunningChild } from "./executor.ts";
import { makeFolders, moveCheckpoints, relocated } from "./attempt.ts";
import { settleDetached } from "./detached.ts";
import type { JobQueue } from "./job_queue.ts";
import {
  attemptFolder,
  checkpointsOf,
  dropLease,
  type JobStore,
  type Lease,
  placeOf,
  readLease,
  takeLease,
} from "./leases.ts";
import type { LocalExecutor } from "./local.ts";

/** The store's lock, which is let go while an instance works. */
export interface StoreTurn {
  leave(): void;
  takeAgain(): Promise<void>;
}

interface InJobOptions {
  readonly local: LocalExecutor;
  readonly queue: JobQueue;
  readonly store: JobStore;
  readonly turn: StoreTurn;
  /** The number of this job, and its node. */
  readonly job: string;
  readonly node: string;
}

export class InJobExecutor implements Executor {
  readonly isHere = true;
  readonly #options: InJobOptions;

  constructor(options: InJobOptions) {
    this.#options = options;
  }

  capacity(): Share {
    return this.#options.local.capacity();
  }

  async adopt({ key }: ChildWork): Promise<undefined> {
    const { queue, store, job } = this.#options;
    const lease = readLease(store.folder, key);
    if (lease === undefined) return;
    if (lease.isDetached) {
      await settleDetached(lease, { queue, store, ownJob: job });
      return;
    }
    throw new StageError(
      `Cannot start ${lease.instance}: expected that nothing works on it, found ${placeOf(lease)}`,
    );
  }

  async start(work: ChildWork): Promise<RunningChild> {
    const { local, queue, store, turn, job, node } = this.#options;
    const { key, temporary, request, fileNotes } = work;
    const lease: Lease = {
      format: 1,
      key,
      instance: request.instance,
      id: crypto.randomUUID().slice(0, 8),
      queue: queue.kind,
      attempt: 1,
      losses: 0,
      job,
      node,
      isDetached: true,
      fileNotes,
      since: new Date().toISOString(),
    };
    if (!takeLease(store.folder, lease)) {
      throw new StageError(
        `Cannot start ${lease.instance}: expected no lease, found one; run again`,
      );
    }
    const folder = attemptFolder(store.folder, lease);
    makeFolders(folder, temporary);
    moveCheckpoints(store.checkpointFolder(key), checkpointsOf(store.folder, lease));
    // The lock of children is for those whose runner holds the store.
    const { lock: _, ...own } = relocated(request, { from: temporary, to: folder, key });
    const child = await local.start({ ...work, temporary: folder, request: own, mayShare: false });
    turn.leave();
    return {
      place: placeOf(lease),
      pid: child.pid,
      folder,
      outcome: this.#inTurn(child.outcome, lease),
      stop: () => child.stop(),
      kill: () => child.kill(),
      clear: () => dropLease(store.folder, lease),
    };
  }

  close(): Promise<void> {
    return this.#options.local.close();
  }

  /** Nothing is kept before the store is ours again. */
  async #inTurn(outcome: Promise<ChildOutcome>, lease: Lease): Promise<ChildOutcome> {
    const { store, turn } = this.#options;
    const ended = await outcome;
    await turn.takeAgain();
    moveCheckpoints(checkpointsOf(store.folder, lease), store.checkpointFolder(lease.key));
    return ended;
  }
}
