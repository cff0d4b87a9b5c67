/**
 * Silos as a simulation draws them, by seed: how fast their links and processors are, and when they are away.
 */
import { Random, seedOf } from "../../base/mod.ts";
import type { Link, Outage } from "./simulated_exchange.ts";

export interface SiloDraws {
  readonly seed: number;
  /** Of the median silo, down. Up it has between a fifth and all of what it has down. */
  readonly mbit: number;
  /** Of the median silo. */
  readonly stepMs: number;
  /** A silo is away for this share of the time, */
  readonly offlineShare: number;
  /** and for so long at a time, on average. */
  readonly outageHours: number;
  readonly latencyMs: number;
}

export interface SiloModel {
  readonly link: Link;
  readonly stepMs: number;
}

/** Deviations of the logarithms of rates and of times: one silo in six has less than half, or more than 1.35 times, of the median. */
const [rateDeviation, stepDeviation] = [0.7, 0.3];

const hourMs = 3_600_000;

export function drawSilo(name: string, draws: SiloDraws): SiloModel {
  const random = new Random(seedOf(draws.seed, `silo/${name}/speed`));
  const downBytesPerMs = bytesPerMs(draws.mbit) * Math.exp(rateDeviation * random.normal());
  return {
    link: {
      downBytesPerMs,
      upBytesPerMs: downBytesPerMs * (0.2 + 0.8 * random.float64()),
      latencyMs: latencies(draws.latencyMs),
      outageFrom: outages(new Random(seedOf(draws.seed, `silo/${name}/outages`)), draws),
    },
    stepMs: draws.stepMs * Math.exp(stepDeviation * random.normal()),
  };
}

/** A link that is never cut, as fast in both directions. */
export function steadyLink(mbit: number, latencyMs: Link["latencyMs"]): Link {
  const rate = bytesPerMs(mbit);
  return { upBytesPerMs: rate, downBytesPerMs: rate, latencyMs, outageFrom: () => undefined };
}

/** Every request takes as long. */
export function latencies(ms: number): Link["latencyMs"] {
  return { read: ms, create: ms, replace: ms, find: ms, list: ms, remove: ms };
}

function bytesPerMs(mbit: number): number {
  return mbit * 1e6 / 8 / 1000;
}

/** Outages without end, drawn as far as they are asked for: times between them and their lengths are exponential. */
function outages(
  random: Random,
  { offlineShare, outageHours }: SiloDraws,
): Link["outageFrom"] {
  if (offlineShare === 0) return () => undefined;
  const drawn: Outage[] = [];
  const lasting = (meanMs: number) => -meanMs * Math.log(1 - random.float64());
  const awayMs = outageHours * hourMs;
  const thereMs = awayMs * (1 - offlineShare) / offlineShare;
  // It begins in the middle of one of both.
  let endMs = random.float64() < offlineShare ? lasting(awayMs) : 0;
  if (endMs > 0) drawn.push([0, endMs]);
  return (ms) => {
    while (endMs <= ms) {
      const from = endMs + lasting(thereMs);
      endMs = from + lasting(awayMs);
      drawn.push([from, endMs]);
    }
    return drawn.find(([, end]) => end > ms);
  };
}
