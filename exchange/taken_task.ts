/**
 * A task in the hands of a worker.
 */
import type { Json } from "../base/mod.ts";
import type { JsonRecord, ObjectRef, TakenTask, TaskHead, TaskName } from "./exchange.ts";
import { mostStatementBytes, objectRefOf, objectsFolder, replyName } from "./layout.ts";
import type { Lease } from "./leases.ts";
import { createOnce, type NamedBytes } from "./named_bytes.ts";
import { getFile, putFile } from "./objects.ts";
import { publicKeyOf, readSigned, signed } from "./signed.ts";

/** How long a worker leaves a task alone that it has declined. */
const restAfterDeclineMs = 60_000;

export class Taken implements TakenTask {
  readonly name: TaskName;
  readonly head: TaskHead;
  readonly #place: NamedBytes;
  readonly #lease: Lease;
  readonly #privateKey: string;

  constructor(
    place: NamedBytes,
    name: TaskName,
    head: TaskHead,
    lease: Lease,
    privateKey: string,
  ) {
    [this.#place, this.name, this.head] = [place, name, head];
    [this.#lease, this.#privateKey] = [lease, privateKey];
  }

  async get(ref: ObjectRef, file: string): Promise<void> {
    const checked = objectRefOf(ref);
    const folder = objectsFolder(this.name.run, this.name.source, checked);
    await getFile(this.#place, folder, checked, file, checked.bytes);
  }

  async put(file: string): Promise<ObjectRef> {
    const { run, source, round } = this.name;
    const where = { area: "up", round } as const;
    return { ...where, ...await putFile(this.#place, objectsFolder(run, source, where), file) };
  }

  async answer(answer: JsonRecord): Promise<JsonRecord> {
    const about = { ...this.name };
    const said = signed("answer", about, answer, this.#privateKey);
    const name = replyName(this.name, "answer");
    const standing = await createOnce(this.#place, name, said, mostStatementBytes);
    await this.#lease.end(0);
    return readSigned(standing, "answer", about, publicKeyOf(this.#privateKey));
  }

  get lost(): AbortSignal {
    return this.#lease.lost;
  }

  async isLost(): Promise<boolean> {
    return await this.#lease.isLost();
  }

  async decline(why: JsonRecord): Promise<void> {
    const said = signed("declined", { ...this.name }, why, this.#privateKey);
    await this.#place.replace(replyName(this.name, "declined"), said);
    await this.#lease.end(restAfterDeclineMs);
  }

  note(progress: Json): void {
    this.#lease.note(progress);
  }

  async release(): Promise<void> {
    await this.#lease.end(0);
  }
}
