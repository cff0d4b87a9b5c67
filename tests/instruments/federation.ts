/**
 * How a federation of thousands of silos gets on, in a simulation: rounds an hour, bytes, what is lost to those who are slow or away; and the
 * memory and processor time of its leader, which is that of a real run.
 *
 *     deno task instruments federation [--sources 5000] [--per-round 64] [--rounds 12] [--variants spec,trim,glob] [--seed 1]
 *         [--mbit 100] [--leader-mbit 1000] [--steps 500] [--step-seconds 0.6] [--offline 0.04] [--outage-hours 2] [--latency-ms 50]
 *         [--quorum 0.75 --after-minutes 30]
 *         [--memory 50,500,5000] [--check]
 *
 * Lines that begin with `simulated` are a function of the options. Those that begin with `measured` are of this machine. Tensors are
 * small, and count as those of 12 blocks of width 768. `--check` compares the simulation with a real run of 8 processes over radosgw.
 */
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { formatBytes } from "../../base/mod.ts";
import { checkedAgainstReality } from "./federation_check.ts";
import { bytesOf } from "../support/counted_bytes.ts";
import { peakBytes } from "../support/process_memory.ts";
import {
  defaultSimulation,
  simulate,
  type Simulated,
  type SimulationOptions,
} from "../support/simulated_federation.ts";

const known = defaultSimulation;

export async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      variants: { type: "string", default: "spec,trim,glob" },
      sources: { type: "string", default: String(known.sources) },
      "per-round": { type: "string", default: String(known.perRound) },
      rounds: { type: "string", default: String(known.rounds) },
      seed: { type: "string", default: String(known.seed) },
      mbit: { type: "string", default: String(known.mbit) },
      "leader-mbit": { type: "string", default: String(known.leaderMbit) },
      steps: { type: "string", default: String(known.localSteps) },
      "step-seconds": { type: "string", default: String(known.stepMs / 1000) },
      offline: { type: "string", default: String(known.offlineShare) },
      "outage-hours": { type: "string", default: String(known.outageHours) },
      "latency-ms": { type: "string", default: String(known.latencyMs) },
      quorum: { type: "string" },
      "after-minutes": { type: "string", default: "30" },
      memory: { type: "string", default: "" },
      here: { type: "boolean", default: false },
      check: { type: "boolean", default: false },
    },
  });
  const optionsOf = (variant: string): SimulationOptions => ({
    variant,
    sources: Number(values.sources),
    perRound: Number(values["per-round"]),
    rounds: Number(values.rounds),
    seed: Number(values.seed),
    mbit: Number(values.mbit),
    leaderMbit: Number(values["leader-mbit"]),
    localSteps: Number(values.steps),
    stepMs: 1000 * Number(values["step-seconds"]),
    offlineShare: Number(values.offline),
    outageHours: Number(values["outage-hours"]),
    latencyMs: Number(values["latency-ms"]),
    ...(values.quorum && {
      quorum: {
        share: Number(values.quorum),
        afterSeconds: 60 * Number(values["after-minutes"]),
      },
    }),
  });
  if (values.check) return (await checkedAgainstReality()).forEach((line) => console.log(line));
  const variants = values.variants.split(",");
  if (values.here) return console.log(JSON.stringify(await measureHere(optionsOf(variants[0]))));
  for (const variant of variants) {
    const options = optionsOf(variant);
    console.log(simulatedText(options, await simulate(options)));
    for (const sources of values.memory.split(",").filter(Boolean).map(Number)) {
      const cost = await measureLeader({ ...options, sources });
      console.log(
        `measured   ${variant}, ${sources} sources, ${options.perRound} a round: leader and simulation hold ${
          formatBytes(cost.heldBytes)
        } between rounds, at most ${formatBytes(cost.peakBytes)}; ${
          (cost.processorMs / 1000).toFixed(1)
        } s of processor time a round`,
      );
    }
  }
}

