/**
 * The message for a user whose store is in use.
 */
import type { LockHolder } from "../pipeline/store_lock.ts";
import { printError } from "./screen.ts";

interface BusyOptions {
  /** The store as the user named it. */
  readonly store: string;
  readonly wait: boolean;
  readonly quiet?: boolean;
  /** The command that cannot run: `run`. */
  readonly command: string;
}

/** Says who holds the lock, and returns whether to wait. */
export function onBusy(holder: LockHolder | undefined, options: BusyOptions): boolean {
  const { store, wait, quiet, command } = options;
  const who = holder === undefined
    ? "another process"
    : `process ${holder.pid} on ${holder.host} (${holder.command}, since ${holder.since})`;
  if (!wait) printError(`error: Cannot ${command}: ${who} is using store "${store}"`);
  else if (!quiet) printError(`Waiting for ${who}, which is using store "${store}"`);
  return wait;
}
