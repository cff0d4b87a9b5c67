/**
 * Waiting for what others do: looking again and again, sooner after something came, and later the longer nothing does.
 */

/** How long to wait before the next look. */
export class Pace {
  readonly #least: number;
  readonly #most: number;
  #next: number;

  constructor({ least, most }: { readonly least: number; readonly most: number }) {
    [this.#least, this.#most, this.#next] = [least, most, least];
  }

  /** Something came: the next look is soon. */
  hurry(): void {
    this.#next = this.#least;
  }

  /** Waits until the next look, or until `signal` fires. */
  async wait(signal: AbortSignal): Promise<void> {
    await sleep(this.#next, signal);
    this.#next = Math.min(this.#most, this.#next * 1.5);
  }
}

/** Waits for a time, or until `signal` fires. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end);
  });
}

/** What a promise gives; undefined if `signal` fires before. The work behind the promise goes on. */
export async function unlessAborted<T>(
  signal: AbortSignal,
  promise: Promise<T>,
): Promise<T | undefined> {
  const aborted = Promise.withResolvers<undefined>();
  const end = () => aborted.resolve(undefined);
  if (signal.aborted) end();
  signal.addEventListener("abort", end);
  promise.catch(() => {}); // who has left does not hear of its errors
  try {
    return await Promise.race([aborted.promise, promise]);
  } finally {
    signal.removeEventListener("abort", end);
  }
}
