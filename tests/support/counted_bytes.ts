/**
 * A place for bytes by name that counts what passes: by who reads or writes, and by what it is.
 */
import type { Entry, NamedBytes } from "../../exchange/named_bytes.ts";
import { asTheyAre, type Weigh } from "./simulated_exchange.ts";

/** Files; what is signed; what workers say again and again while they are at it. */
const kinds = ["objects", "statements", "leases"] as const;
type Kind = (typeof kinds)[number];

/** Bytes of contents. Lists, and what a protocol adds, are not among them. */
export interface Traffic {
  readonly up: Record<Kind, number>;
  readonly down: Record<Kind, number>;
  requests: number;
}

export function noTraffic(): Traffic {
  const none = () => ({ objects: 0, statements: 0, leases: 0 });
  return { up: none(), down: none(), requests: 0 };
}

/** @param to What the others are added to. */
export function addTraffic(to: Traffic, ...others: readonly Traffic[]): Traffic {
  for (const other of others) {
    to.requests += other.requests;
    for (const kind of kinds) {
      to.up[kind] += other.up[kind];
      to.down[kind] += other.down[kind];
    }
  }
  return to;
}

/** All bytes of a direction. */
export function bytesOf(counts: Readonly<Record<Kind, number>>): number {
  return kinds.reduce((sum, kind) => sum + counts[kind], 0);
}

function kindOf(name: string): Kind {
  if (name.includes("/objects/")) return "objects";
  return name.includes("/working-") ? "leases" : "statements";
}

export class CountedBytes implements NamedBytes {
  readonly place: string;
  readonly pollMs: NamedBytes["pollMs"];
  readonly traffic = noTraffic();
  readonly #inner: NamedBytes;
  readonly #weigh: Weigh;

  /** @param weigh What bytes under a name count as; default: as many. */
  constructor(inner: NamedBytes, weigh = asTheyAre) {
    [this.#inner, this.#weigh] = [inner, weigh];
    [this.place, this.pollMs] = [inner.place, inner.pollMs];
  }

  async read(name: string, maxBytes: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    this.traffic.requests++;
    const bytes = await this.#inner.read(name, maxBytes);
    this.traffic.down[kindOf(name)] += bytes ? this.#weigh(name, bytes) : 0;
    return bytes;
  }

  async create(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
    this.traffic.requests++;
    const isFirst = await this.#inner.create(name, bytes);
    this.traffic.up[kindOf(name)] += this.#weigh(name, bytes);
    return isFirst;
  }

  async replace(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    this.traffic.requests++;
    await this.#inner.replace(name, bytes);
    this.traffic.up[kindOf(name)] += this.#weigh(name, bytes);
  }

  find(name: string): Promise<Entry | undefined> {
    this.traffic.requests++;
    return this.#inner.find(name);
  }

  list(folder: string): Promise<readonly Entry[]> {
    this.traffic.requests++;
    return this.#inner.list(folder);
  }

  remove(name: string): Promise<void> {
    this.traffic.requests++;
    return this.#inner.remove(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inner[Symbol.asyncDispose]();
  }
}
