/**
 * A run of the command line whose sources are trained by two processes `silo`, while harm is done to it at random moments: its
 * results must be those of a run alone.
 */
import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import { join } from "node:path";
import type { Random } from "../../base/mod.ts";
import { pipeline, temporaryFolder, tinyRecipe } from "./command_line.ts";
import type { HarmedServer, PlaceName } from "./harmed_places.ts";
import { TalkingProcess } from "./talking_process.ts";
import { TcpProxy } from "./tcp_proxy.ts";

/** What is done: a process of a silo or of the leader is killed, the line of one is cut, the server is killed. It all comes back. */
export type Harm = "worker" | "link" | "server" | "leader";

/** What can be done where; a folder has neither lines nor a server. */
export const harms: Readonly<Record<PlaceName, readonly Harm[]>> = {
  folder: ["worker", "leader"],
  s3: ["worker", "link", "server", "leader"],
  nats: ["worker", "link", "server", "leader"],
};

/** Variants trained alone, and what they are made from. */
export class RunsAlone implements Disposable {
  readonly #folder = temporaryFolder();
  readonly #words: readonly string[];
  readonly #made = new Map<string, Promise<Made>>();

  /** @param extent Of training: more of it has room for more harm */
  constructor(
    variants: readonly string[],
    extent: { readonly rounds: number; readonly localSteps: number },
  ) {
    const settings = [
      `pretrain.variants=[${variants.join(",")}]`,
      `pretrain.rounds=${extent.rounds}`,
      `pretrain.localSteps=${extent.localSteps}`,
      "pretrain.checkpointEverySteps=10",
      "engine.kind=reference",
    ];
    this.#words = ["--recipe", tinyRecipe, ...settings.flatMap((one) => ["--set", one])];
  }

  /** The words of a command about a target in a store. */
  words(store: string): readonly string[] {
    return [...this.#words, "--store", store];
  }

  /** Trains a variant where that was not done before. */
  of(target: string): Promise<Made> {
    const made = this.#made.get(target) ?? this.#train(target);
    this.#made.set(target, made);
    return made;
  }

  /** A store that has all but the target. */
  async storeWithout(target: string, store: string): Promise<void> {
    const { key } = await this.of(target);
    cpSync(this.#folder.path, store, { recursive: true });
    Deno.removeSync(join(store, "manifests", `${key}.json`));
  }

  async made(target: string, store: string): Promise<Made> {
    const { code, stdout, stderr } = await pipeline([
      "why",
      target,
      "--json",
      ...this.words(store),
    ]);
    assert.equal(code, 0, stderr);
    const [{ key, outputs }] = JSON.parse(stdout).instances;
    return { key, outputs };
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }

  async #train(target: string): Promise<Made> {
    const store = this.#folder.path;
    const { code, stderr } = await pipeline(["run", target, "--quiet", ...this.words(store)]);
    assert.equal(code, 0, stderr);
    return await this.made(target, store);
  }
}

/** Key, and digests of outputs by name. */
interface Made {
  readonly key: string;
  readonly outputs: Readonly<Record<string, string>>;
}

export interface HarmedRunOptions {
  readonly alone: RunsAlone;
  readonly target: string;
  /** Kinds of harm, one of which is drawn for each moment. */
  readonly harms: readonly Harm[];
  /** At most so many; the run may end before. */
  readonly moments: number;
  /** Draws what is done, to whom, and when. */
  readonly random: Random;
  /** Between two moments, at most. */
  readonly gapMs: number;
  /** How long a line is cut, and a server away. */
  readonly cutMs: number;
  readonly awayMs: number;
  /** Absent for a folder. */
  readonly server?: HarmedServer;
}

/** How often each harm was done while the run was going on. Where a worker was killed: how often it was training. */
export type HarmCounts = Readonly<Record<Harm | "at work", number>>;

/** Runs with harm. @throws AssertionError where results differ, or somebody does not come through */
export async function harmedRun(options: HarmedRunOptions): Promise<HarmCounts> {
  const { alone, target, server, moments, random, gapMs } = options;
  using folder = temporaryFolder();
  const store = join(folder.path, "store");
  await alone.storeWithout(target, store);
  const words = [target, ...alone.words(store)];
  const exchange = server ? crypto.randomUUID() : `folder:${folder.path}/exchange`;
  using leader = new Party(["run", ...words, "--workers", "0"], exchange, server);
  using a = new Party(["silo", ...words, "--name", "a"], exchange, server);
  using b = new Party(["silo", ...words, "--name", "b"], exchange, server);
  const parties = { leader, a, b };
  const counts = { worker: 0, link: 0, server: 0, leader: 0, "at work": 0 };
  const mending: Promise<void>[] = [];
  for (let i = 0; i < moments; i++) {
    await sleep(random.below(gapMs));
    const harm = options.harms[random.below(options.harms.length)];
    const worker = random.below(2) === 0 ? a : b;
    const first = random.below(3);
    const isSilent = random.below(2) === 0;
    const awayMs = random.below(options.awayMs);
    const all = [leader, a, b];
    const whole = [...all.slice(first), ...all.slice(0, first)].filter(({ isCut }) => !isCut);
    if (leader.hasEnded) break;
    if (harm === "link" && whole.length === 0) continue;
    counts[harm]++;
    switch (harm) {
      case "worker":
        if (worker.isTraining) counts["at work"]++;
        await worker.restart();
        break;
      case "leader":
        await leader.restart();
        break;
      case "link":
        mending.push(whole[0].cutOff(isSilent, options.cutMs));
        break;
      case "server":
        await server!.kill();
        await sleep(awayMs);
        await server!.serve();
        break;
      default:
        harm satisfies never;
    }
  }
  await Promise.all(mending);
  for (const [name, party] of Object.entries(parties)) {
    const code = await party.end();
    assert.equal(code, 0, `${name} ends with ${code}:\n${textOf(parties)}`);
  }
  assert.deepEqual(await alone.made(target, store), await alone.of(target), textOf(parties));
  return counts;
}

/** Patience with a party that has nothing more to do. */
const mostEndMs = 300_000;

/** A process of the command line that starts again when it was killed, with a line of its own to the server. */
class Party implements Disposable {
  readonly #args: readonly string[];
  readonly #link: TcpProxy | undefined;
  readonly #environment: Readonly<Record<string, string>>;
  #process: TalkingProcess;
  #said = "";
  hasEnded = false;
  isCut = false;

