/**
 * An instance that runs as a job of a queue: submits it, follows what it tells, and submits another attempt when its machine is
 * lost or its time is over.
 */
import { join } from "node:path";
import { checkpointNotes } from "../checkpoint_notes.ts";
import type { Share } from "../capacity.ts";
import type { Program } from "../program_folder.ts";
import type { ChildRequest } from "../protocol.ts";
import { copyCheckpoints, isThere, layOut, moveCheckpoints } from "./attempt.ts";
import { ChildLog } from "./child_log.ts";
import {
  type ChildNews,
  type ChildOutcome,
  type ChildWork,
  isNews,
  type RunningChild,
} from "./executor.ts";
import { type JobQueue, JobQueueError, type JobState } from "./job_queue.ts";
import { JobReader } from "./job_reader.ts";
import {
  attemptFolder,
  checkpointsOf,
  dropLease,
  type JobStore,
  type Lease,
  placeOf,
  writeLease,
} from "./leases.ts";
import { whole } from "./prepared_program.ts";

/** Attempts that end without a new checkpoint, one after another, before the instance has failed. */
const mostLosses = 5;

/** How long a file of another machine may take to be seen here: network file systems keep what they know of folders. */
const unseenMs = 60_000;

/** A job without a sign of life for so long is worth a warning. */
const silentMs = 5 * 60_000;

/** Longest pause between tries to reach a queue. */
const longestPauseMs = 60_000;

/** How jobs are started and watched. */
export interface JobSettings {
  /** The path of Deno on the nodes. */
  readonly deno: string;
  /** A folder on each node's own disk. */
  readonly scratch: string;
  /** How often the files of a job are looked at. */
  readonly lookEveryMs: number;
  /** How often the queue is asked. */
  readonly askEveryMs: number;
}

interface JobChildOptions {
  readonly queue: JobQueue;
  readonly settings: JobSettings;
  readonly store: JobStore;
  readonly work: ChildWork;
  readonly program: Program;
  readonly claim: Share;
  readonly lease: Lease;
}

/** How an attempt ended: by its own word, or by the queue's. One that is left has not ended. */
type AttemptEnd =
  | { readonly type: "left"; readonly to: string }
  | { readonly type: "said"; readonly outcome: ChildOutcome }
  | { readonly type: "over"; readonly how: string; readonly isLost: boolean };

export class JobChild implements RunningChild {
  readonly outcome: Promise<ChildOutcome>;
  readonly #options: JobChildOptions;
  readonly #log: ChildLog;
  #lease: Lease;
  /** Of the last attempt, if this runner has made it. */
  #request: ChildRequest | undefined;
  #isStopping = false;
  #isKilled = false;
  /** It could not be ended, or others are to start it: the next run takes it up. */
  #isLeft = false;
  #hasAdvanced = false;
  #isWarned = false;
  #wake: () => void = () => {};

  /** @param lease It is held; with an attempt, that is followed */
  constructor(options: JobChildOptions) {
    this.#options = options;
    this.#lease = options.lease;
    const { work: { logPath, request: { instance } }, lease: { attempt } } = options;
    this.#log = new ChildLog(logPath, `${instance}, ${attempt === 0 ? "started" : "taken up"}`);
    this.outcome = this.#run();
  }

