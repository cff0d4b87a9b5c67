/**
 * Rounds on a cluster: whoever leads them stays with the runner, as it only averages; those who train are one job of long-lived
 * processes. All other instances run where they would.
 *
 * The job is found by its name, so that a runner that is started again takes it up. It is submitted again where none of its processes is
 * left: where its time was over, or a controller has forgotten it.
 */
import { sha256 } from "../../base/mod.ts";
import type { Share } from "../capacity.ts";
import { noteMachine } from "../checkpoint_notes.ts";
import type { ChildOutcome, ChildWork, Executor, RunningChild } from "./executor.ts";
import { JobQueueError } from "./job_queue.ts";
import type { WorkersQueue } from "./workers_job.ts";

interface RoundsOptions {
  /** For who leads. */
  readonly here: Executor;
  /** For all others. */
  readonly elsewhere: Executor;
  readonly queue: WorkersQueue;
  readonly count: number;
  readonly store: string;
  readonly askEveryMs: number;
  /** Whether an instance leads rounds. */
  leads(instance: string): boolean;
  /** A command of `sh` by which the worker `$worker` trains for an instance. */
  commandFor(instance: string): string;
}

export class RoundsExecutor implements Executor {
  readonly isHere = false;
  readonly #options: RoundsOptions;

  constructor(options: RoundsOptions) {
    this.#options = options;
  }

  capacity(): undefined {
    return undefined;
  }

  async start(work: ChildWork, claim: Share): Promise<RunningChild> {
    const { here, elsewhere, leads } = this.#options;
    if (!leads(work.request.instance)) return await elsewhere.start(work, claim);
    noteMachine(work.request.checkpointFolder);
    return new Leader(this.#options, work, claim, await here.start(work, claim));
  }

  async adopt(work: ChildWork, claim: Share): Promise<RunningChild | undefined> {
    return await this.#options.elsewhere.adopt(work, claim);
  }

  async close(): Promise<void> {
    await Promise.all([this.#options.here.close(), this.#options.elsewhere.close()]);
  }
}

class Leader implements RunningChild {
  readonly outcome: Promise<ChildOutcome>;
  readonly #options: RoundsOptions;
  readonly #work: ChildWork;
  readonly #claim: Share;
  readonly #child: RunningChild;
  #refusal: string | undefined;
  #isWarned = false;

  constructor(options: RoundsOptions, work: ChildWork, claim: Share, child: RunningChild) {
    this.#options = options;
    this.#work = work;
    this.#claim = claim;
    this.#child = child;
    this.outcome = this.#run();
  }

  get place(): string {
    return this.#child.place;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get folder(): string {
    return this.#child.folder;
  }

  stop(): void {
    this.#child.stop();
  }

  kill(): void {
    this.#child.kill();
  }

  clear(): void {
    this.#child.clear?.();
  }

  async #run(): Promise<ChildOutcome> {
    const over = Promise.withResolvers<void>();
    const keeping = this.#keepWorkers(over.promise);
    const outcome = await this.#child.outcome;
    over.resolve();
    await keeping;
    await this.#endWorkers(outcome);
    if (this.#refusal === undefined) return outcome;
    return { type: "failed", message: this.#refusal, isExpected: true };
  }

  /** Sees to it, from time to time, that the job is there. */
  async #keepWorkers(over: Promise<void>): Promise<void> {
    let isOver = false;
    over.then(() => isOver = true);
    while (!isOver) {
      try {
        await this.#submitOnce();
      } catch (error) {
        if (!(error instanceof JobQueueError)) throw error;
        if (!error.isPassing) {
          this.#refusal = error.message;
          return this.#child.kill();
        }
        this.#warnOnce(`${error.message}; trying again until it can`);
      }
      let timer: ReturnType<typeof setTimeout> | undefined;
      const pause = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, this.#options.askEveryMs);
      });
      await Promise.race([over, pause]);
      clearTimeout(timer);
    }
  }

  async #submitOnce(): Promise<void> {
    const { queue, count, commandFor } = this.#options;
    const { request: { instance }, logPath } = this.#work;
    if (count === 0 || await queue.find(this.#name) !== undefined) return;
    const said = await queue.submit({
      name: this.#name,
      instance,
      count,
      command: commandFor(instance),
      log: logPath.replace(/\.log$/, ".workers.log"),
      ...this.#claim,
    });
    this.#tell(queue.isLeft ? "warn" : "info", said);
  }

  /** Where the run is over, they end by themselves; those that have not begun need not. */
  async #endWorkers(outcome: ChildOutcome): Promise<void> {
    const { queue } = this.#options;
    try {
      const number = await queue.find(this.#name);
      if (number === undefined) return;
      const left = await queue.stop(number);
      if (left !== undefined && outcome.type !== "done") {
        this.#tell("warn", `its workers wait for tasks; to end them: ${left}`);
      }
    } catch (error) {
      if (!(error instanceof JobQueueError)) throw error;
      this.#tell("warn", `${error.message}; its workers may wait for tasks`);
    }
  }

  /** Of this action in this store. */
  get #name(): string {
    const { key } = this.#work;
    return `dept-workers-${key.slice(0, 12)}-${sha256(this.#options.store).slice(0, 8)}`;
  }

  #warnOnce(message: string): void {
    if (!this.#isWarned) this.#tell("warn", message);
    this.#isWarned = true;
  }

  #tell(level: "info" | "warn", message: string): void {
    this.#work.onMessage({ type: "log", level, message });
  }
}
