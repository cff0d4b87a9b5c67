/**
 * How often checkpoints are written. They serve resumption only: no result depends on it, so a clock may decide.
 */
import type { CheckpointEvery } from "./settings.ts";

const share = 0.015; // below 2 %, with room for one that takes longer than the one before
/** At `auto`, the time before the first one, whose cost is not known yet, and the shortest time between two. */
const leastMs = 10_000;

export class CheckpointPace {
  readonly #every: CheckpointEvery;
  readonly #now: () => number;
  #last: number;
  #waitMs = leastMs;

  /** @param now milliseconds of a clock that does not go back */
  constructor(every: CheckpointEvery, now: () => number = () => performance.now()) {
    this.#every = every;
    this.#now = now;
    this.#last = now();
  }

  /** At `auto`, the time from the end of one to the next. */
  get waitMs(): number {
    return this.#waitMs;
  }

  /** @param step Steps since training began; without it, a place where one is due whatever the number of steps. */
  isDue(step?: number): boolean {
    if (this.#every === "auto") return this.#now() - this.#last >= this.#waitMs;
    return step === undefined || step % this.#every === 0;
  }

  /** Writes one, and measures how long that takes. */
  async write(action: () => void | Promise<void>): Promise<void> {
    const started = this.#now();
    await action();
    this.#last = this.#now();
    this.#waitMs = Math.max(leastMs, (this.#last - started) * (1 / share - 1));
  }
}
