/**
 * Processes are killed, lines are cut and the server goes away while sources are trained by processes of others: the key and bytes of a
 * run alone. In long, each harm by itself: `deno task instruments mischief`.
 */
import assert from "node:assert/strict";
import { Random, seedOf } from "../../base/mod.ts";
import { harms } from "../support/harm.ts";
import { harmedRun, RunsAlone } from "../support/harmed_run.ts";
import { startServer, whyNoPlace } from "../support/harmed_places.ts";

const cases = [
  { over: "folder", variant: "spec-opt" },
  { over: "s3", variant: "trim" },
] as const;

for (const { over, variant } of cases) {
  const whyNot = whyNoPlace[over];
  const skipped = whyNot === undefined ? "" : `: skipped: ${whyNot}`;
  Deno.test({
    name:
      `${variant} over ${over} ends with key and bytes of a run alone, whatever is done to it${skipped}`,
    ignore: skipped !== "",
  }, async () => {
    await using server = await startServer(over);
    using alone = new RunsAlone([variant], { rounds: 3, localSteps: 60 });
    const quick = harms[over].filter((harm) => harm !== "sleep"); // others wait for a minute
    const counts = await harmedRun({
      alone,
      target: `pretrain/${variant}`,
      harms: quick,
      moments: quick.length,
      random: new Random(seedOf(1, over)),
      gapMs: 2000,
      cutMs: 1500,
      awayMs: 500,
      sleepMs: 0,
      server,
    });
    const { "at work": _, ...done } = counts;
    assert.ok(Object.values(done).reduce((sum, n) => sum + n) >= 2, JSON.stringify(counts));
  });
}
