/**
 * The leader's side of an exchange, over any place for bytes by name.
 */
import {
  type JsonRecord,
  type LeaderExchange,
  type ObjectRef,
  RefusedError,
  type Reply,
  type TaskHead,
  type TaskName,
} from "./exchange.ts";
import {
  checkSource,
  mostStatementBytes,
  nameOf,
  objectRefOf,
  objectsFolder,
  offerName,
  repliesFolder,
  type ReplyKind,
  replyName,
  roundFolders,
  taskOfFile,
  tasksFolder,
} from "./layout.ts";
import { type Entry, type NamedBytes, TooLargeError } from "./named_bytes.ts";
import { getFile, putFile } from "./objects.ts";
import { closedRound, closeRound } from "./round_records.ts";
import { publicKeyOf, readSigned, recordFrom, signed } from "./signed.ts";
import { Pace, unlessAborted } from "./waiting.ts";

export interface LeaderOptions {
  /** The action key of the training: 64 hexadecimal digits. */
  readonly run: string;
  /** The leader's; silos know the public one. */
  readonly privateKey: string;
  /** The public key of who answers for each source. */
  readonly silos: Readonly<Record<string, string>>;
  /** How long a task may be silent before it is offered again. Default: 10 minutes. */
  readonly offerAgainMs?: number;
}

/** Folders that are listed at once: a look over a network takes some 50 ms. */
const looksAtOnce = 16;

/** Does the same with each item, with some of them at once. */
async function eachOf<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  for (let i = 0; i < items.length; i += looksAtOnce) {
    await Promise.all(items.slice(i, i + looksAtOnce).map(act));
  }
}

export class Leader implements LeaderExchange {
  readonly #place: NamedBytes;
  readonly #options: LeaderOptions;
  readonly #publicKey: string;
  /** What was offered, by the digest of its head. */
  readonly #offers = new Map<string, Uint8Array<ArrayBuffer>>();
  /** Sources of which something may be there that is to be forgotten: at first all, for another process may have led before. */
  #unforgotten: Set<string>;

  constructor(place: NamedBytes, options: LeaderOptions) {
    this.#place = place;
    this.#options = options;
    this.#publicKey = publicKeyOf(options.privateKey);
    Object.keys(options.silos).forEach(checkSource);
    this.#unforgotten = new Set(Object.keys(options.silos));
  }

