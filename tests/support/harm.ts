/**
 * Harm that is done to the parties of a run at random moments.
 */
import assert from "node:assert/strict";
import type { Random } from "../../base/mod.ts";
import { type Party, sleep, textOf } from "./harmed_party.ts";
import type { HarmedServer, PlaceName } from "./harmed_places.ts";

/**
 * What is done: a process of a silo or of the leader is killed, the line of one is cut, the server is killed, a silo sleeps for longer than others
 * wait for it. It all comes back.
 */
export type Harm = "worker" | "link" | "server" | "leader" | "sleep";

/** What can be done where; a folder has neither lines nor a server. */
export const harms: Readonly<Record<PlaceName, readonly Harm[]>> = {
  folder: ["worker", "leader", "sleep"],
  s3: ["worker", "link", "server", "leader", "sleep"],
  nats: ["worker", "link", "server", "leader", "sleep"],
};

export interface HarmOptions {
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
  /** How long a silo sleeps. */
  readonly sleepMs: number;
  /** Absent for a folder. */
  readonly server?: HarmedServer;
}

/** How often each harm was done while the run was going on. Where a worker was killed, or slept: how often it was training. */
export type HarmCounts = Readonly<Record<Harm | "at work", number>>;

/** Does harm until the run ends or all moments are over, and waits until all have ended. @throws AssertionError where one does not end well */
export async function doHarm(
  { leader, ...others }: Readonly<Record<string, Party>> & { readonly leader: Party },
  { harms, moments, random, gapMs, cutMs, awayMs, sleepMs, server }: HarmOptions,
): Promise<HarmCounts> {
  const silos = Object.values(others);
  const parties = { leader, ...others };
  const counts = { worker: 0, link: 0, server: 0, leader: 0, sleep: 0, "at work": 0 };
  const mending: Promise<void>[] = [];
  for (let i = 0; i < moments; i++) {
    await sleep(random.below(gapMs));
    const harm = harms[random.below(harms.length)];
    const worker = silos[random.below(silos.length)];
    const first = random.below(1 + silos.length);
    const isSilent = random.below(2) === 0;
    const away = random.below(awayMs);
    const all = [leader, ...silos];
    const whole = [...all.slice(first), ...all.slice(0, first)].filter(({ isCut }) => !isCut);
    if (leader.hasEnded) break;
    if (harm === "link" && whole.length === 0) continue;
    if (harm === "sleep" && worker.isAsleep) continue;
    counts[harm]++;
    switch (harm) {
      case "worker":
        if (worker.isTraining) counts["at work"]++;
        await worker.restart();
        break;
      case "sleep":
        if (worker.isTraining) counts["at work"]++;
        mending.push(worker.sleep(sleepMs));
        break;
      case "leader":
        await leader.restart();
        break;
      case "link":
        mending.push(whole[0].cutOff(isSilent, cutMs));
        break;
      case "server":
        await server!.kill();
        await sleep(away);
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
  return counts;
}
