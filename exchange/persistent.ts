/**
 * A place that is out of reach for minutes or hours: each operation is tried again until it is there.
 */
import { type Entry, type NamedBytes, UnreachableError } from "./named_bytes.ts";
import { sleep } from "./waiting.ts";

/** Between two tries. */
const pauseMs = { first: 500, most: 30_000 };

/** The same place; operations wait while it cannot be reached. They fail once it is disposed of. */
export class PersistentBytes implements NamedBytes {
  readonly place: string;
  readonly pollMs: NamedBytes["pollMs"];
  readonly #inner: NamedBytes;
  readonly #onTrouble: (message: string) => void;
  readonly #end = new AbortController();

  /** Whether it is known that the place cannot be reached. */
  #isAway = false;

  /** @param onTrouble Hears once of each time that the place cannot be reached. */
  constructor(inner: NamedBytes, onTrouble: (message: string) => void) {
    this.#inner = inner;
    this.#onTrouble = onTrouble;
    this.place = inner.place;
    this.pollMs = inner.pollMs;
  }

  read(name: string, maxBytes: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return this.#untilThere(() => this.#inner.read(name, maxBytes));
  }

  create(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
    return this.#untilThere(() => this.#inner.create(name, bytes));
  }

  replace(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    return this.#untilThere(() => this.#inner.replace(name, bytes));
  }

  find(name: string): Promise<Entry | undefined> {
    return this.#untilThere(() => this.#inner.find(name));
  }

  list(folder: string): Promise<readonly Entry[]> {
    return this.#untilThere(() => this.#inner.list(folder));
  }

  remove(name: string): Promise<void> {
    return this.#untilThere(() => this.#inner.remove(name));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    await this.#inner[Symbol.asyncDispose]();
  }

  async #untilThere<T>(operation: () => Promise<T>): Promise<T> {
    let pause = pauseMs.first;
    for (let tries = 0;; tries++) {
      try {
        const given = await operation();
        this.#isAway = false;
        return given;
      } catch (error) {
        const { signal } = this.#end;
        if (!(error instanceof UnreachableError) || signal.aborted) throw error;
        // A single failure is nothing to speak of.
        if (tries > 0 && !this.#isAway) {
          this.#isAway = true;
          this.#onTrouble(error.message);
        }
        await sleep(pause, signal);
        if (signal.aborted) throw error;
        pause = Math.min(pauseMs.most, pause * 2);
      }
    }
  }
}