  /** @param exchange Its name at the server, or its URL where there is none */
  constructor(args: readonly string[], exchange: string, server: HarmedServer | undefined) {
    this.#link = server && new TcpProxy(server.port);
    const { url, environment } = server?.reach(exchange, this.#link!.port) ??
      { url: exchange, environment: {} };
    this.#args = [...args, "--exchange", url];
    this.#environment = environment;
    this.#process = this.#start();
  }

  /** What its processes have said. */
  get text(): string {
    return this.#said + this.#process.text;
  }

  get isTraining(): boolean {
    return /trains [^\n]*\n[^\n]*$/.test(this.#process.text);
  }

  async restart(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.ended;
    this.#said = `${this.text}-- killed\n`;
    this.#process = this.#start();
  }

  /** Cuts its line, or lets nothing through, for a while. */
  async cutOff(isSilent: boolean, ms: number): Promise<void> {
    this.isCut = true;
    if (isSilent) this.#link!.silence();
    else this.#link!.cut();
    await sleep(ms);
    this.#link!.mend();
    this.isCut = false;
  }

  /** Waits until it ends by itself. Returns its exit code; "never" if it does not. */
  async end(): Promise<number | "never"> {
    const timer = Promise.withResolvers<"never">();
    const id = setTimeout(() => timer.resolve("never"), mostEndMs);
    const ended = this.#process.ended.then(({ code }) => code);
    try {
      return await Promise.race([ended, timer.promise]);
    } finally {
      clearTimeout(id);
    }
  }

  [Symbol.dispose](): void {
    this.#process.kill("SIGKILL");
    this.#link?.[Symbol.dispose]();
  }

  #start(): TalkingProcess {
    const process = new TalkingProcess(this.#args, this.#environment);
    process.ended.then(({ signal }) => this.hasEnded ||= signal === null);
    return process;
  }
}

function textOf(parties: Readonly<Record<string, Party>>): string {
  return Object.entries(parties).map(([name, { text }]) => `== ${name}\n${text}`).join("\n");
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
