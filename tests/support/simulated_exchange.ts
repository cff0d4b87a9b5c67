/**
 * A place for bytes by name that each party reaches over a link of its own: with a rate in each direction, a time that each request
 * takes, and hours in which it is cut. It waits by `setTimeout`: under `VirtualTime` nobody waits.
 *
 * Links are the whole model of time. The server itself is as fast as it is asked. Large contents on one link and in one direction pass one
 * after the other, each at the full rate; small ones do not wait for them.
 */
import { join } from "node:path";
import { partBytes } from "../../exchange/objects.ts";
import {
  type Entry,
  type NamedBytes,
  TooLargeError,
  UnreachableError,
} from "../../exchange/named_bytes.ts";

type Operation = "read" | "create" | "replace" | "find" | "list" | "remove";

/** When a link is cut: from, to. */
export type Outage = readonly [number, number];

export interface Link {
  readonly upBytesPerMs: number;
  readonly downBytesPerMs: number;
  /** What a request takes beside its bytes. */
  readonly latencyMs: Readonly<Record<Operation, number>>;
  /** The outage at a time, or the first after it; undefined for none. */
  readonly outageFrom: (ms: number) => Outage | undefined;
}

/** How many bytes the links carry for a content under a name. */
export type Weigh = (name: string, bytes: Uint8Array) => number;

export const asTheyAre: Weigh = (_name, { length }) => length;

/** Contents below this size pass beside larger ones. */
const smallBytes = 1 << 16;
/** Contents from this size on lie in files: memory is of the parties. */
const fileBytes = 1 << 12;

type Content = Uint8Array<ArrayBuffer> | { readonly file: string; readonly bytes: number };

interface Stored {
  readonly content: Content;
  readonly tag: string;
}

export class SimulatedServer {
  readonly #folder: string;
  readonly #pollMs: NamedBytes["pollMs"];
  readonly #weigh: Weigh;
  /** What lies in each folder by its name there; undefined stands for a folder. */
  readonly #folders = new Map<string, Map<string, Stored | undefined>>();
  #writes = 0;
  /** Hear of each write, and of each removal. */
  onWritten: (name: string) => void = () => {};
  onRemoved: (name: string) => void = () => {};

