/**
 * The model of time and bytes behind `federation`, beside a real run: a leader and eight silos as processes over radosgw, each on a line of
 * its own whose rate a proxy holds, with steps of known length. Both train, on the reference engine.
 */
import { wholeLines } from "../../base/mod.ts";
import type { S3Access } from "../../exchange/mod.ts";
import { S3Bytes } from "../../exchange/s3.ts";
import { addTraffic, noTraffic, type Traffic } from "../support/counted_bytes.ts";
import { type Federation, makeFederation, sourceName, writeTexts } from "../support/federation.ts";
import { type LeaderSays, modelDigest, type PartyTold } from "../support/federation_party.ts";
import { fromFileUrl } from "../support/paths.ts";
import { Radosgw, whyNoRadosgw } from "../support/radosgw.ts";
import { makeS3Exchange } from "../support/s3_exchange.ts";
import { folderInMemory, simulateFederation } from "../support/simulated_federation.ts";
import type { Link } from "../support/simulated_exchange.ts";
import { TcpProxy } from "../support/tcp_proxy.ts";

const silos = 8;

/** Megabits a second of each line, and milliseconds of a step: no two silos are alike. */
const lines = Array.from({ length: silos }, (_, at) => ({
  downMbit: 4 + at / 2,
  upMbit: 2 + at / 4,
  stepMs: 1200 + 100 * at,
}));
const leaderMbit = 40;

function asked(folder: string) {
  return {
    variant: "trim",
    sources: silos,
    seed: 1,
    network: { nLayers: 2, dModel: 96, vocabSize: 2000, localRows: 800 },
    folder,
    settings: { sourcesPerRound: 6, rounds: 3, localSteps: 8 },
  };
}

/** Bytes in a millisecond. */
function rate(mbit: number): number {
  return mbit * 125;
}

interface Ran {
  readonly rounds: readonly { readonly seconds: number; readonly untilNext: number }[];
  readonly leader: Traffic;
  readonly silos: Traffic;
  readonly model: string;
}

/** Compares. @returns lines for people */
export async function checkedAgainstReality(): Promise<string[]> {
  const whyNot = whyNoRadosgw();
  if (whyNot !== undefined) throw new Error(`Cannot check against a real run: ${whyNot}`);
  const { real, latencyMs } = await realRun();
  const simulated = await simulatedRun(latencyMs);
  return comparison(real, simulated, latencyMs);
}

async function realRun(): Promise<{ real: Ran; latencyMs: Link["latencyMs"] }> {
  using folder = folderInMemory();
  const federation = makeFederation(asked(folder.path));
  await writeTexts(federation);
  await using server = await Radosgw.start();
  const [url, parties] = [`s3://federation/run`, lines.map((_, at) => sourceName(at))];
  const users = await makeS3Exchange(server, url, parties);
  using leaderLine = new TcpProxy(server.port, { up: rate(leaderMbit), down: rate(leaderMbit) });
  const over = (access: S3Access, { port }: TcpProxy) => ({
    ...access,
    endpoint: `http://127.0.0.1:${port}`,
  });
  const leaderAccess = over(server.leader, leaderLine);
  const latencyMs = await latenciesOf(new S3Bytes(url, leaderAccess));
  const proxies = lines.map(({ upMbit, downMbit }) =>
    new TcpProxy(server.port, { up: rate(upMbit), down: rate(downMbit) })
  );
  const processes = lines.map(({ stepMs }, at) =>
    new Party({
      url,
      access: over(users.get(parties[at])!, proxies[at]),
      federation,
      silo: { at, stepMs },
    })
  );
  try {
    for (const silo of processes) await silo.line(); // it is ready
    const leader = new Party({ url, access: leaderAccess, federation });
    const line = await Promise.race([leader.line(), ...processes.map(({ died }) => died)])
      .finally(() => leader.kill());
    const says: LeaderSays = JSON.parse(line);
    const traffic = noTraffic();
    for (const silo of processes) {
      await silo.end();
      addTraffic(traffic, JSON.parse(await silo.line()));
    }
    return { real: ranOf(says, traffic), latencyMs };
  } finally {
    processes.forEach((silo) => silo.kill());
    proxies.forEach((proxy) => proxy[Symbol.dispose]());
  }
}

async function simulatedRun(latencyMs: Link["latencyMs"]): Promise<Ran> {
  using folder = folderInMemory();
  const federation: Federation = makeFederation(asked(folder.path));
  await writeTexts(federation);
  const link = (upMbit: number, downMbit: number): Link => ({
    upBytesPerMs: rate(upMbit),
    downBytesPerMs: rate(downMbit),
    latencyMs,
    outageFrom: () => undefined,
  });
  const simulated = await simulateFederation(federation, {
    training: "reference",
    leaderLink: link(leaderMbit, leaderMbit),
    modelOf: (name) => {
      const { upMbit, downMbit, stepMs } = lines[Number(name.replace(/^\D+/, ""))];
      return { link: link(upMbit, downMbit), stepMs };
    },
  });
  const { leader: traffic, rounds, endMs } = simulated;
  return ranOf({ traffic, rounds, endMs, model: modelDigest(simulated) }, simulated.silos);
}

