/**
 * The threads of a training as one: this one does the first part of any work itself.
 */
import { type Allocate, zeros } from "./memory.ts";
import type { TrainingThread } from "./threads.ts";
import { TrainingWork, type WorkRequest } from "./training_work.ts";

export class Team {
  readonly #own = new TrainingWork();
  readonly #others: readonly TrainingThread[];
  #spare: ArrayBufferLike = new ArrayBuffer(0);
  #spareUsed = 0;

  /** @param others the threads besides this one */
  constructor(others: readonly TrainingThread[] = []) {
    this.#others = others;
  }

  /** Threads, this one included. */
  get size(): number {
    return this.#others.length + 1;
  }

  /** Arrays that all threads see. */
  readonly allocate: Allocate = (Kind, length) => {
    const from = this.#spareUsed;
    const to = from + Math.ceil(length * Kind.BYTES_PER_ELEMENT / 8) * 8;
    if (to > this.#spare.byteLength) return zeros(Kind, length, this.#others.length > 0);
    this.#spareUsed = to;
    new Uint8Array(this.#spare, from, to - from).fill(0);
    return new Kind(this.#spare, from, length);
  };

  /** Takes back an array's memory, which no thread uses any more, and gives it out again. Shared memory may stay allocated for long. */
  recycle({ buffer }: { readonly buffer: ArrayBufferLike }): void {
    this.#spare = buffer;
    this.#spareUsed = 0;
  }

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