  get place(): string {
    return placeOf(this.#lease);
  }

  get folder(): string {
    return attemptFolder(this.#options.store.folder, this.#lease);
  }

  stop(): void {
    this.#isStopping = true;
    const { job } = this.#lease;
    if (job !== undefined) this.#options.queue.stop(job).then(() => this.#wake());
    this.#wake();
  }

  kill(): void {
    this.#isStopping = this.#isKilled = true;
    const { job } = this.#lease;
    if (job !== undefined) this.#options.queue.kill(job).then(() => this.#wake());
    this.#wake();
  }

  clear(): void {
    if (!this.#isLeft) dropLease(this.#options.store.folder, this.#lease);
  }

  async #run(): Promise<ChildOutcome> {
    const outcome = await this.#attempts().catch((error): ChildOutcome => {
      if (!(error instanceof JobQueueError)) throw error;
      return { type: "failed", message: error.message, isExpected: true };
    });
    const { store, work: { key } } = this.#options;
    if (!this.#isLeft) {
      moveCheckpoints(checkpointsOf(store.folder, this.#lease), store.checkpointFolder(key));
    }
    const kept = outcome.type === "done" ? this.#whole(outcome) : outcome;
    this.#log.end(kept);
    return kept;
  }

  /** Nothing is known of the program of an attempt that another runner has made: its key was of the same code. */
  #whole(made: Extract<ChildOutcome, { type: "done" }>): ChildOutcome {
    return this.#request === undefined ? made : whole(made, this.#options.program, this.#request);
  }

  async #attempts(): Promise<ChildOutcome> {
    let end = this.#lease.attempt === 0 ? await this.#attempt() : await this.#takeUp();
    for (;;) {
      if (end.type === "left") return end;
      if (!this.#isLeft && this.#lease.job !== undefined) {
        await this.#options.queue.forget?.(this.#lease.job);
      }
      if (this.#isStopping) {
        return end.type === "said" ? end.outcome : { type: "stopped", isClean: false };
      }
      if (end.type === "said" && end.outcome.type !== "stopped") return end.outcome;
      if (end.type === "over" && !end.isLost) return this.#diedSilently(end.how);
      const how = end.type === "over" ? end.how : "asked to stop";
      this.#note({ losses: this.#hasAdvanced ? 0 : this.#lease.losses + 1 });
      if (this.#lease.losses >= mostLosses) return this.#lostTooOften(how);
      this.#tell("warn", `${this.place} was ended (${how}); another goes on from its checkpoint`);
      end = await this.#attempt(end);
    }
  }

  /** Follows an attempt of a runner that has died. */
  async #takeUp(): Promise<AttemptEnd> {
    const outcome = this.#reader().outcome();
    if (outcome !== undefined) {
      this.#read(this.#reader());
      return { type: "said", outcome };
    }
    const job = this.#lease.job ?? await this.#reached((queue) => queue.find(this.#name));
    if (job === undefined) {
      this.#hasAdvanced = true; // it is no loss: nothing was there
      return { type: "over", how: "it was not submitted", isLost: true };
    }
    this.#note({ job });
    return await this.#follow(job);
  }

