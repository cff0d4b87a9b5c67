/**
 * One call at a time: a program's calls write into buffers that the next one would overwrite.
 */
export class Turns {
  #isTaken = false;
  #isOver = false;

  /** Runs an action. @throws Error when another has not ended, or after `end`. */
  async take<T>(action: () => Promise<T>): Promise<T> {
    if (this.#isOver) {
      throw new Error("Cannot run a program: expected one that was not disposed of");
    }
    if (this.#isTaken) {
      throw new Error("Cannot run a program: expected the call before to have ended (await it)");
    }
    this.#isTaken = true;
    try {
      return await action();
    } finally {
      this.#isTaken = false;
    }
  }

  /** No more from now on. */
  end(): void {
    this.#isOver = true;
  }
}
