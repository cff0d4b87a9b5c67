/**
 * When work that may be stopped keeps where it stands: before a stop is passed on, and now and then, for kills. Results do not
 * depend on it, so a clock may decide.
 */

interface SavePointsOptions {
  readonly signal: AbortSignal;
  /** Least time from one to the next. */
  readonly everyMs: number;
  /** Keeps where the work stands. Called only inside of `pass`. */
  readonly save: () => void;
}

export class SavePoints {
  readonly #options: SavePointsOptions;
  #savedAt = performance.now();

  constructor(options: SavePointsOptions) {
    this.#options = options;
  }

  /**
   * To be called wherever the work may be taken up again.
   * @throws signal.reason after a save, when the work is to stop
   */
  pass(): void {
    const { signal, everyMs, save } = this.#options;
    if (signal.aborted) save();
    signal.throwIfAborted();
    if (performance.now() - this.#savedAt < everyMs) return;
    save();
    this.#savedAt = performance.now();
  }
}
