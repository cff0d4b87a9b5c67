/**
 * What a process that trains for a leader does with a task that it cannot answer.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { leaderInFolder } from "../../exchange/mod.ts";
import { nameOf, offerName, replyName } from "../../exchange/layout.ts";
import { silentLog } from "../../pipeline/stage.ts";
import { siloSetupOf } from "../../stages/parallel_sources.ts";
import { runKeysIn } from "../../stages/run_keys.ts";
import { answerTasks } from "../../stages/silo_work.ts";
import { trainingSetup } from "../support/silo_setup.ts";
import { pretraining, withSources } from "../training/support.ts";

for (const isWithdrawn of [true, false]) {
  const does = isWithdrawn ? "leaves it alone" : "declines";
  Deno.test(`answerTasks() whose task's files are gone ${does} where its leader ${isWithdrawn ? "has withdrawn it" : "waits for it"}`, () =>
    withSources(async (sources, folder) => {
      const options = pretraining("trim", sources, folder);
      const exchangeFolder = join(folder, "exchange");
      const setup = siloSetupOf({
        sources,
        setup: trainingSetup(options, folder),
        exchange: { url: `folder:${exchangeFolder}` },
      });
      const { run, leader: keys, silo } = runKeysIn(options.checkpointFolder);
      await using leader = leaderInFolder(exchangeFolder, {
        run,
        privateKey: keys.privateKey,
        silos: { alpha: silo.publicKey },
      });
      const shared = { area: "shared", round: 1, digest: "0".repeat(64), bytes: 1 };
      const head = { run, round: 1, source: "alpha", kind: "train", shared, optimizer: null };
      const task = await leader.offer({ ...head, held: null });
      const pathOf = (kind: "answer" | "declined") =>
        join(exchangeFolder, replyName(nameOf({ ...head, held: null }), kind));
      const end = new AbortController();
      const said: string[] = [];
      const working = answerTasks({ ...setup, exchange: { ...setup.exchange, worker: "a" } }, {
        log: {
          ...silentLog,
          ...Object.fromEntries(
            ["info", "warn"].map((level) => [level, (message: string) => void said.push(message)]),
          ),
        },
        signal: end.signal,
        onTaken() {
          if (isWithdrawn) Deno.removeSync(join(exchangeFolder, offerName(task)));
        },
      });
      while (said.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
      end.abort();
      await working;
      assert.match(said.join(), isWithdrawn ? /does not wait for it any more/ : /Cannot get/);
      assert.equal(existsSync(pathOf("declined")), !isWithdrawn);
    }));
}