  /** @param folder For large contents. */
  constructor(
    folder: string,
    pollMs: NamedBytes["pollMs"],
    weigh: Weigh = asTheyAre,
  ) {
    [this.#folder, this.#pollMs, this.#weigh] = [folder, pollMs, weigh];
    Deno.mkdirSync(folder, { recursive: true });
  }

  /** The place as it is at the end of a link. */
  open(link: Link): NamedBytes {
    return new LinkedBytes(this, link, this.#pollMs, this.#weigh);
  }

  get(name: string): Content | undefined {
    const [folder, last] = split(name);
    return this.#folders.get(folder)?.get(last)?.content;
  }

  bytesOf(name: string): Uint8Array<ArrayBuffer> | undefined {
    const content = this.get(name);
    return content === undefined || content instanceof Uint8Array
      ? content
      : Deno.readFileSync(content.file);
  }

  set(name: string, bytes: Uint8Array<ArrayBuffer>): void {
    const tag = String(++this.#writes);
    this.#drop(this.get(name));
    let content: Content = bytes.slice();
    if (bytes.length >= fileBytes) {
      const file = join(this.#folder, tag);
      Deno.writeFileSync(file, bytes);
      content = { file, bytes: bytes.length };
    }
    for (let [folder, last] = split(name), entry: Stored | undefined = { content, tag };;) {
      const there = this.#folders.get(folder);
      if (there !== undefined) {
        there.set(last, entry);
        break;
      }
      this.#folders.set(folder, new Map([[last, entry]]));
      if (folder === "") break;
      [folder, last] = split(folder);
      entry = undefined;
    }
    this.onWritten(name);
  }

  entry(name: string): Entry | undefined {
    const [folder, last] = split(name);
    const stored = this.#folders.get(folder)?.get(last);
    return stored && entryOf(last, stored);
  }

  list(folder: string): readonly Entry[] {
    return [...this.#folders.get(folder) ?? []]
      .map(([name, stored]) => entryOf(name, stored))
      .sort((a, b) => a.name < b.name ? -1 : 1);
  }

  remove(name: string): void {
    this.#remove(name);
    this.onRemoved(name);
  }

  #remove(name: string): void {
    for (const inner of [...this.#folders.get(name)?.keys() ?? []]) {
      this.#remove(`${name}/${inner}`);
    }
    this.#drop(this.get(name));
    for (let [folder, last] = split(name);;) {
      const there = this.#folders.get(folder);
      there?.delete(last);
      if (there === undefined || there.size > 0 || folder === "") return;
      this.#folders.delete(folder);
      [folder, last] = split(folder);
    }
  }

  #drop(content: Content | undefined): void {
    if (content !== undefined && !(content instanceof Uint8Array)) Deno.removeSync(content.file);
  }
}

function entryOf(name: string, stored: Stored | undefined): Entry {
  if (stored === undefined) return { name };
  const { content, tag } = stored;
  return { name, bytes: content instanceof Uint8Array ? content.length : content.bytes, tag };
}

/** The folder of a name, and what it is called there. */
function split(name: string): [string, string] {
  const at = name.lastIndexOf("/");
  return at < 0 ? ["", name] : [name.slice(0, at), name.slice(at + 1)];
}

class LinkedBytes implements NamedBytes {
  readonly place = "simulated";
  readonly pollMs: NamedBytes["pollMs"];
  readonly #server: SimulatedServer;
  readonly #link: Link;
  readonly #weigh: Weigh;
  readonly #busyUntilMs = { up: 0, down: 0 };
  /** Bytes of whole parts that have passed of what was cut off, by direction and name. */
  readonly #passed = new Map<string, number>();

  constructor(
    server: SimulatedServer,
    link: Link,
    pollMs: NamedBytes["pollMs"],
    weigh: Weigh,
  ) {
    [this.#server, this.#link, this.pollMs, this.#weigh] = [server, link, pollMs, weigh];
  }

  async read(name: string, maxBytes: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    await this.#pass("up", name, 0, "read");
    const bytes = this.#server.bytesOf(name);
    if (bytes === undefined) return undefined;
    if (bytes.length > maxBytes) throw new TooLargeError(`Cannot read ${name}: it is too large`);
    await this.#pass("down", name, this.#weigh(name, bytes));
    return bytes;
  }

  async create(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
    await this.#pass("up", name, this.#weigh(name, bytes), "create");
    if (this.#server.get(name) !== undefined) return false;
    this.#server.set(name, bytes);
    return true;
  }

  async replace(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#pass("up", name, this.#weigh(name, bytes), "replace");
    this.#server.set(name, bytes);
  }

  async find(name: string): Promise<Entry | undefined> {
    await this.#pass("up", name, 0, "find");
    return this.#server.entry(name);
  }

  async list(folder: string): Promise<readonly Entry[]> {
    await this.#pass("up", folder, 0, "list");
    return this.#server.list(folder);
  }

  async remove(name: string): Promise<void> {
    await this.#pass("up", name, 0, "remove");
    this.#server.remove(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  /** Waits until bytes have passed, and the time of a request. @throws UnreachableError where the link is cut, or is before they have */
  async #pass(
    direction: "up" | "down",
    name: string,
    bytes: number,
    operation?: Operation,
  ): Promise<void> {
    const link = this.#link;
    const rate = direction === "up" ? link.upBytesPerMs : link.downBytesPerMs;
    const key = `${direction} ${name}`;
    const passed = Math.min(bytes, this.#passed.get(key) ?? 0);
    const requests = Math.max(1, Math.ceil((bytes - passed) / partBytes));
    const waitMs = operation === undefined ? 0 : requests * link.latencyMs[operation];
    const nowMs = performance.now();
    const isLarge = bytes >= smallBytes;
    const beginMs = isLarge ? Math.max(nowMs, this.#busyUntilMs[direction]) : nowMs;
    const endMs = beginMs + waitMs + (bytes - passed) / rate;
    const [cutMs] = link.outageFrom(nowMs) ?? [Infinity];
    if (isLarge) this.#busyUntilMs[direction] = Math.min(endMs, Math.max(nowMs, cutMs));
    await until(Math.min(endMs, Math.max(nowMs, cutMs)));
    if (cutMs >= endMs) return void this.#passed.delete(key);
    if (cutMs > beginMs && isLarge) {
      const more = Math.floor((cutMs - beginMs) * rate / partBytes) * partBytes;
      this.#passed.set(key, Math.min(bytes, passed + more));
    }
    throw new UnreachableError("Cannot reach the exchange: its link is cut");
  }
}

async function until(ms: number): Promise<void> {
  const waitMs = ms - performance.now();
  if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
}
