/**
 * Who is at work on an action outside of the runner's own processes: `leases/<key>.json`, made once, removed when its result is
 * kept. A runner that finds one takes up the job that it names, and starts no second one; what its attempts write is not swept.
 *
 * A lease saves work; no result is right because of it. Each attempt writes into folders of its own, so that a job that was held
 * for dead and comes back does no harm.
 */
import { join } from "node:path";
import {
  createFileAtomic,
  readTextIfThere,
  removeQuietly,
  UsageError,
  writeFileAtomic,
} from "../../base/mod.ts";
import { reportNames } from "./job_reports.ts";

/** What jobs know of a store. */
export interface JobStore {
  readonly folder: string;
  checkpointFolder(key: string): string;
}

export interface Lease {
  readonly format: 1;
  readonly key: string;
  readonly instance: string;
  /** Tells the jobs of this lease from those of any other, of other stores too. */
  readonly id: string;
  /** The queue that has the job, see `JobQueue.kind`. */
  readonly queue: string;
  /** The number of the last attempt, from 1 on; 0 before the first. */
  readonly attempt: number;
  /** Attempts that were lost without a new checkpoint. */
  readonly losses: number;
  /** The number of the last attempt's job, once it is known. */
  readonly job?: string;
  /** Where it runs. */
  readonly node?: string;
  /** It is a run of its own, which nobody follows. */
  readonly isDetached?: boolean;
  /** What tells the states of the outside files that it reads from all others. */
  readonly fileNotes: string;
  /** ISO 8601. */
  readonly since: string;
}

/** The lease of an action; undefined if there is none. @throws UsageError if the file holds something else */
export function readLease(store: string, key: string): Lease | undefined {
  const text = readTextIfThere(leasePath(store, key));
  return text === undefined ? undefined : parse(text, leasePath(store, key));
}

/** All leases of a store, by instance. @throws UsageError as `readLease` */
export function readLeases(store: string): Lease[] {
  return leasedKeys(store).map((key) => readLease(store, key))
    .filter((lease) => lease !== undefined)
    .sort((a, b) => (a.instance < b.instance ? -1 : 1));
}

/** Makes a lease, unless there is one. Returns whether it was made. */
export function takeLease(store: string, lease: Lease): boolean {
  Deno.mkdirSync(folderOf(store), { recursive: true });
  return createFileAtomic(leasePath(store, lease.key), JSON.stringify(lease));
}

/** Says how a lease that is held stands now. */
export function writeLease(store: string, lease: Lease): void {
  writeFileAtomic(leasePath(store, lease.key), JSON.stringify(lease));
}

/** Removes a lease, then what its attempts have left. */
export function dropLease(store: string, { key, id }: Pick<Lease, "key" | "id">): void {
  removeQuietly(leasePath(store, key));
  const temporary = join(store, "tmp");
  for (const { name } of Deno.readDirSync(temporary)) {
    if (name.startsWith(`${key}-${id}-`)) removeQuietly(join(temporary, name));
  }
}

/** The folder of an attempt. */
export function attemptFolder(
  store: string,
  { key, id, attempt }: Pick<Lease, "key" | "id" | "attempt">,
): string {
  return join(store, "tmp", `${key}-${id}-${attempt}`);
}

/** Where the last attempt of a lease keeps the checkpoints of its action while it works. */
export function checkpointsOf(store: string, lease: Lease): string {
  return join(attemptFolder(store, lease), "checkpoints", lease.key);
}

/** Where the checkpoints of an action are now: with the job that works on it, or in their place in the store. */
export function checkpointsNow(store: JobStore, key: string): string {
  const lease = readLease(store.folder, key);
  return lease === undefined ? store.checkpointFolder(key) : checkpointsOf(store.folder, lease);
}

/** Whether the last attempt of a lease has said how it went. */
export function hasEnded(store: string, lease: Lease): boolean {
  return readTextIfThere(join(attemptFolder(store, lease), "reports", reportNames.outcome)) !==
    undefined;
}

/** Tells folders of `tmp` that belong to leases. A lease that cannot be read keeps all of its action. */
export function leasedFolders(store: string): (name: string) => boolean {
  const prefixes = leasedKeys(store).map((key) => {
    try {
      return `${key}-${readLease(store, key)?.id}-`;
    } catch {
      return `${key}-`;
    }
  });
  return (name) => prefixes.some((prefix) => name.startsWith(prefix));
}

/** Keys of actions that have leases, sorted. */
export function leasedKeys(store: string): string[] {
  try {
    return [...Deno.readDirSync(folderOf(store))]
      .flatMap(({ name }) => /^([0-9a-f]{64})\.json$/.exec(name)?.[1] ?? []).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** `slurm job 12 on n2`. */
export function placeOf({ queue, job, node }: Pick<Lease, "queue" | "job" | "node">): string {
  return `${queue}${job === undefined ? "" : ` ${job}`}${node === undefined ? "" : ` on ${node}`}`;
}

function folderOf(store: string): string {
  return join(store, "leases");
}

function leasePath(store: string, key: string): string {
  return join(folderOf(store), `${key}.json`);
}

function parse(text: string, path: string): Lease {
  try {
    const found = JSON.parse(text) as Lease;
    if (found.format === 1 && /^[0-9a-f]{8}$/.test(found.id) && Number.isInteger(found.attempt)) {
      return found;
    }
  } catch { /* said below */ }
  throw new UsageError(
    `Cannot read "${path}": expected the lease of a job, found something else; ` +
      `if no job works there, remove it`,
  );
}
