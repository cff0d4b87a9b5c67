/**
 * Rounds whose participants are trained elsewhere: tasks are offered in an exchange, and answers read when their turn comes. What others
 * make does not depend on who makes it.
 */
import { canonicalJson, type Log, messageOf, sha256, StageError } from "../base/mod.ts";
import type { JsonRecord, LeaderExchange, ObjectRef, TaskName } from "../exchange/mod.ts";
import {
  checkResult,
  type Group,
  type LocalHelpers,
  type LocalOutcome,
  type LocalTask,
  type StoredTensors,
  TensorFiles,
} from "../training/mod.ts";
import type { TaskProgress, TrainAnswer, TrainHead } from "./silo_tasks.ts";

interface ExchangeRoundsOptions {
  readonly exchange: LeaderExchange;
  /** The run as the exchange knows it. */
  readonly run: string;
  /** Whether all participants are sent the same shared parameters. */
  readonly sendsAlike: boolean;
  /** Steps of a round, and tokens of a step. */
  readonly localSteps: number;
  readonly stepTokens: number;
  /** Steps of the whole run. */
  readonly totalSteps: number;
  /** For files on their way. */
  readonly folder: string;
  /** Rejects when nobody is there any more who could answer. */
  readonly failed: Promise<never>;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Monitors note some numbers every so many steps. */
const mostRowsBytes = 1 << 28;

type Waiting = PromiseWithResolvers<() => Promise<LocalOutcome>>;

/** A task that was offered. */
interface Offered {
  readonly name: TaskName;
  /** Sizes of what was sent: an answer has as much. */
  readonly bytes: { readonly shared: number; readonly moments: number };
  /** Shapes of it: a result has the same. */
  readonly shapes: Parameters<typeof checkResult>[0];
}

export class ExchangeRounds implements LocalHelpers {
  readonly #options: ExchangeRoundsOptions;
  readonly #files: TensorFiles;
  /** Steps that participants of the round have taken, by name, and those before it. */
  #steps = new Map<string, number>();
  #stepsBefore = 0;
  /** All rounds before this one. */
  #forgotten = 0;

  constructor(options: ExchangeRoundsOptions) {
    this.#options = options;
    this.#files = new TensorFiles(options.folder);
  }

  train(
    tasks: ReadonlyMap<string, () => LocalTask>,
  ): ReadonlyMap<string, Promise<() => Promise<LocalOutcome>>> {
    const waiting = new Map<string, Waiting>(
      [...tasks.keys()].map((name) => [name, Promise.withResolvers()]),
    );
    const fail = (error: unknown) => waiting.forEach(({ reject }) => reject(error));
    for (const { promise } of waiting.values()) promise.catch(() => {}); // thrown where it is asked for
    this.#options.failed.catch(fail);
    this.#offerAll(tasks, waiting).catch(fail);
    return new Map([...waiting].map(([name, { promise }]) => [name, promise]));
  }

  async close(round: number, accepted: Readonly<Record<string, string>>): Promise<void> {
    const record = { accepted };
    const standing = await this.#options.exchange.closeRound(round, record);
    if (canonicalJson(standing) === canonicalJson(record)) return;
    throw new StageError(
      `Cannot close round ${round}: expected the answers that were read here, found that it was closed with others; ` +
        "is there another leader of this run?",
    );
  }

