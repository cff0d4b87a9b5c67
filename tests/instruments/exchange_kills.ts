/**
 * Kills leader, workers and server of an exchange at random moments, and compares what came out with a run that nothing happens to.
 *
 *     deno task instruments exchange-kills [--kills 50] [--rounds 200] [--seed 1] [--over folder,s3,nats]
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Random, seedOf, sha256 } from "../../base/mod.ts";
import { type JsonRecord, makeKeyPair } from "../../exchange/mod.ts";
import { temporaryFolder } from "../support/command_line.ts";
import { lead, type PartySetup, type PlaceAccess, work } from "../support/exchange_party.ts";
import { NatsKind, S3Kind, sources } from "../support/exchange_places.ts";
import { fromFileUrl } from "../support/paths.ts";

/** Where the parties meet, and what else can be killed there. */
export interface KillPlace {
  readonly url: string;
  readonly access?: ReadonlyMap<string, PlaceAccess>;
  /** Kills the server, and starts it again. */
  readonly killServer?: () => Promise<void>;
}

export interface KillOptions {
  readonly kills: number;
  readonly rounds: number;
  readonly seed: number;
}

/** The parties of a run: each with its keys, its access and a folder. */
function setups({ url, access }: KillPlace, folder: string, rounds: number): PartySetup[] {
  const keys = new Map(["leader", ...sources].map((party) => [party, makeKeyPair()]));
  const silos = Object.fromEntries(
    sources.map((source) => [source, keys.get(source)!.publicKey]),
  );
  const [run, leaderKey] = [sha256("kills"), keys.get("leader")!.publicKey];
  return [...keys].map(([party, { privateKey }]) => {
    const own = join(folder, party);
    Deno.mkdirSync(own, { recursive: true });
    return {
      url,
      access: access?.get(party),
      folder: own,
      rounds,
      party,
      run,
      privateKey,
      leaderKey,
      silos,
    };
  });
}

/** What comes out where nothing happens. */
async function undisturbed(rounds: number): Promise<JsonRecord[]> {
  using folder = temporaryFolder();
  const place = { url: `folder:${join(folder.path, "exchange")}` };
  const [leader, ...silos] = setups(place, folder.path, rounds);
  const end = new AbortController();
  const working = silos.map((silo) => work(silo, end.signal));
  const records = await lead(leader);
  end.abort();
  await Promise.all(working);
  return records;
}

/** Runs with kills. Returns how often each party was killed. @throws AssertionError where the records differ */
export async function killedRun(
  place: KillPlace,
  { kills, rounds, seed }: KillOptions,
): Promise<Readonly<Record<string, number>>> {
  using folder = temporaryFolder();
  const random = new Random(seedOf(seed, "kills"));
  const expected = await undisturbed(rounds);
  const parties = setups(place, folder.path, rounds).map((setup) => new Party(setup));
  const leader = parties[0];
  const victims = [...parties.map(({ name }) => name), ...place.killServer ? ["server"] : []];
  const killed = Object.fromEntries(victims.map((name) => [name, 0]));
  try {
    for (let i = 0; i < kills && !leader.hasEnded; i++) {
      await new Promise((resolve) => setTimeout(resolve, random.below(1000)));
      const victim = victims[random.below(victims.length)];
      if (leader.hasEnded) break;
      killed[victim]++;
      if (victim === "server") await place.killServer!();
      else await parties.find(({ name }) => name === victim)!.restart();
    }
    assert.deepEqual(JSON.parse(await leader.output), expected, `seed ${seed}`);
    return killed;
  } finally {
    for (const party of parties) await party.end();
  }
}

/** A process of a party. */
class Party {
  readonly name: string;
  readonly #setup: PartySetup;
  #process: Deno.ChildProcess;
  output: Promise<string>;
  hasEnded = false;

  constructor(setup: PartySetup) {
    this.name = setup.party;
    this.#setup = setup;
    [this.#process, this.output] = this.#start();
  }

  async restart(): Promise<void> {
    await this.end();
    [this.#process, this.output] = this.#start();
  }

  async end(): Promise<void> {
    try {
      this.#process.kill("SIGKILL");
    } catch { /* it has ended by itself */ }
    await this.#process.status;
    await this.output;
  }

  #start(): [Deno.ChildProcess, Promise<string>] {
    const process = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", party, JSON.stringify(this.#setup)],
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    process.status.then(({ success }) => this.hasEnded ||= success);
    return [process, new Response(process.stdout).text()];
  }
}

const party = fromFileUrl(new URL("../support/exchange_party.ts", import.meta.url));

/** A place of one kind, until it is disposed of. */
export async function killPlace(kind: string): Promise<KillPlace & AsyncDisposable> {
  if (kind === "folder") {
    const folder = temporaryFolder();
    return {
      url: `folder:${folder.path}`,
      // deno-lint-ignore require-await
      async [Symbol.asyncDispose]() {
        folder[Symbol.dispose]();
      },
    };
  }
  const [servers, field] = kind === "s3"
    ? [new S3Kind(), "s3"] as const
    : [new NatsKind(), "nats"] as const;
  if (servers.whyNot !== undefined) throw new Error(servers.whyNot);
  const [place, server] = [await servers.make(), await servers.server()];
  const access = new Map<string, PlaceAccess>();
  for (const [party, of] of place.access) access.set(party, { [field]: of });
  const killServer = async () => {
    await server.kill();
    await server.serve();
  };
  const dispose = () => servers[Symbol.asyncDispose]();
  return { url: place.url, access, killServer, [Symbol.asyncDispose]: dispose };
}

export async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      kills: { type: "string", default: "50" },
      rounds: { type: "string", default: "200" },
      seed: { type: "string", default: "1" },
      over: { type: "string", default: "folder,s3,nats" },
    },
  });
  const options = {
    kills: Number(values.kills),
    rounds: Number(values.rounds),
    seed: Number(values.seed),
  };
  for (const kind of values.over.split(",")) {
    await using place = await killPlace(kind);
    const killed = await killedRun(place, options);
    console.log(`${kind}: same records after kills: ${JSON.stringify(killed)}`);
  }
}