  async put(
    to: "shared" | { readonly down: string },
    round: number,
    file: string,
  ): Promise<ObjectRef> {
    const where = { area: to === "shared" ? to : "down", round } as const;
    const source = to === "shared" ? "" : to.down;
    const folder = objectsFolder(this.#options.run, source, where);
    return { ...where, ...await putFile(this.#place, folder, file) };
  }

  async get(source: string, ref: ObjectRef, file: string, maxBytes: number): Promise<void> {
    const checked = objectRefOf(ref);
    checkSource(source);
    if (checked.area !== "up") {
      throw new RefusedError(
        `Cannot get an object of "${source}": expected area up, found ${checked.area}`,
      );
    }
    const folder = objectsFolder(this.#options.run, source, checked);
    await getFile(this.#place, folder, checked, file, maxBytes);
  }

  async offer(head: TaskHead): Promise<TaskName> {
    const task = nameOf(head);
    if (task.run !== this.#options.run || this.#options.silos[task.source] === undefined) {
      throw new RangeError(
        `Cannot offer a task: expected one of run ${this.#options.run} for ${
          Object.keys(this.#options.silos).join(", ")
        }, found run ${task.run}, source "${task.source}"`,
      );
    }
    this.#offers.set(task.task, signed("task", { ...task }, head, this.#options.privateKey));
    this.#unforgotten.add(task.source);
    await this.#sayOffer(task);
    return task;
  }

  async withdraw(task: TaskName): Promise<void> {
    this.#offers.delete(task.task);
    await this.#place.remove(offerName(task));
  }

  async *replies(tasks: readonly TaskName[], signal: AbortSignal): AsyncGenerator<Reply> {
    const waiting = new Map(tasks.map((task) => [task.task, task]));
    const seen = new Map<string, string | undefined>();
    const pace = new Pace(this.#place.pollMs);
    let saidAt = performance.now();
    while (waiting.size > 0 && !signal.aborted) {
      const replies = await unlessAborted(signal, this.#look([...waiting.values()], seen));
      for (const reply of replies ?? []) {
        if (reply.kind !== "working") pace.hurry(); // progress comes all the time
        if (reply.kind === "answer" || reply.kind === "refused") {
          waiting.delete(reply.task.task);
          await unlessAborted(signal, this.withdraw(reply.task));
        }
        yield reply;
      }
      if (performance.now() - saidAt > (this.#options.offerAgainMs ?? 600_000)) {
        saidAt = performance.now();
        const again = [...waiting.values()].map((task) => this.#sayOffer(task));
        await unlessAborted(signal, Promise.all(again));
      }
      if (waiting.size > 0) await pace.wait(signal);
    }
  }

  async closeRound(round: number, record: JsonRecord): Promise<JsonRecord> {
    const { run, privateKey } = this.#options;
    return await closeRound(this.#place, run, round, record, privateKey);
  }

  async closed(round: number): Promise<JsonRecord | undefined> {
    return await closedRound(this.#place, this.#options.run, round, this.#publicKey);
  }

  async forget(
    beforeRound: number,
    except: readonly { readonly source: string; readonly round: number }[] = [],
  ): Promise<void> {
    await this.#forgetIn(roundFolders(this.#options.run, "").shared, beforeRound);
    await eachOf([...this.#unforgotten].sort(), async (source) => {
      this.#unforgotten.delete(source);
      let isLeft = true;
      try {
        const kept = except.filter((one) => one.source === source).map(({ round }) => round);
        isLeft = await this.#forgetSource(source, beforeRound, kept);
      } finally {
        if (isLeft) this.#unforgotten.add(source);
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#place[Symbol.asyncDispose]();
  }

  /** @returns whether something is left */
  async #forgetSource(
    source: string,
    beforeRound: number,
    kept: readonly number[],
  ): Promise<boolean> {
    const { run } = this.#options;
    const { down, up } = roundFolders(run, source);
    let isLeft = await this.#forgetIn(down, beforeRound);
    for (const folder of up) isLeft = await this.#forgetIn(folder, beforeRound, kept) || isLeft;
    for (const { name } of await this.#place.list(tasksFolder(source))) {
      const task = taskOfFile(source, name);
      if (task?.run !== run) continue;
      if (task.round < beforeRound) await this.withdraw(task);
      else isLeft = true;
    }
    return isLeft;
  }

  /** @returns whether something is left */
  async #forgetIn(
    folder: string,
    beforeRound: number,
    kept: readonly number[] = [],
  ): Promise<boolean> {
    let isLeft = false;
    for (const { name } of await this.#place.list(folder)) {
      const round = Number(name);
      if (round < beforeRound && !kept.includes(round)) {
        await this.#place.remove(`${folder}/${name}`);
      } else isLeft = true;
    }
    return isLeft;
  }

  async #sayOffer(task: TaskName): Promise<void> {
    const head = this.#offers.get(task.task);
    if (head === undefined) {
      throw new RangeError(`Cannot wait for task ${task.task}: expected it offered before`);
    }
    await this.#place.replace(offerName(task), head);
  }

  /** What is new of tasks. @param seen The tags of what was seen, by name. */
  async #look(
    tasks: readonly TaskName[],
    seen: Map<string, string | undefined>,
  ): Promise<readonly Reply[]> {
    const byFolder = Map.groupBy(tasks, repliesFolder);
    const folders = [...byFolder.keys()];
    const replies: Reply[] = [];
    await eachOf(folders, async (folder) => {
      const entries = new Map((await this.#place.list(folder)).map((e) => [e.name, e]));
      const news = byFolder.get(folder)!.map((task) => this.#newsOf(task, entries, seen));
      replies.push(...(await Promise.all(news)).flat());
    });
    return replies;
  }

  async #newsOf(
    task: TaskName,
    entries: ReadonlyMap<string, Entry>,
    seen: Map<string, string | undefined>,
  ): Promise<readonly Reply[]> {
    const news = async (kind: ReplyKind) => {
      const entry = entries.get(`${kind}-${task.task}`);
      const name = replyName(task, kind);
      if (entry === undefined || seen.get(name) === entry.tag) return [];
      seen.set(name, entry.tag);
      return await this.#read(task, kind);
    };
    const answer = await news("answer");
    return answer.length > 0 ? answer : [...await news("declined"), ...await news("working")];
  }

  async #read(task: TaskName, kind: ReplyKind): Promise<readonly Reply[]> {
    try {
      const bytes = await this.#place.read(replyName(task, kind), mostStatementBytes);
      if (bytes === undefined) return [];
      if (kind === "working") {
        const { progress } = recordFrom(new TextDecoder().decode(bytes)) ?? {};
        return progress === undefined || progress === null ? [] : [{ task, kind, progress }];
      }
      const said = readSigned(bytes, kind, { ...task }, this.#options.silos[task.source]);
      return kind === "answer" ? [{ task, kind, answer: said }] : [{ task, kind, why: said }];
    } catch (error) {
      const isBad = error instanceof RefusedError || error instanceof TooLargeError;
      if (!isBad) throw error;
      return kind === "answer" ? [{ task, kind: "refused", why: error.message }] : [];
    }
  }
}
