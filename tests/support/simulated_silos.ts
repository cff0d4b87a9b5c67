/**
 * Thousands of silos of a simulated exchange. One that has a task runs the code of a real silo. The others wait: when they look for tasks is
 * reckoned from the pace of a real one, and only the look that finds a task is made.
 */
import { Random, seedOf } from "../../base/mod.ts";
import { taskOfFile, tasksFolder } from "../../exchange/layout.ts";
import type { NamedBytes } from "../../exchange/named_bytes.ts";
import { addTraffic, CountedBytes, noTraffic, type Traffic } from "./counted_bytes.ts";
import { type Federation, sourceName } from "./federation.ts";
import { type SiloWork, workAsSilo } from "./federation_silo.ts";
import type { SiloModel } from "./silo_models.ts";
import type { SimulatedServer, Weigh } from "./simulated_exchange.ts";

export interface SilosOptions {
  readonly federation: Federation;
  readonly server: SimulatedServer;
  readonly training: SiloWork["training"];
  readonly modelOf: (name: string) => SiloModel;
  readonly pollMs: NamedBytes["pollMs"];
  readonly weigh?: Weigh;
}

/** A silo that has a task, or has just answered one. */
interface Awake {
  readonly end: AbortController;
  isBusy: boolean;
  place?: CountedBytes;
}

/** Who finds the exchange away looks again after at most so long. */
const mostPauseMs = 30_000;

export class SimulatedSilos {
  readonly #options: SilosOptions;
  readonly #awake = new Map<string, Awake>();
  /** Since when silos that have had a task have none. */
  readonly #idleSinceMs = new Map<string, number>();
  readonly #models = new Map<string, SiloModel>();
  /** Tasks of training, by digest; others score. */
  readonly #trained = new Set<string>();
  /** When each result of training was there, by round and source. */
  readonly answered = new Map<number, Map<string, number>>();
  readonly #traffic = noTraffic();
  /** Rejects when a silo fails. */
  readonly failed: Promise<never>;
  readonly #fail: (error: unknown) => void;

  constructor(options: SilosOptions) {
    this.#options = options;
    const { promise, reject } = Promise.withResolvers<never>();
    [this.failed, this.#fail] = [promise, reject];
    promise.catch(() => {}); // heard where rounds are awaited
    options.server.onWritten = (name) => this.#hear(name);
    options.server.onRemoved = (name) => this.#hearRemoved(name);
  }

  /** Of all of them until now, looks of those that wait included. */
  get traffic(): Traffic {
    const { federation: { sources }, pollMs } = this.#options;
    const waiting = { ...noTraffic(), requests: 0 };
    for (let at = 0; at < sources; at++) {
      const name = sourceName(at);
      if (this.#awake.has(name)) continue;
      const idleMs = performance.now() - (this.#idleSinceMs.get(name) ?? 0);
      waiting.requests += Math.floor(idleMs / pollMs.most);
    }
    const awake = [...this.#awake.values()].flatMap(({ place }) => place?.traffic ?? []);
    return addTraffic(noTraffic(), this.#traffic, waiting, ...awake);
  }

  modelOf(name: string): SiloModel {
    const known = this.#models.get(name);
    if (known !== undefined) return known;
    const model = this.#options.modelOf(name);
    this.#models.set(name, model);
    return model;
  }

  /** Whether the link of a silo was cut at some time. */
  awayBetween(name: string, fromMs: number, toMs: number): boolean {
    const { link } = this.modelOf(name);
    const [from] = link.outageFrom(fromMs) ?? [Infinity];
    return from < toMs;
  }

  #hear(name: string): void {
    const [area, source, folder, ...rest] = name.split("/");
    if (area === "down" && folder === "tasks") {
      const said = JSON.parse(new TextDecoder().decode(this.#options.server.bytesOf(name)));
      const { about, value } = JSON.parse(said.text);
      if (value.kind === "train") this.#trained.add(about.task);
      this.#wake(source);
    }
    const [, round, reply] = rest;
    if (area !== "up" || !reply?.startsWith("answer-")) return;
    if (!this.#trained.delete(reply.slice("answer-".length))) return;
    const answered = this.answered.get(Number(round)) ?? new Map<string, number>();
    this.answered.set(Number(round), answered);
    answered.set(source, performance.now());
  }

  /** A silo that looked on for tasks after an answer waits as others do once its last offer is gone. */
  #hearRemoved(name: string): void {
    const [area, source, folder] = name.split("/");
    if (area !== "down" || folder !== "tasks") return;
    const awake = this.#awake.get(source);
    if (awake && !awake.isBusy && !this.#hasTask(source)) awake.end.abort();
  }

  #hasTask(source: string): boolean {
    return this.#options.server.list(tasksFolder(source))
      .some(({ name }) => taskOfFile(source, name) !== undefined);
  }

  #wake(source: string): void {
    if (this.#awake.has(source)) return;
    const awake: Awake = { end: new AbortController(), isBusy: false };
    this.#awake.set(source, awake);
    setTimeout(() => {
      this.#work(source, awake).catch(this.#fail);
    }, this.#nextLookMs(source) - performance.now());
  }

  async #work(source: string, awake: Awake): Promise<void> {
    const { federation, server, training, weigh } = this.#options;
    const { link, stepMs } = this.modelOf(source);
    const place = new CountedBytes(server.open(link), weigh);
    awake.place = place;
    const at = Number(source.slice(sourceName(0).indexOf("0")));
    if (this.#hasTask(source)) {
      await workAsSilo({ federation, at, training, stepMs }, place, {
        signal: awake.end.signal,
        onTaken: () => awake.isBusy = true,
        onAnswered: () => {
          awake.isBusy = false;
          if (!this.#hasTask(source)) awake.end.abort();
        },
      });
    }
    addTraffic(this.#traffic, place.traffic);
    this.#idleSinceMs.set(source, performance.now());
    this.#awake.delete(source);
    if (this.#hasTask(source)) this.#wake(source);
  }

  /** When a silo that waits looks next: at the pace of who has found nothing for a while. */
  #nextLookMs(source: string): number {
    const { link } = this.modelOf(source);
    const { least, most } = this.#options.pollMs;
    const random = new Random(seedOf(this.#options.federation.seed, `silo/${source}/looks`));
    const sinceMs = this.#idleSinceMs.get(source) ?? -most * (1 + random.float64());
    const nowMs = performance.now();
    let lookMs = sinceMs;
    for (let pause = least; lookMs < nowMs; pause = Math.min(most, 1.5 * pause)) {
      const each = pause + link.latencyMs.list;
      lookMs += pause < most ? each : each * Math.ceil((nowMs - lookMs) / each);
    }
    const [from, end] = link.outageFrom(lookMs) ?? [Infinity, Infinity];
    return from <= lookMs ? end + mostPauseMs * random.float64() : lookMs;
  }
}
