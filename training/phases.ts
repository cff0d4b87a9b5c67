/**
 * Where the time of training goes. For logs only: no clock in results.
 */
import type { Log } from "../base/mod.ts";

/** In the order in which they are shown. */
export const phases = [
  "data",
  "forwardBackward",
  "optimizer",
  "monitors",
  "evaluation",
  "checkpoint",
] as const;

type Phase = typeof phases[number];

/** The word that profiles are logged under. */
export const profileMessage = "profile";

export class PhaseClock {
  readonly #started = performance.now();
  readonly #ms = Object.fromEntries(phases.map((phase) => [phase, 0])) as Record<Phase, number>;

  /** Counts the time of an action, and gives what it gives. */
  async time<T>(phase: Phase, action: () => T | Promise<T>): Promise<T> {
    const started = performance.now();
    try {
      return await action();
    } finally {
      this.#ms[phase] += performance.now() - started;
    }
  }

  /** Milliseconds by phase; `other` is what the whole time since the clock was made leaves. */
  totals(): Record<Phase | "other", number> {
    const known = phases.reduce((sum, phase) => sum + this.#ms[phase], 0);
    return { ...this.#ms, other: performance.now() - this.#started - known };
  }

  /** Logs the times in whole milliseconds: `run --profile` shows them as a line. */
  logTo(log: Log): void {
    const entries = Object.entries(this.totals()).map(([phase, ms]) => [phase, Math.round(ms)]);
    log.info(profileMessage, Object.fromEntries(entries));
  }
}
