/**
 * A federation of thousands of silos in a simulation: the leader of a real run, silos that stand in for training, and links that are drawn
 * by seed. The same options give the same times and bytes on every machine.
 */
import { join } from "node:path";
import { cpuUsage } from "node:process";
import type { Quorum } from "../../stages/round_deadline.ts";
import { countParameters } from "../../model/mod.ts";
import {
  type Federation,
  leadFederation,
  type Led,
  makeFederation,
  type Network,
  type RoundTimes,
  trainingVariant,
  writeTexts,
} from "./federation.ts";
import { CountedBytes, type Traffic } from "./counted_bytes.ts";
import { temporaryFolder } from "./command_line.ts";
import { drawSilo, latencies, type SiloDraws, steadyLink } from "./silo_models.ts";
import { type Link, SimulatedServer, type Weigh } from "./simulated_exchange.ts";
import { type SilosOptions, SimulatedSilos } from "./simulated_silos.ts";
import { VirtualTime } from "./virtual_time.ts";

export interface SimulationOptions extends SiloDraws {
  readonly variant: string;
  readonly sources: number;
  readonly perRound: number;
  readonly rounds: number;
  readonly localSteps: number;
  readonly leaderMbit: number;
  /** Default: rounds wait for all. */
  readonly quorum?: Quorum;
}

export const defaultSimulation: Omit<SimulationOptions, "variant"> = {
  sources: 5000,
  perRound: 64,
  rounds: 12,
  seed: 1,
  localSteps: 500,
  stepMs: 600,
  mbit: 100,
  leaderMbit: 1000,
  latencyMs: 50,
  offlineShare: 0.04,
  outageHours: 2,
};

/** A source that answered in a round: how long after the offer, and whether its link was cut meanwhile. */
export interface Turn {
  readonly answeredMs: number;
  readonly wasAway: boolean;
}

export interface SimulatedRound extends RoundTimes {
  readonly turns: readonly Turn[];
}

export interface Simulated {
  readonly rounds: readonly SimulatedRound[];
  readonly hours: number;
  /** From the end of the last round until all sources have scored what came of it. */
  readonly scoringHours: number;
  readonly leader: Traffic;
  readonly silos: Traffic;
  /** Of what each source is sent, as bytes of the network that the simulation speaks of. */
  readonly sentBytes: number;
  /** Of this process, of the leader and the simulation together, in milliseconds a round. */
  readonly processorMs: number;
}

/** The network that times and bytes are of: that of the paper's smaller model, with vocabularies of its multilingual runs. */
export const spokenOf: Network = {
  nLayers: 12,
  dModel: 768,
  vocabSize: 250_112,
  localRows: 30_000,
};

/** As a store of objects is looked at. */
const pollMs = { least: 100, most: 5000 };

/** The network that is held: narrower, with as many rows as keep the proportions of tables and body. */
const held: Network = (() => {
  const [large, small] = [spokenOf.dModel, 8];
  const rows = (count: number) =>
    Math.round(count * large / bodyOf(spokenOf) * bodyOf({ ...spokenOf, dModel: small }) / small);
  const { nLayers, vocabSize, localRows } = spokenOf;
  return { nLayers, dModel: small, vocabSize: rows(vocabSize), localRows: rows(localRows) };
})();

function bodyOf({ nLayers, dModel }: Pick<Network, "nLayers" | "dModel">): number {
  const network = { nLayers, dModel, nHeads: 2, expansion: 4, seqLen: 8, vocabSize: 1 };
  return countParameters({ ...network, positions: "alibi", bias: true }).body;
}

/** Values of tensors count as those of the network that is spoken of; names, shapes and statements as they are. */
const weigh: Weigh = (name, bytes) => {
  if (!name.includes("/objects/") || bytes.length < 1000) return bytes.length;
  const header = 8 + Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  return header + Math.round((bytes.length - header) * bodyOf(spokenOf) / bodyOf(held));
};

/** @param onRound Hears of rounds, after each. */
export async function simulate(
  options: SimulationOptions,
  onRound: (round: number) => void = () => {},
): Promise<Simulated> {
  using folder = folderInMemory();
  const { variant, sources, seed, perRound, rounds, localSteps, quorum } = options;
  const federation = makeFederation({
    variant,
    sources,
    seed,
    network: held,
    quorum,
    folder: folder.path,
    settings: { sourcesPerRound: perRound, rounds, localSteps },
  });
  await writeTexts(federation);
  const before = cpuUsage();
  const simulated = await simulateFederation(federation, {
    training: "stub",
    modelOf: (name) => drawSilo(name, options),
    weigh,
    leaderLink: steadyLink(options.leaderMbit, latencies(options.latencyMs)),
    onRound,
  });
  const { user, system } = cpuUsage(before);
  const { closedMs } = simulated.rounds.at(-1)!;
  return {
    ...simulated,
    hours: closedMs / 3_600_000,
    scoringHours: (simulated.endMs - closedMs) / 3_600_000,
    sentBytes: sentBytesOf(federation),
    processorMs: (user + system) / 1000 / rounds,
  };
}

/** Nothing of a simulation is kept: it need not wait for a disk. */
export function folderInMemory() {
  try {
    const path = Deno.makeTempDirSync({ dir: "/dev/shm", prefix: "dept-federation-" });
    return { path, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
  } catch {
    return temporaryFolder(); // not Linux, or none of our own
  }
}

export interface SimulatedLed extends Led, Pick<Simulated, "leader" | "silos"> {
  readonly rounds: readonly SimulatedRound[];
  /** When all was done. */
  readonly endMs: number;
}

/** Simulates a federation under known links. */
export async function simulateFederation(
  federation: Federation,
  { leaderLink, onRound = () => {}, ...parts }:
    & Pick<SilosOptions, "training" | "modelOf" | "weigh">
    & { readonly leaderLink: Link; readonly onRound?: (round: number) => void },
): Promise<SimulatedLed> {
  using time = new VirtualTime();
  const server = new SimulatedServer(join(federation.folder, "server"), pollMs, parts.weigh);
  const silos = new SimulatedSilos({ ...parts, federation, server, pollMs });
  const leader = new CountedBytes(server.open(leaderLink), parts.weigh);
  const { result, rounds } = await time.run(() =>
    Promise.race([
      silos.failed,
      leadFederation(federation, leader, ({ round }) => onRound(round)),
    ])
  );
  return {
    result,
    endMs: time.nowMs,
    rounds: rounds.map((times) => ({ ...times, turns: turnsOf(times, silos) })),
    leader: leader.traffic,
    silos: silos.traffic,
  };
}

function turnsOf({ round, offeredMs, closedMs }: RoundTimes, silos: SimulatedSilos): Turn[] {
  const inTime = [...silos.answered.get(round) ?? []].filter(([, atMs]) => atMs <= closedMs);
  return inTime.map(([source, atMs]) => ({
    answeredMs: atMs - offeredMs,
    wasAway: silos.awayBetween(source, offeredMs, atMs),
  }));
}

/** What a source is sent a round, whose vocabulary has the size that most have. */
function sentBytesOf(federation: Federation): number {
  const { sharesEmbeddings, cutsVocabulary } = trainingVariant(federation);
  const { dModel, vocabSize, localRows } = spokenOf;
  const rows = !sharesEmbeddings ? 0 : cutsVocabulary ? localRows : vocabSize;
  return 4 * (bodyOf(spokenOf) + rows * dModel);
}