  /** Makes and follows the next attempt. @param before How the last one ended */
  async #attempt(before?: AttemptEnd): Promise<AttemptEnd> {
    const { store, work, program, settings, claim, queue } = this.#options;
    const { key } = work;
    const last = checkpointsOf(store.folder, this.#lease);
    this.#note({ attempt: this.#lease.attempt + 1, job: undefined, node: undefined });
    this.#hasAdvanced = this.#isWarned = false;
    const scratch = join(settings.scratch, this.#name);
    const { script, output, request } = layOut(this.folder, work, program, {
      ...settings,
      scratch,
    });
    this.#request = request;
    const own = checkpointsOf(store.folder, this.#lease);
    // A job that says how it ended is over. One that the queue holds for lost may still be writing.
    if (before?.type === "over" && isThere(last)) copyCheckpoints(last, own, checkpointNotes);
    else moveCheckpoints(isThere(last) ? last : store.checkpointFolder(key), own);
    Deno.mkdirSync(own, { recursive: true });
    const job = await this.#reached(async () =>
      await queue.find(this.#name) ?? await queue.submit({
        name: this.#name,
        instance: this.#lease.instance,
        script,
        output,
        threads: claim.threads,
        memoryBytes: claim.memoryBytes,
      })
    );
    if (job === undefined) return { type: "over", how: "it was not submitted", isLost: true };
    this.#note({ job });
    this.#tell("info", `is ${this.place}`);
    if (this.#isStopping) await queue.stop(job);
    return await this.#follow(job);
  }

  /** What a queue says once it can be reached; undefined if the user does not want to wait for it. */
  async #reached<T>(ask: (queue: JobQueue) => Promise<T>): Promise<T | undefined> {
    for (let pauseMs = 1000;; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
      if (this.#isStopping) return undefined;
      try {
        return await ask(this.#options.queue);
      } catch (error) {
        if (!(error instanceof JobQueueError) || !error.isPassing) throw error;
        this.#warnOnce(`${error.message}; trying again until it can`);
      }
      await this.#sleep(pauseMs);
    }
  }

  async #follow(job: string): Promise<AttemptEnd> {
    const { queue, settings: { lookEveryMs, askEveryMs } } = this.#options;
    const reader = this.#reader();
    let [heartbeat, heartbeatAt, askedAt] = [reader.heartbeat(), performance.now(), -Infinity];
    let over: { readonly how: string; readonly isLost: boolean; readonly at: number } | undefined;
    for (;;) {
      this.#read(reader);
      const outcome = reader.outcome();
      if (outcome !== undefined) {
        this.#read(reader, true);
        return { type: "said", outcome };
      }
      const now = performance.now();
      if (over !== undefined && (over.isLost || this.#isStopping || now - over.at > unseenMs)) {
        this.#read(reader, true);
        return { type: "over", ...over };
      }
      if (over === undefined && now - askedAt >= (this.#isStopping ? lookEveryMs : askEveryMs)) {
        askedAt = now;
        const state = await queue.state(job);
        const beat = reader.heartbeat();
        if (beat !== heartbeat) [heartbeat, heartbeatAt] = [beat, now];
        else if (state.type !== "waiting" && now - heartbeatAt > silentMs) {
          this.#warnOnce(`${this.place} has given no sign of life for 5 min`);
        }
        over = this.#overBy(job, state, now);
        if (state.type === "unknown" && this.#isKilled) {
          this.#isLeft = true;
          this.#tell("warn", `${this.place} may work on: ${state.why}; the next run takes it up`);
          return { type: "over", how: "left", isLost: true };
        }
        if (state.type === "left") {
          this.#isLeft = true;
          return state;
        }
        if (over !== undefined) continue; // what it has written last is read first
      }
      await this.#sleep(lookEveryMs);
    }
  }

  /** Notes what a queue says of a job. Returns how it ended, if it has. */
  #overBy(job: string, state: JobState, at: number) {
    if (state.type === "running" && state.node !== this.#lease.node) {
      this.#note({ node: state.node });
      this.#tell("info", `runs as ${this.place}`);
    }
    if (state.type === "unknown") this.#warnOnce(state.why);
    if (state.type === "over") return { how: state.how, isLost: state.isLost, at };
    if (state.type === "waiting" && this.#lease.node !== undefined) {
      // Queued again, in the folder of an attempt that has begun: that one is given up.
      this.#options.queue.kill(job);
      return { how: `queued again: ${state.reason}`, isLost: true, at };
    }
    return undefined;
  }

  #read(reader: JobReader, isLast = false): void {
    const { messages, printed } = reader.news(isLast);
    for (const line of printed) this.#log.printed(line);
    for (const message of messages) {
      if (!isNews(message)) continue;
      if (message.type === "checkpoint") this.#hasAdvanced = true;
      this.#pass(message);
    }
  }

  #pass(message: ChildNews): void {
    this.#log.said(message);
    this.#options.work.onMessage(message);
  }

  #tell(level: "info" | "warn", message: string): void {
    this.#pass({ type: "log", level, message });
  }

  #warnOnce(message: string): void {
    if (!this.#isWarned) this.#tell("warn", message);
    this.#isWarned = true;
  }

  #note(change: Partial<Lease>): void {
    this.#lease = { ...this.#lease, ...change };
    writeLease(this.#options.store.folder, this.#lease);
  }

  #reader(): JobReader {
    return new JobReader(this.folder);
  }

  /** Of the job of the last attempt, and of its folder for temporary files. */
  get #name(): string {
    const { key, id, attempt } = this.#lease;
    return `dept-${key.slice(0, 12)}-${id}-${attempt}`;
  }

  #diedSilently(how: string): ChildOutcome {
    const { lastWords } = this.#log;
    const message = `Its job (${this.place}) ended as ${how}`;
    const words = lastWords === "" ? "" : `: ${lastWords}`;
    return { type: "failed", message: `${message}${words}`, isExpected: true };
  }

  #lostTooOften(how: string): ChildOutcome {
    const message =
      `Cannot finish ${this.#lease.instance}: expected a new checkpoint of each job, ` +
      `found ${mostLosses} that were ended without one (the last, ${this.place}: ${how}); ` +
      `give jobs more time or memory, or run it again`;
    return { type: "failed", message, isExpected: true };
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
