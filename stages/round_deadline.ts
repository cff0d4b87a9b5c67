/**
 * When a round is closed without those who are silent.
 */

export interface Quorum {
  /** Share of a round's participants whose answers must be there. */
  readonly share: number;
  /** Since the tasks were offered. */
  readonly afterSeconds: number;
}

/** Passes once a share of the answers is there and the time is over, whichever comes last. */
export class RoundDeadline implements Disposable {
  /** Fires when it has passed. */
  readonly signal: AbortSignal;
  readonly #passed = new AbortController();
  readonly #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #needed: number;
  #accepted: number;
  #isTimeOver = false;

  /** @param quorum Without one it never passes. @param accepted Answers that are there already. */
  constructor(quorum: Quorum | undefined, sampled: number, accepted: number) {
    this.signal = this.#passed.signal;
    this.#needed = quorum === undefined ? Infinity : answersNeeded(quorum.share, sampled);
    this.#accepted = accepted;
    if (quorum === undefined) return;
    this.#timer = setTimeout(() => {
      this.#isTimeOver = true;
      this.#look();
    }, quorum.afterSeconds * 1000);
  }

  /** One more answer is there. */
  accept(): void {
    this.#accepted++;
    this.#look();
  }

  #look(): void {
    if (this.#isTimeOver && this.#accepted >= this.#needed) this.#passed.abort();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}

/** So many of a round's participants are a share of them. At least one: a round of none has nothing to average. */
export function answersNeeded(share: number, sampled: number): number {
  return Math.max(1, Math.ceil(share * sampled - 1e-9)); // 0.7 × 10 is 7
}
