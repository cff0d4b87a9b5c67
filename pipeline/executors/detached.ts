/**
 * Leases of detached jobs: each job is a run of one instance, which nobody follows. What it leaves when it is lost, the next one
 * goes on from.
 */
import { StageError } from "../../base/mod.ts";
import { checkpointNotes } from "../checkpoint_notes.ts";
import { copyCheckpoints, isThere } from "./attempt.ts";
import type { JobQueue } from "./job_queue.ts";
import { checkpointsOf, dropLease, type JobStore, type Lease, placeOf } from "./leases.ts";

interface Settling {
  readonly queue: JobQueue;
  readonly store: JobStore;
  /** The job that this process is, if it is one: Slurm starts it again under its number when its node was lost. */
  readonly ownJob?: string;
}

/**
 * Ends the lease of a detached job that is over; its checkpoints are then the action's.
 * @throws StageError if the job is at work
 */
export async function settleDetached(
  lease: Lease,
  { queue, store, ownJob }: Settling,
): Promise<void> {
  if (lease.job !== ownJob) {
    const state = await queue.state(lease.job!);
    if (state.type !== "over") {
      throw new StageError(
        `Cannot start ${lease.instance}: expected that nothing works on it, found ${
          placeOf(lease)
        }, ` +
          `which was detached; wait for it, or end it with: scancel ${lease.job}`,
      );
    }
  }
  const [left, place] = [checkpointsOf(store.folder, lease), store.checkpointFolder(lease.key)];
  // It may still be writing, on a node that Slurm holds for lost.
  if (isThere(left)) copyCheckpoints(left, place, checkpointNotes);
  dropLease(store.folder, lease);
}