/** What the simulation shows, as lines. */
export function simulatedText(options: SimulationOptions, simulated: Simulated): string {
  const { variant, sources, perRound, quorum } = options;
  const { rounds, hours, scoringHours, leader, silos, sentBytes } = simulated;
  const minutes = rounds.map(({ offeredMs, closedMs }) => (closedMs - offeredMs) / 60_000);
  const turns = rounds.flatMap(({ turns }) => {
    const median = quantile(turns.map(({ answeredMs }) => answeredMs), 0.5);
    return turns.map((turn) => ({ ...turn, isLate: turn.answeredMs > 2 * median }));
  });
  const share = (isOne: (turn: (typeof turns)[number]) => boolean) =>
    `${(100 * turns.filter(isOne).length / turns.length).toFixed(1)} %`;
  const leftOut = rounds.reduce((sum, round) => sum + round.leftOut, 0);
  const waited = rounds.map(({ turns, offeredMs, closedMs }) => {
    const most = quantile(turns.map(({ answeredMs }) => answeredMs), 0.75);
    return (closedMs - offeredMs - most) / 60_000;
  });
  const perRoundBytes = (bytes: number) => formatBytes(bytes / rounds.length);
  const [up, down] = [leader.up, leader.down].map(bytesOf);
  const all = up + down + bytesOf(silos.up) + bytesOf(silos.down);
  const lines = [
    `${variant}: ${sources} sources, ${perRound} in each of ${rounds.length} rounds; a source is sent ${
      formatBytes(sentBytes)
    }; a round ${
      quorum === undefined
        ? "waits for all"
        : `closes with ${100 * quorum.share} % after ${quorum.afterSeconds / 60} min`
    }`,
    `rounds an hour: ${(rounds.length / hours).toFixed(2)}; minutes a round: 10 % below ${
      shown(minutes, 0.1)
    }, half below ${shown(minutes, 0.5)}, 90 % below ${shown(minutes, 0.9)}`,
    `bytes a round: leader ${perRoundBytes(up)} up, ${perRoundBytes(down)} down; silos ${
      perRoundBytes(bytesOf(silos.up))
    } up, ${perRoundBytes(bytesOf(silos.down))} down; in all ${formatBytes(all)}`,
    `requests a round: leader ${Math.round(leader.requests / rounds.length)}, silos ${
      Math.round(silos.requests / rounds.length)
    }, most of those from silos that wait`,
    `answers: ${share(({ isLate }) => isLate)} after twice the time of half of the round; ${
      share(({ wasAway }) => wasAway)
    } of silos whose link was cut meanwhile; left out as silent: ${
      (100 * leftOut / (perRound * rounds.length)).toFixed(1)
    } % of those asked`,
    `stragglers: of the minutes of a round ${mean(waited).toFixed(1)} of ${
      mean(minutes).toFixed(1)
    } were waited after three quarters had answered; at the end, scores of all sources took ${
      scoringHours.toFixed(1)
    } h`,
  ];
  return lines.map((line) => `simulated  ${line}`).join("\n");
}

/** Of a process that leads, and simulates all others. */
export interface LeaderCost {
  /** What it holds at the end of a round at most, after garbage was collected. */
  readonly heldBytes: number;
  /** The most that it has had, garbage included. */
  readonly peakBytes: number;
  /** Of a round. */
  readonly processorMs: number;
}

/** What a fresh process takes that simulates so. */
export async function measureLeader(options: SimulationOptions): Promise<LeaderCost> {
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "--quiet", "--no-check", "--v8-flags=--expose-gc"],
      fileURLToPath(new URL("./main.ts", import.meta.url)),
      ...["federation", "--here", "--variants", options.variant],
      ...["--sources", String(options.sources), "--per-round", String(options.perRound)],
      ...["--rounds", String(options.rounds), "--seed", String(options.seed)],
      ...["--steps", String(options.localSteps)],
      ...["--step-seconds", String(options.stepMs / 1000)],
      ...["--offline", String(options.offlineShare)],
    ],
    stdin: "null",
    stderr: "inherit",
  }).output();
  if (code !== 0) throw new Error(`The process that simulates ended with code ${code}`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

async function measureHere(options: SimulationOptions): Promise<LeaderCost> {
  const { gc } = globalThis as { gc?: () => void }; // by --expose-gc
  let heldBytes = 0;
  const { processorMs } = await simulate(options, () => {
    for (let i = 0; i < 2; i++) gc?.(); // the first frees what the second finds
    const { heapUsed, external } = Deno.memoryUsage();
    heldBytes = Math.max(heldBytes, heapUsed + external);
  });
  return { heldBytes, peakBytes: peakBytes(), processorMs };
}

/** By linear interpolation. */
function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = share * (sorted.length - 1);
  const [below, above] = [Math.floor(at), Math.ceil(at)];
  return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function shown(values: readonly number[], share: number): string {
  return quantile(values, share).toFixed(1);
}
