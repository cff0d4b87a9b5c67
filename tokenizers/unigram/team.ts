/**
 * The threads of a training as one: this one does the first part of any work itself.
 */
import type { TrainingThread } from "./threads.ts";
import { TrainingWork, type WorkRequest } from "./training_work.ts";

export class Team {
  readonly #own = new TrainingWork();
  readonly #others: readonly TrainingThread[];

  /** @param others the threads beside this one */
  constructor(others: readonly TrainingThread[] = []) {
    this.#others = others;
  }

  /** Threads, this one included. */
  get size(): number {
    return this.#others.length + 1;
  }

  /** Memory that all threads see, zero at first. */
  readonly allocate = (bytes: number): ArrayBufferLike =>
    this.#others.length > 0 ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes);

  /** Has each thread do a part, all at once. Returns the answers in their order. */
  async all<Answer>(parts: readonly WorkRequest[]): Promise<Answer[]> {
    const others = Promise.all(
      this.#others.map((thread, i) => thread.request<Answer>(parts[i + 1])),
    );
    others.catch(() => {}); // awaited below, unless this thread fails before
    const own = this.#own.answer(parts[0]) as Answer;
    return [own, ...await others];
  }
}
