/**
 * Does harm to runs whose sources are trained by other processes, at random moments, and compares each with a run alone: key, and bytes
 * of `last`, `best` and `metrics`.
 *
 *     deno task instruments mischief [--over folder,s3,nats] [--variant trim,spec,spec-opt] [--harm worker,link,server,leader,sleep]
 *       [--moments 50] [--seed 1] [--rounds 6] [--steps 150] [--parties]
 *
 * With `--parties` each party keeps its text: `serve` and `silo --invitation`, whose models and tables are compared.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Random, seedOf, UsageError } from "../../base/mod.ts";
import { temporaryFolder } from "../support/command_line.ts";
import { type Harm, type HarmCounts, type HarmOptions, harms } from "../support/harm.ts";
import { harmedParties, partiesAlone } from "../support/harmed_parties.ts";
import { harmedRun, RunsAlone } from "../support/harmed_run.ts";
import type { Parties } from "../support/parties.ts";
import {
  type HarmedServer,
  type PlaceName,
  startServer,
  whyNoPlace,
} from "../support/harmed_places.ts";

/** Runs with harm, and compares with a run alone. */
type HarmedRun = (options: HarmOptions) => Promise<HarmCounts>;

/** A kind of harm to a variant over a kind of exchange. */
interface Cell {
  readonly over: PlaceName;
  readonly variant: string;
  readonly harm: Harm;
}

export async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      over: { type: "string", default: Object.keys(harms).join() },
      variant: { type: "string", default: "trim,spec,spec-opt" },
      harm: { type: "string", default: harms.s3.join() },
      moments: { type: "string", default: "50" },
      seed: { type: "string", default: "1" },
      rounds: { type: "string", default: "6" },
      steps: { type: "string", default: "150" },
      parties: { type: "boolean", default: false },
    },
  });
  const [moments, seed, rounds, localSteps] = [
    ...[values.moments, values.seed, values.rounds, values.steps],
  ].map(Number);
  const variants = values.variant.split(",");
  const extent = { rounds, localSteps };
  using alone = new RunsAlone(variants, extent);
  using folder = temporaryFolder();
  const places = values.over.split(",");
  for (const over of places) {
    if (!isPlace(over)) {
      throw new UsageError(
        `Cannot do mischief over "${over}": expected one of ${Object.keys(harms).join(", ")}`,
      );
    }
    if (whyNoPlace[over] !== undefined) {
      throw new UsageError(`Cannot do mischief over ${over}: it ${whyNoPlace[over]}`);
    }
    await using server = await startServer(over);
    for (const variant of variants) {
      const target = `pretrain/${variant}`;
      const run: HarmedRun = values.parties
        ? partiesRun(await partiesAlone(join(folder.path, variant), variant, extent))
        : (options) => harmedRun({ ...options, alone, target });
      if (!values.parties) await alone.of(target);
      for (const harm of harms[over].filter((one) => values.harm.split(",").includes(one))) {
        await harmCell({ over, variant, harm }, { run, moments, seed, server });
      }
    }
  }
}

function partiesRun(alone: Parties): HarmedRun {
  return (options) => harmedParties({ ...options, alone });
}

function isPlace(name: string): name is PlaceName {
  return Object.hasOwn(harms, name);
}

async function harmCell(
  { over, variant, harm }: Cell,
  { run, moments, seed, server }: {
    readonly run: HarmedRun;
    readonly moments: number;
    readonly seed: number;
    readonly server?: HarmedServer;
  },
): Promise<void> {
  const random = new Random(seedOf(seed, `${over} ${variant} ${harm}`));
  let [done, atWork, runs] = [0, 0, 0];
  const began = performance.now();
  for (; done < moments; runs++) {
    const counts = await run({
      harms: [harm],
      moments: moments - done,
      random,
      gapMs: 6000,
      cutMs: 12_000,
      awayMs: 3000,
      sleepMs: 75_000,
      server,
    });
    done += counts[harm];
    atWork += counts["at work"];
  }
  const training = harm === "worker" || harm === "sleep" ? `, ${atWork} while it trained` : "";
  const seconds = ((performance.now() - began) / 1000).toFixed(0);
  console.log(
    [
      over.padEnd(7),
      variant.padEnd(9),
      harm.padEnd(7),
      `${done} moments${training}, ${runs} runs, ${seconds} s: same key and bytes as alone`,
    ].join(" "),
  );
}
