/**
 * Rounds whose participants are trained elsewhere: tasks are offered in an exchange, and answers read when their turn comes. What others
 * make does not depend on who makes it.
 */
import { canonicalJson, type Log, StageError } from "../base/mod.ts";
import type { JsonRecord, LeaderExchange, ObjectRef, Reply, TaskName } from "../exchange/mod.ts";
import {
  type Ahead,
  type Answered,
  type Group,
  type LocalHelpers,
  type LocalTask,
  type RoundRecord,
  type RoundSoFar,
  type Score,
  TensorFiles,
} from "../training/mod.ts";
import { AnswerReader, isBadAnswer } from "./answer_reader.ts";
import { type Quorum, RoundDeadline } from "./round_deadline.ts";
import type { RoundsExtent } from "./rounds_extent.ts";
import type { TaskProgress, TrainHead } from "./silo_tasks.ts";
import { shortened } from "./words_of_others.ts";

interface ExchangeRoundsOptions extends RoundsExtent {
  readonly exchange: LeaderExchange;
  /** The run as the exchange knows it. */
  readonly run: string;
  /**
   * Whose the silos are. With those of the user who leads, a round has all its answers, and the run the bytes of one machine: what is refused
   * ends the run, and so does a task that is declined twice. Others may fail or mean no good: what is refused is left out, as is a
   * change by `normRule`, and who declines is waited for.
   */
  readonly silos: "own" | "foreign";
  /** Has silos score, where the text is with them. */
  readonly score?: Score;
  /** Closes rounds without those who are silent; default: waits for all. */
  readonly quorum?: Quorum;
  /** For files on their way. */
  readonly folder: string;
  /** Rejects when nobody is there any more who could answer. */
  readonly failed: Promise<never>;
  readonly log: Log;
  readonly signal: AbortSignal;
}

type Waiting = ReadonlyMap<string, PromiseWithResolvers<Answered>>;

/** A task that was offered. */
interface Offered {
  readonly name: TaskName;
  /** Of the shared parameters that were sent. */
  readonly bytes: number;
  readonly make: () => LocalTask;
  /** Reasons of those who cannot answer now. */
  readonly declined: string[];
}

export class ExchangeRounds implements LocalHelpers {
  readonly score: Score | undefined;
  readonly #options: ExchangeRoundsOptions;
  readonly #files: TensorFiles;
  readonly #answers: AnswerReader;
  /** Steps that participants of the round have taken, by name, and those before it. */
  #steps = new Map<string, number>();
  #stepsBefore = 0;
  /** All rounds before this one. */
  #forgotten = 0;

