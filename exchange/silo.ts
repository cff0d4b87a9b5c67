/**
 * The silo's side of an exchange, over any place for bytes by name.
 */
import {
  type JsonRecord,
  RefusedError,
  type SiloExchange,
  type TakenTask,
  type TaskHead,
  type TaskName,
} from "./exchange.ts";
import {
  checkRun,
  checkSource,
  mostStatementBytes,
  nameOf,
  offerName,
  taskOfFile,
  tasksFolder,
} from "./layout.ts";
import { Leases } from "./leases.ts";
import { type NamedBytes, TooLargeError } from "./named_bytes.ts";
import { closedRound } from "./round_records.ts";
import { readSigned } from "./signed.ts";
import { Taken } from "./taken_task.ts";
import { Pace, unlessAborted } from "./waiting.ts";

export interface SiloOptions {
  /** The silo's; the leader knows the public one. All workers of a silo have the same. */
  readonly privateKey: string;
  /** The leader's public one. */
  readonly leaderKey: string;
  /**
   * The worker's name. One that starts again under its name goes on at once with what it held; others wait until the lease has run out.
   * Default: a name that nobody has had.
   */
  readonly worker?: string;
  /** The run whose tasks it takes; default: those of all runs. */
  readonly run?: string;
  /** How long a worker must be silent before another takes its task. Default: 60 s. */
  readonly leaseMs?: number;
  /** Hears of each offer that is refused, and why. */
  readonly onRefused?: (message: string) => void;
}

export class Silo implements SiloExchange {
  readonly #place: NamedBytes;
  readonly #options: SiloOptions;
  readonly #leases: Leases;
  /** Names of offers that were refused, with the tags of what lay there. */
  readonly #refused = new Map<string, string | undefined>();

  constructor(place: NamedBytes, options: SiloOptions) {
    this.#place = place;
    this.#options = options;
    const { worker = crypto.randomUUID(), leaseMs = 60_000 } = options;
    this.#leases = new Leases(place, worker, leaseMs);
  }

  async take(sources: readonly string[], signal: AbortSignal): Promise<TakenTask | undefined> {
    sources.forEach(checkSource);
    const pace = new Pace(this.#place.pollMs);
    while (!signal.aborted) {
      const looking = this.#look(sources);
      const task = await unlessAborted(signal, looking);
      if (task !== undefined) return task;
      if (signal.aborted) looking.then((late) => late?.release()).catch(() => {});
      await pace.wait(signal);
    }
    return undefined;
  }

  async closed(run: string, round: number): Promise<JsonRecord | undefined> {
    checkRun(run);
    return await closedRound(this.#place, run, round, this.#options.leaderKey);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#leases.stop();
    await this.#place[Symbol.asyncDispose]();
  }

  /** A task that is free; the earliest round first. */
  async #look(sources: readonly string[]): Promise<TakenTask | undefined> {
    const { run } = this.#options;
    for (const source of sources) {
      const offers = (await this.#place.list(tasksFolder(source))).flatMap(({ name, tag }) => {
        const task = taskOfFile(source, name);
        const isRefused = task && this.#refused.get(offerName(task)) === tag;
        const isOfRun = run === undefined || task?.run === run;
        return task && isOfRun && !isRefused ? [{ task, tag }] : [];
      });
      offers.sort((a, b) => a.task.round - b.task.round); // else by name
      for (const { task, tag } of offers) {
        const head = await this.#head(task, tag);
        const lease = head && await this.#leases.acquire(task);
        if (lease === undefined) continue;
        return new Taken(this.#place, task, head!, lease, this.#options.privateKey);
      }
    }
    return undefined;
  }

  /** What the leader asks; undefined if the offer was withdrawn, or is not the leader's. */
  async #head(task: TaskName, tag: string | undefined): Promise<TaskHead | undefined> {
    const name = offerName(task);
    try {
      const bytes = await this.#place.read(name, mostStatementBytes);
      if (bytes === undefined) return undefined;
      const head = readSigned(bytes, "task", { ...task }, this.#options.leaderKey) as TaskHead;
      if (nameOf(head).task !== task.task) {
        throw new RefusedError(
          `Cannot accept task ${task.task}: expected the head that has this digest, found another`,
        );
      }
      return head;
    } catch (error) {
      if (!(error instanceof RefusedError || error instanceof TooLargeError)) throw error;
      this.#refused.set(name, tag);
      this.#options.onRefused?.(error.message);
      return undefined;
    }
  }
}
