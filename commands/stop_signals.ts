/**
 * The signals that stop a command.
 */
import { readTextIfThere } from "../base/mod.ts";

/** Exit codes after a signal, as shells give them: 128 and its number. */
export const signalCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

export type StopSignal = keyof typeof signalCodes;

const stopSignals = Object.keys(signalCodes) as StopSignal[];

/**
 * Signals that come within this time are one wish. A terminal signals all of its processes, and `deno task` passes the signal on
 * besides: one key press is two signals, up to some 20 ms apart.
 */
const oneWishMs = 1000;

/** What stops: `stop` at the first wish, `kill` at each further one. */
export interface Stoppable {
  stop(signal: StopSignal): void;
  kill(): void;
}

/** Tells wishes from signals. */
export class StopWishes {
  readonly #work: Stoppable;
  #first: { readonly signal: StopSignal; readonly at: number } | undefined;

  constructor(work: Stoppable) {
    this.#work = work;
  }

  /** The signal of the first wish; undefined while there was none. */
  get signal(): StopSignal | undefined {
    return this.#first?.signal;
  }

  /** @param now Milliseconds of any clock. */
  hear(signal: StopSignal, now: number = performance.now()): void {
    if (this.#first === undefined) {
      this.#first = { signal, at: now };
      this.#work.stop(signal);
    } else if (now - this.#first.at >= oneWishMs) this.#work.kill();
  }

  /** Hears the signals of this process until it is disposed. */
  listen(): Disposable {
    const handlers = stopSignals.filter((name) => !isIgnored(name))
      .map((name) => [name, () => this.hear(name)] as const);
    for (const [name, handler] of handlers) Deno.addSignalListener(name, handler);
    return {
      [Symbol.dispose]() {
        for (const [name, handler] of handlers) Deno.removeSignalListener(name, handler);
      },
    };
  }
}

/** Whether this process was started to live on when its terminal ends (`nohup`): hearing SIGHUP would undo that. */
function isIgnored(signal: StopSignal): boolean {
  if (signal !== "SIGHUP") return false;
  const [, ignored] = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readTextIfThere("/proc/self/status") ?? "") ??
    [];
  if (ignored === undefined) return !Deno.stdout.isTerminal(); // not Linux; `nohup` redirects the output
  return (BigInt(`0x${ignored}`) & 1n) === 1n;
}
