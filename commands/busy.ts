/**
 * The store for one command alone.
 */
import { recoverStore } from "../pipeline/collection.ts";
import type { Store } from "../pipeline/store.ts";
import { lockStore } from "../pipeline/store_lock.ts";
import { printError } from "./screen.ts";

interface ExclusiveOptions {
  /** The store as the user named it. */
  readonly store: string;
  readonly wait: boolean;
  readonly quiet?: boolean;
}

/**
 * Takes the lock of a store and finishes what a killed process has left half done. It says who holds the lock, and waits for it.
 * @param command What cannot run meanwhile: `run walk`
 * @returns undefined if another process has the lock and the user does not want to wait
 */
export async function exclusiveStore(
  store: Store,
  command: string,
  { store: name, wait, quiet }: ExclusiveOptions,
): ReturnType<typeof lockStore> {
  const lock = await lockStore(store.folder, {
    command,
    onBusy(holder) {
      const who = holder === undefined
        ? "another process"
        : `process ${holder.pid} on ${holder.host} (${holder.command}, since ${holder.since})`;
      const [act] = command.split(" ");
      if (!wait) printError(`error: Cannot ${act}: ${who} is using store "${name}"`);
      else if (!quiet) printError(`Waiting for ${who}, which is using store "${name}"`);
      return wait;
    },
  });
  if (lock !== undefined) recoverStore(store);
  return lock;
}