function ranOf({ rounds, traffic, endMs, model }: LeaderSays, silos: Traffic): Ran {
  const seconds = rounds.map(({ offeredMs, closedMs }, i) => ({
    seconds: (closedMs - offeredMs) / 1000,
    untilNext: ((rounds[i + 1]?.offeredMs ?? endMs) - closedMs) / 1000,
  }));
  return { rounds: seconds, leader: traffic, silos, model };
}

/** Medians over an idle server, through the leader's line, in milliseconds. */
async function latenciesOf(place: S3Bytes): Promise<Link["latencyMs"]> {
  await using opened = place;
  const bytes = new Uint8Array(100);
  const median = async (act: (i: number) => Promise<unknown>) => {
    const times: number[] = [];
    for (let i = 0; i < 15; i++) {
      const beganMs = performance.now();
      await act(i);
      times.push(performance.now() - beganMs);
    }
    return times.sort((a, b) => a - b)[7];
  };
  const name = (i: number) => `shared/latency/${i}`;
  const create = await median((i) => opened.create(name(i), bytes));
  const replace = await median((i) => opened.replace(name(i), bytes));
  const read = await median((i) => opened.read(name(i), 1000));
  const find = await median((i) => opened.find(name(i)));
  const list = await median(() => opened.list("shared/latency"));
  const remove = await median((i) => opened.remove(name(i)));
  return { create, replace, read, find, list, remove };
}

/** A party as a process, which prints lines. */
class Party {
  readonly #process: Deno.ChildProcess;
  readonly #lines: AsyncIterator<string>;
  /** Rejects when it ends before it is told to. */
  readonly died: Promise<never>;
  #hasEnded = false;

  constructor(told: PartyTold) {
    const party = fromFileUrl(new URL("../support/federation_party.ts", import.meta.url));
    this.#process = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", party, JSON.stringify(told)],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#lines = wholeLines(this.#process.stdout);
    const { promise, reject } = Promise.withResolvers<never>();
    this.died = promise;
    promise.catch(() => {}); // heard where the leader is waited for
    this.#process.status.then(({ code }) => {
      if (!this.#hasEnded) reject(new Error(`A party ended with code ${code}`));
    });
  }

  async line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error("A party ended without a word");
    return value;
  }

  /** Tells it to end. */
  async end(): Promise<void> {
    this.#hasEnded = true;
    await this.#process.stdin.close();
  }

  kill(): void {
    this.#hasEnded = true;
    try {
      this.#process.kill("SIGKILL");
    } catch { /* it has ended */ }
  }
}

function comparison(real: Ran, simulated: Ran, latencyMs: Link["latencyMs"]): string[] {
  const row = (what: string, of: (ran: Ran) => number, digits = 0) => {
    const [was, said] = [of(real), of(simulated)];
    const off = was === said ? "equal" : `${(100 * (said / was - 1)).toFixed(1)} % off`;
    return `${what.padEnd(46)} ${was.toFixed(digits).padStart(12)} ${
      said.toFixed(digits).padStart(12)
    }  ${off}`;
  };
  const total = ({ rounds }: Ran) =>
    rounds.reduce((sum, { seconds, untilNext }) => sum + seconds + untilNext, 0);
  const shown = Object.entries(latencyMs).map(([name, ms]) => `${name} ${ms.toFixed(0)}`).join(
    ", ",
  );
  return [
    `8 silos, 6 in each of 3 rounds, over radosgw; requests on an idle server, ms: ${shown}`,
    `${"".padEnd(46)} ${"real".padStart(12)} ${"simulated".padStart(12)}`,
    row("bytes of objects, leader up", ({ leader }) => leader.up.objects),
    row("bytes of objects, leader down", ({ leader }) => leader.down.objects),
    row("bytes of objects, silos up", ({ silos }) => silos.up.objects),
    row("bytes of objects, silos down", ({ silos }) => silos.down.objects),
    row("bytes of tasks and records, leader up", ({ leader }) => leader.up.statements),
    row("bytes of answers, silos up", ({ silos }) => silos.up.statements),
    ...real.rounds.flatMap((_, i) => [
      row(`seconds of round ${i + 1}`, ({ rounds }) => rounds[i].seconds, 1),
      row(`seconds from then to the next, or the end`, ({ rounds }) => rounds[i].untilNext, 1),
    ]),
    row("seconds in all", total, 1),
    `the models that come out are ${
      real.model === simulated.model ? "the same, bit for bit" : "DIFFERENT"
    }`,
  ];
}
