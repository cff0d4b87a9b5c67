/**
 * At most N at once: in this process first come, first served; with a folder, among all processes that share it.
 *
 * A slot is then an empty file that is locked while it is taken: the system frees it when its process dies.
 */
import { join } from "node:path";

/** How often a process looks whether another one has freed a slot. */
const pollMs = 50;

export class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];
  readonly #paths: readonly string[];

  constructor(count: number, folder?: string) {
    this.#free = count;
    this.#paths = folder !== undefined && canHave(folder)
      ? Array.from({ length: count }, (_, i) => join(folder, `slot-${i}`))
      : [];
  }

  /** Waits for a slot; call what it gives once to free it. @throws the signal's reason */
  async take(signal?: AbortSignal): Promise<() => void> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    const release = () => {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    };
    if (this.#paths.length === 0) return release;
    try {
      const file = await this.#locked(signal);
      return () => {
        file.close();
        release();
      };
    } catch (error) {
      release();
      throw error;
    }
  }

  async #locked(signal: AbortSignal | undefined): Promise<Deno.FsFile> {
    for (;;) {
      signal?.throwIfAborted();
      for (const path of this.#paths) {
        const file = Deno.openSync(path, { create: true, write: true });
        if (file.tryLockSync(true)) return file;
        file.close();
      }
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  }
}

/** Where nothing can be written nothing is shared, and nothing fetched but what is read in place. */
function canHave(folder: string): boolean {
  try {
    Deno.mkdirSync(folder, { recursive: true });
    return true;
  } catch {
    return false;
  }
}
