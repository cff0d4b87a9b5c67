/**
 * A clock that nobody waits for: while it is installed, timers of this process fire one after the other, each as soon as all that the one
 * before it set off has come to rest, and `performance.now()` says when that would have been.
 *
 * Code under it is the code that runs elsewhere: it sets timers, and knows nothing of this. What it does between two timers takes no
 * time. It must wait for timers and promises alone, not for files or processes: then the same work happens in the same order each time.
 */
import { createHash } from "node:crypto";
import { setImmediate } from "node:timers";

interface Event {
  readonly atMs: number;
  /** Of events at the same time, the one that was asked for first comes first. */
  readonly number: number;
  readonly act: () => void;
  /** Of what happens again and again. */
  readonly everyMs?: number;
}

/** How long the driver waits, in real time, for something that is no timer, before it calls the work stuck. */
const mostIdleMs = 30_000;

export class VirtualTime implements Disposable {
  #nowMs = 0;
  #count = 0;
  readonly #queue: Event[] = [];
  /** Numbers of events to come; others were cleared. */
  readonly #pending = new Set<number>();
  readonly #real = { setTimeout, clearTimeout, setInterval, clearInterval };
  readonly #realNow = performance.now.bind(performance);
  readonly #realDigest = crypto.subtle.digest;

  constructor() {
    const clear = (number?: number) => void this.#pending.delete(number ?? -1);
    type Act = (...args: unknown[]) => void;
    Object.assign(globalThis, {
      setTimeout: (act: Act, ms = 0, ...args: unknown[]) => this.#after(ms, () => act(...args)),
      setInterval: (act: Act, ms = 0, ...args: unknown[]) =>
        this.#after(ms, () => act(...args), Math.max(1, ms)),
      clearTimeout: clear,
      clearInterval: clear,
    });
    performance.now = () => this.#nowMs;
    // A digest of Web Crypto comes from another thread: who waits for one would be overtaken by timers.
    crypto.subtle.digest = (_, data) => {
      const bytes = ArrayBuffer.isView(data)
        ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
        : new Uint8Array(data);
      const digest = createHash("sha256").update(bytes).digest();
      return Promise.resolve(Uint8Array.from(digest).buffer);
    };
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** The clock on the wall. */
  realMs(): number {
    return this.#realNow();
  }

  /** Lets time pass until work is done. @throws Error where nothing is left that could happen */
  async run<T>(work: () => Promise<T>): Promise<T> {
    const state = { isDone: false };
    const done = work().finally(() => state.isDone = true);
    done.catch(() => {}); // thrown below
    let idleSinceMs: number | undefined;
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve)); // all promises have come to rest
      if (state.isDone) return await done;
      if (this.#fireNext()) {
        idleSinceMs = undefined;
        continue;
      }
      idleSinceMs ??= this.#realNow();
      if (this.#realNow() - idleSinceMs > mostIdleMs) {
        throw new Error("Cannot go on: expected a timer that somebody waits for, found none");
      }
      await new Promise((resolve) => this.#real.setTimeout(resolve, 1));
    }
  }

  [Symbol.dispose](): void {
    Object.assign(globalThis, this.#real);
    Reflect.deleteProperty(performance, "now");
    crypto.subtle.digest = this.#realDigest;
  }

  #after(ms: number, act: () => void, everyMs?: number, number = ++this.#count): number {
    const at = { atMs: this.#nowMs + Math.max(0, ms), number, act, everyMs };
    this.#pending.add(number);
    this.#queue.push(at);
    this.#rise(this.#queue.length - 1);
    return number;
  }

  #fireNext(): boolean {
    for (let event = this.#take(); event !== undefined; event = this.#take()) {
      if (!this.#pending.delete(event.number)) continue;
      this.#nowMs = Math.max(this.#nowMs, event.atMs);
      const { act, everyMs, number } = event;
      if (everyMs !== undefined) this.#after(everyMs, act, everyMs, number);
      act();
      return true;
    }
    return false;
  }

  /** The first of a heap: each event comes before the two below it. */
  #take(): Event | undefined {
    const queue = this.#queue;
    const [first, last] = [queue[0], queue.pop()];
    if (queue.length === 0) return first;
    queue[0] = last!;
    for (let at = 0;;) {
      let next = 2 * at + 1;
      if (next >= queue.length) return first;
      if (next + 1 < queue.length && isBefore(queue[next + 1], queue[next])) next++;
      if (isBefore(queue[at], queue[next])) return first;
      [queue[at], queue[next]] = [queue[next], queue[at]];
      at = next;
    }
  }

  #rise(at: number): void {
    const queue = this.#queue;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (isBefore(queue[above], queue[at])) return;
      [queue[at], queue[above]] = [queue[above], queue[at]];
      at = above;
    }
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.number < b.number);
}