  async forget(beforeRound: number): Promise<void> {
    if (beforeRound <= this.#forgotten) return;
    this.#forgotten = beforeRound;
    await this.#options.exchange.forget(beforeRound);
  }

  async #offerAll(
    tasks: ReadonlyMap<string, () => LocalTask>,
    waiting: ReadonlyMap<string, Waiting>,
  ): Promise<void> {
    const { exchange, signal } = this.#options;
    this.#files.keepOnly(new Set()); // what was read in earlier rounds is in the files of the run
    this.#steps = new Map([...tasks.keys()].map((name) => [name, 0]));
    this.#stepsBefore = Infinity;
    const offered = new Map<string, Offered>();
    let sent: Sent | undefined;
    for (const [name, make] of tasks) {
      signal.throwIfAborted();
      const task = make();
      this.#stepsBefore = Math.min(this.#stepsBefore, task.stepsBefore);
      if (sent === undefined || !this.#options.sendsAlike) sent = await this.#send(task);
      offered.set(name, await this.#offer(task, sent));
    }
    const names = [...offered.values()].map(({ name }) => name);
    for await (const reply of exchange.replies(names, signal)) {
      const { source, round } = reply.task;
      const one = offered.get(source)!;
      switch (reply.kind) {
        case "answer":
          this.#note(one, { steps: this.#options.localSteps, lossNats: null });
          waiting.get(source)!.resolve(() => this.#read(one, reply.answer));
          break;
        case "working":
          this.#note(one, reply.progress as unknown as TaskProgress);
          break;
        case "declined":
          throw new StageError(String(reply.why.reason));
        case "refused":
          throw new StageError(
            `Cannot take the answer of ${source} in round ${round}: ${reply.why}`,
          );
        default:
          reply satisfies never;
      }
    }
    signal.throwIfAborted();
  }

  async #send({ name, round, shared, optimizer }: LocalTask): Promise<Sent> {
    const { exchange, sendsAlike } = this.#options;
    const put = async (group: Group) => {
      const { path } = this.#files.put(group);
      return await exchange.put(sendsAlike ? "shared" : { down: name }, round, path);
    };
    return {
      shared: await put(shared),
      optimizer: optimizer ? { step: optimizer.step, moments: await put(optimizer.moments) } : null,
    };
  }

  async #offer(task: LocalTask, { shared, optimizer }: Sent): Promise<Offered> {
    const { name: source, round, held } = task;
    const { exchange, run } = this.#options;
    const head: TrainHead = { kind: "train", run, round, source, shared, optimizer, held };
    return {
      name: await exchange.offer(head),
      // Names of moments are longer than those of parameters, and there are two of each.
      bytes: { shared: shared.bytes, moments: 3 * shared.bytes },
      shapes: Object.fromEntries(
        Object.entries(task.shared).map(([name, { shape }]) => [name, { shape }]),
      ),
    };
  }

  async #read({ name, bytes, shapes }: Offered, said: JsonRecord): Promise<LocalOutcome> {
    const { row, exposure, held, diverged, shared, optimizer, noted } = said as TrainAnswer;
    const get = (ref: ObjectRef, most: number) => this.#get(name.source, ref, most);
    return {
      row,
      exposure,
      held,
      answer: sha256(canonicalJson(said)),
      ...(diverged === null ? {} : { diverged }),
      ...(shared === null ? {} : {
        made: {
          shared: this.#checked(name, shapes, await get(shared, bytes.shared)),
          ...(optimizer && {
            optimizer: {
              step: optimizer.step,
              moments: await get(optimizer.moments, bytes.moments),
            },
          }),
        },
      }),
      ...(noted && { noted: await this.#rows(name.source, noted) }),
    };
  }

  #checked(
    { source, round }: TaskName,
    sent: Offered["shapes"],
    result: StoredTensors,
  ): StoredTensors {
    try {
      checkResult(sent, result);
      return result;
    } catch (error) {
      const what = `Cannot take the answer of ${source} in round ${round}`;
      throw new StageError(`${what}: ${messageOf(error)}`, { cause: error });
    }
  }

  async #get(source: string, ref: ObjectRef, most: number): Promise<StoredTensors> {
    const path = this.#files.newPath();
    await this.#options.exchange.get(source, ref, path, most);
    return this.#files.take(path);
  }

  async #rows(source: string, ref: ObjectRef): Promise<NonNullable<LocalOutcome["noted"]>> {
    const path = this.#files.newPath();
    await this.#options.exchange.get(source, ref, path, mostRowsBytes);
    return JSON.parse(Deno.readTextFileSync(path));
  }

  /** Passes on how far a participant is, as steps of the run. */
  #note({ name: { source, round } }: Offered, { steps, lossNats }: TaskProgress): void {
    const { log, localSteps, stepTokens, totalSteps } = this.#options;
    const before = this.#steps.get(source)!;
    if (steps <= before) return;
    this.#steps.set(source, steps);
    const all = [...this.#steps];
    const place = ([name, taken]: readonly [string, number]) =>
      `${name} ${
        taken === 0 ? "silent" : taken === localSteps ? "done" : `${taken}/${localSteps}`
      }`;
    log.progress({
      done: this.#stepsBefore + all.reduce((sum, [, taken]) => sum + taken, 0),
      total: totalSteps,
      unit: "steps",
      ...(lossNats === null ? {} : { lossNats }),
      tokens: (steps - before) * stepTokens,
      note: `round ${round}: ${all.map(place).join(", ")}`,
    });
  }
}

/** What participants were sent. */
interface Sent {
  readonly shared: ObjectRef;
  readonly optimizer: TrainHead["optimizer"];
}
