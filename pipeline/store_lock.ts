/**
 * Who may write to a store: one run at a time.
 *
 * Advisory locks on open files, which the kernel frees however their holder ends. Children hold a second file, shared: a
 * run that finds the first lock free because a runner was killed waits for that runner's last child before it begins.
 */
import { join } from "node:path";
import { writeAll } from "../base/mod.ts";
import { isOutOfRoom, storageError } from "./storage_errors.ts";

/** Who holds a lock, as written into it. */
export interface LockHolder {
  readonly pid: number;
  readonly host: string;
  readonly command: string;
  readonly since: string;
}

interface LockOptions {
  readonly command: string;
  /** Called once when another process holds the lock. Returning false gives up. */
  onBusy(holder: LockHolder | undefined): boolean;
}

interface StoreLock extends Disposable {
  /** Frees the lock. */
  release(): void;
}

/** Takes the store's lock, waiting for it when `onBusy` agrees. Undefined when it does not. */
export async function lockStore(
  folder: string,
  options: LockOptions,
): Promise<StoreLock | undefined> {
  const path = join(folder, "lock");
  const file = openLock(path, folder);
  if (!file.tryLockSync(true)) {
    if (!options.onBusy(readHolder(path))) {
      file.close();
      return undefined;
    }
    await file.lock(true);
  }
  const holder: LockHolder = {
    pid: Deno.pid,
    host: Deno.hostname(),
    command: options.command,
    since: new Date().toISOString(),
  };
  try {
    file.truncateSync(0);
    file.seekSync(0, Deno.SeekMode.Start);
    writeAll(file, `${JSON.stringify(holder)}\n`);
  } catch (error) {
    // On a full disk others do not learn who holds the lock. It is held all the same, and `gc` makes room.
    if (!isOutOfRoom(error)) throw storageError(error, "take the lock", folder);
  }
  await waitForChildren(folder);
  const release = () => {
    file.truncateSync(0);
    file.close();
  };
  return { release, [Symbol.dispose]: release };
}

function openLock(path: string, folder: string): Deno.FsFile {
  try {
    return Deno.openSync(path, { read: true, write: true, create: true });
  } catch (error) {
    throw storageError(error, "take the lock", folder);
  }
}

/**
 * Taken by each child; held until its process ends. Its runner has made the file: if it is missing, so is the store, and a child
 * that makes nothing before it holds the lock writes to no store whose lock is free.
 *
 * @throws Deno.errors.NotFound
 */
export function lockAsChild(path: string): void {
  const file = Deno.openSync(path, { read: true, write: true });
  file.lockSync(false);
}

/** The file that children of a store lock. */
export function childrenLockPath(folder: string): string {
  return join(folder, "children");
}

async function waitForChildren(folder: string): Promise<void> {
  using file = Deno.openSync(childrenLockPath(folder), { read: true, write: true, create: true });
  await file.lock(true);
}

function readHolder(path: string): LockHolder | undefined {
  try {
    return JSON.parse(Deno.readTextFileSync(path)) ?? undefined;
  } catch {
    return undefined;
  }
}
