/**
 * Who works on what: so that workers on the same source seldom do the same task. That they never do is not promised.
 *
 * A lease is a small file that its holder writes again and again. Clocks of machines are not compared: a lease has run out when
 * it has not changed for as long as this worker has watched it. A holder that was silent for so long may find another's in its place, and
 * leaves it there. Nothing is removed: a silo need not have the right to.
 */
import type { Json } from "../base/mod.ts";
import type { TaskName } from "./exchange.ts";
import { mostStatementBytes, offerName, repliesFolder, replyName } from "./layout.ts";
import type { NamedBytes } from "./named_bytes.ts";
import { recordFrom } from "./signed.ts";

/** A lease is written so many times in the time that others wait for it to run out. */
const beatsOfALease = 4;

/** The leases of one worker. */
export class Leases {
  readonly #place: NamedBytes;
  readonly #worker: string;
  readonly #leaseMs: number;
  readonly #held = new Map<string, Lease>();
  /** Leases of others as they were last seen, and since when. */
  readonly #seen = new Map<
    string,
    { readonly tag: string | undefined; readonly sinceMs: number }
  >();
  /** Tasks that this worker has given back, and until when it leaves them alone. */
  readonly #leftUntilMs = new Map<string, number>();

  constructor(place: NamedBytes, worker: string, leaseMs: number) {
    [this.#place, this.#worker, this.#leaseMs] = [place, worker, leaseMs];
  }

  /** Takes a task that has no answer and that no other worker holds. */
  async acquire(task: TaskName): Promise<Lease | undefined> {
    const id = task.task;
    if (this.#held.has(id) || (this.#leftUntilMs.get(id) ?? 0) > performance.now()) {
      return undefined;
    }
    const entries = await this.#place.list(repliesFolder(task));
    if (entries.some(({ name }) => name === `answer-${id}`)) return undefined;
    const found = entries.find(({ name }) => name === `working-${id}`);
    const name = replyName(task, "working");
    const lease = new Lease(this.#place, task, this.#worker, (restMs) => {
      this.#held.delete(id);
      this.#leftUntilMs.set(id, performance.now() + restMs);
    });
    if (found === undefined) {
      if (!await lease.create()) return undefined;
    } else {
      if (!await this.#isFree(name, found.tag)) return undefined;
      // Who gave it back since the look may have answered before.
      if (await this.#place.find(replyName(task, "answer")) !== undefined) return undefined;
      await lease.write();
      // Of two who found it free, the one who wrote last has it.
      if (await holderOf(this.#place, name) !== this.#worker) return undefined;
    }
    this.#held.set(id, lease);
    lease.keepUp(this.#leaseMs / beatsOfALease);
    return lease;
  }

  /** Nothing more is written: what is held runs out. */
  stop(): void {
    for (const lease of this.#held.values()) lease.stop();
  }

  async #isFree(name: string, tag: string | undefined): Promise<boolean> {
    const seen = this.#seen.get(name);
    if (seen !== undefined && seen.tag === tag) {
      return performance.now() - seen.sinceMs > this.#leaseMs;
    }
    const holder = await holderOf(this.#place, name);
    if (holder === null || holder === this.#worker) return true;
    this.#seen.set(name, { tag, sinceMs: performance.now() });
    return false;
  }
}

/** The name of the worker that holds a lease; null for none, undefined where there is no lease. */
async function holderOf(place: NamedBytes, name: string): Promise<unknown> {
  const bytes = await place.read(name, mostStatementBytes);
  return bytes && recordFrom(new TextDecoder().decode(bytes))?.worker;
}

/** A lease that a worker holds. */
export class Lease {
  readonly #place: NamedBytes;
  readonly #task: TaskName;
  readonly #name: string;
  readonly #onEnd: (restMs: number) => void;
  readonly #lost = new AbortController();
  #worker: string | null;
  #progress: Json = null;
  #beats = 0;
  #writtenAtMs = -Infinity;
  #writing: Promise<void> | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** @param onEnd Hears for how long the worker leaves the task alone then. */
  constructor(place: NamedBytes, task: TaskName, worker: string, onEnd: (restMs: number) => void) {
    [this.#place, this.#task, this.#worker, this.#onEnd] = [place, task, worker, onEnd];
    this.#name = replyName(task, "working");
  }

  /** Fires when a beat finds that another holds it, or that its task was withdrawn. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Whether that is so now. It has ended then, and nothing is written any more. */
  async isLost(): Promise<boolean> {
    const why = this.lost.aborted ? undefined : await this.#whyLost();
    if (why !== undefined) {
      this.stop();
      this.#onEnd(0);
      const { source, round } = this.#task;
      this.#lost.abort(new Error(`Cannot answer for ${source} in round ${round}: ${why}`));
    }
    return this.lost.aborted;
  }

  /** Writes it where there is none. Returns false if there is one. */
  async create(): Promise<boolean> {
    return await this.#place.create(this.#name, this.#content());
  }

  async write(): Promise<void> {
    await this.#place.replace(this.#name, this.#content());
  }

  /** Writes it from now on every so many milliseconds. */
  keepUp(beatMs: number): void {
    this.#timer = setInterval(() => this.#beatOnce(), beatMs);
  }

  note(progress: Json): void {
    this.#progress = progress;
    if (performance.now() - this.#writtenAtMs > this.#place.pollMs.most) this.#beatOnce();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Ends it. @param restMs How long this worker leaves the task alone; 0 gives it to any worker at once. */
  async end(restMs: number): Promise<void> {
    this.stop();
    await this.#writing;
    this.#onEnd(restMs);
    if (await this.isLost()) return;
    this.#worker = null;
    await this.write();
  }

  /** One at a time. One that fails is left to the next. */
  #beatOnce(): void {
    if (this.#writing !== undefined || this.#timer === undefined) return;
    this.#writtenAtMs = performance.now();
    this.#writing = this.#beat().catch(() => {}).finally(() => this.#writing = undefined);
  }

  async #beat(): Promise<void> {
    if (!await this.isLost()) await this.write();
  }

  async #whyLost(): Promise<string | undefined> {
    const holder = await holderOf(this.#place, this.#name);
    // An exchange that has lost everything is told again.
    if (holder !== undefined && holder !== this.#worker) {
      return "another has taken it up, since this one was silent for long";
    }
    return await this.#place.find(offerName(this.#task)) === undefined
      ? "its leader does not wait for it any more"
      : undefined;
  }

  #content(): Uint8Array<ArrayBuffer> {
    const content = { worker: this.#worker, beat: this.#beats++, progress: this.#progress };
    return new TextEncoder().encode(JSON.stringify(content));
  }
}
