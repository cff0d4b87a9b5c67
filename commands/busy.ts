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

type Lock = Awaited<ReturnType<typeof lockStore>>;

/** The store for one command, which can leave it to others for a while. */
export class StoreHold implements Disposable {
  readonly #take: () => ReturnType<typeof lockStore>;
  #lock: Lock;

  private constructor(take: () => ReturnType<typeof lockStore>, lock: Lock) {
    this.#take = take;
    this.#lock = lock;
  }

  /** As `exclusiveStore`. */
  static async take(...[store, command, options]: Parameters<typeof exclusiveStore>) {
    const lock = await exclusiveStore(store, command, options);
    if (lock === undefined) return undefined;
    const again = { ...options, wait: true, quiet: true };
    return new StoreHold(() => exclusiveStore(store, command, again), lock);
  }

  leave(): void {
    this.#lock?.release();
    this.#lock = undefined;
  }

  async takeAgain(): Promise<void> {
    this.#lock = await this.#take();
  }

  [Symbol.dispose](): void {
    this.leave();
  }
}