  constructor(options: ExchangeRoundsOptions) {
    this.#options = options;
    this.score = options.score;
    this.#files = new TensorFiles(options.folder);
    this.#answers = new AnswerReader({
      ...options,
      files: this.#files,
      needsLoss: options.score !== undefined,
    });
  }

  train(tasks: ReadonlyMap<string, () => LocalTask>, round: RoundSoFar): Ahead {
    const waiting: Waiting = new Map(
      [...tasks.keys()].map((name) => [name, Promise.withResolvers<Answered>()]),
    );
    const fail = (error: unknown) => waiting.forEach(({ reject }) => reject(error));
    for (const { promise } of waiting.values()) promise.catch(() => {}); // thrown where it is asked for
    this.#options.failed.catch(fail);
    this.#play(tasks, round, waiting).catch(fail);
    return new Map([...waiting].map(([name, { promise }]) => [name, promise]));
  }

  async close(round: number, { accepted, leftOut }: RoundRecord): Promise<void> {
    const record = { accepted, leftOut };
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

  /** Plays a round: tasks are offered, answers taken as they come, and who is silent is left out where there is a quorum. */
  async #play(
    tasks: ReadonlyMap<string, () => LocalTask>,
    { round, sampled, finished, norms }: RoundSoFar,
    waiting: Waiting,
  ): Promise<void> {
    const { exchange, signal, silos, quorum } = this.#options;
    const closed = await exchange.closed(round) as RoundRecord | undefined;
    const open = await this.#offerAll(tasks, closed, waiting);
    // What a record says is judged already, and nobody else is waited for.
    const judged = silos === "foreign" && closed === undefined ? norms : undefined;
    using deadline = new RoundDeadline(closed ? undefined : quorum, sampled, finished);
    const names = [...open.values()].map(({ name }) => name);
    const until = AbortSignal.any([signal, deadline.signal]);
    for await (const reply of exchange.replies(names, until)) {
      const { source } = reply.task;
      const one = open.get(source)!;
      const answered = await this.#take(one, reply, judged);
      if (answered === undefined) continue;
      if (answered.kind === "made") deadline.accept();
      else if (closed) throw new StageError(this.#notAsClosed(one, answered.why));
      open.delete(source);
      waiting.get(source)!.resolve(answered);
    }
    signal.throwIfAborted();
    for (const [source, { name }] of open) {
      await exchange.withdraw(name);
      const why = `silent for ${quorum!.afterSeconds} s`;
      waiting.get(source)!.resolve(this.#leftOut(name, why));
    }
  }

  /** Offers the tasks of a round, except those that the record of a closed round leaves out. */
  async #offerAll(
    tasks: ReadonlyMap<string, () => LocalTask>,
    closed: RoundRecord | undefined,
    waiting: Waiting,
  ): Promise<Map<string, Offered>> {
    this.#files.keepOnly(new Set()); // what was read in earlier rounds is in the files of the run
    this.#steps = new Map([...tasks.keys()].map((name) => [name, 0]));
    this.#stepsBefore = Infinity;
    const open = new Map<string, Offered>();
    let sent: Sent | undefined;
    for (const [name, make] of tasks) {
      this.#options.signal.throwIfAborted();
      const why = closed?.leftOut[name];
      if (why !== undefined) {
        waiting.get(name)!.resolve({ kind: "leftOut", why });
        continue;
      }
      const task = make();
      this.#stepsBefore = Math.min(this.#stepsBefore, task.stepsBefore);
      if (sent === undefined || !this.#options.sendsAlike) sent = await this.#send(task);
      open.set(name, await this.#offer(task, sent, make));
    }
    return open;
  }

  /** What a reply makes of a task; undefined for one that is still open. @throws StageError for what ends the run */
  async #take(
    one: Offered,
    reply: Reply,
    norms: RoundSoFar["norms"] | undefined,
  ): Promise<Answered | undefined> {
    switch (reply.kind) {
      case "answer":
        this.#note(one, { steps: this.#options.localSteps, lossNats: null });
        return await this.#read(one, reply.answer, norms);
      case "working":
        this.#note(one, reply.progress as Partial<TaskProgress>);
        return undefined;
      case "declined":
        this.#hearDeclined(one, shortened(reply.why.reason));
        return undefined;
      case "refused":
        return this.#refuse(one, reply.why);
      default:
        return reply satisfies never;
    }
  }

  async #read(
    { name, bytes, make }: Offered,
    said: JsonRecord,
    norms: RoundSoFar["norms"] | undefined,
  ): Promise<Answered> {
    try {
      const outcome = await this.#answers.read({ task: make(), bytes, norms }, said);
      return { kind: "made", outcome };
    } catch (error) {
      if (!isBadAnswer(error)) throw error;
      return this.#refuse({ name }, error.message, error);
    }
  }

  /** Leaves out a participant whose answer can be none. @throws StageError where silos are the user's own */
  #refuse({ name }: Pick<Offered, "name">, message: string, cause?: Error): Answered {
    const why = shortened(message);
    if (this.#options.silos === "foreign") return this.#leftOut(name, why);
    throw new StageError(
      `Cannot take the answer of ${name.source} in round ${name.round}: ${why}`,
      { cause },
    );
  }

  #leftOut({ source, round }: TaskName, why: string): Answered {
    this.#options.log.warn(`left ${source} out of round ${round}`, { reason: why });
    return { kind: "leftOut", why };
  }

  /** @throws StageError where silos are the user's own and it is not the first time: so it is not about one machine or moment */
  #hearDeclined({ name: { source, round }, declined }: Offered, reason: string): void {
    if (this.#options.silos === "own" && declined.length > 0) throw new StageError(reason);
    if (!declined.includes(reason)) {
      this.#options.log.warn(`${source} cannot answer in round ${round} now`, { reason });
    }
    declined.push(reason);
  }

  #notAsClosed({ name: { source, round } }: Offered, why: string): string {
    return `Cannot go on with round ${round}, which is closed: expected the answer of ${source} that was accepted, found ${why}`;
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

  async #offer(
    task: LocalTask,
    { shared, optimizer }: Sent,
    make: () => LocalTask,
  ): Promise<Offered> {
    const { name: source, round, held, heldAtBest } = task;
    const { exchange, run } = this.#options;
    const ask = { kind: "train", shared, optimizer, held, heldAtBest } as const;
    const head: TrainHead = { run, round, source, ...ask };
    return { name: await exchange.offer(head), bytes: shared.bytes, make, declined: [] };
  }

  /** Passes on how far a participant is, as steps of the run. */
  #note({ name: { source, round } }: Offered, said: Partial<TaskProgress>): void {
    const { log, localSteps, stepTokens, totalSteps } = this.#options;
    const before = this.#steps.get(source)!;
    const steps = Math.min(localSteps, Number(said.steps));
    const lossNats = Number.isFinite(said.lossNats) ? said.lossNats! : null;
    if (!(steps > before)) return; // it may be no number
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
