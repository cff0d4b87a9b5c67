/**
 * Rounds on a cluster: workers that are one job, over a folder that the nodes share. The bytes of a run alone.
 */
import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import { join } from "node:path";
import {
  keyAndOutputs,
  pipeline,
  pipelineCommand,
  temporaryFolder,
  tinyRecipe,
} from "../support/command_line.ts";
import { projectRoot } from "../support/paths.ts";
import { SlurmLab, whyNoSlurm } from "../support/slurm_lab.ts";

const whyNot = whyNoSlurm();
const name = "workers of rounds as one job of Slurm give the key and bytes of a run alone";

const target = "pretrain/spec";
const settings = [
  "pretrain.variants=[spec]",
  "pretrain.rounds=2",
  "pretrain.localSteps=30",
  "engine.kind=reference",
];
const words = ["--recipe", tinyRecipe, ...settings.flatMap((setting) => ["--set", setting])];

const made = (store: string) => keyAndOutputs(target, [...words, "--store", store]);

Deno.test({
  name: whyNot === undefined ? name : `${name}: skipped: ${whyNot}`,
  ignore: whyNot !== undefined,
  async fn(t) {
    using folder = temporaryFolder();
    await using lab = await SlurmLab.start();
    const storeOf = (name: string) => join(folder.path, name);
    const prepared = await pipeline([
      ...["run", target, "--quiet", ...words, "--store", storeOf("alone")],
    ]);
    assert.equal(prepared.code, 0, prepared.stdout + prepared.stderr);
    const alone = await made(storeOf("alone"));
    assert.ok(alone.outputs.last);
    for (const name of ["one-command", "by-hand"]) {
      cpSync(storeOf("alone"), storeOf(name), { recursive: true });
      Deno.removeSync(join(storeOf(name), "manifests", `${alone.key}.json`));
    }

    await t.step("run --executor slurm --workers 2 submits them", async () => {
      const store = storeOf("one-command");
      const { code, stdout, stderr } = await pipelineCommand(
        [
          ...["run", target, "--verbose", ...words, "--store", store, "--workers", "2"],
          ...["--exchange", `folder:${folder.path}/a`, "--executor", "slurm:ask=1,mem=100M"],
        ],
        undefined,
        lab.environment,
      ).output();
      const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
      assert.equal(code, 0, said);
      const [, job] = /has 2 workers, slurm job (\d+)/.exec(said) ?? [];
      assert.ok(job, said);
      const log = Deno.readTextFileSync(join(store, "logs", `${alone.key}.workers.log`));
      for (const round of [1, 2]) {
        assert.match(log, new RegExp(`has answered for \\w+ in round ${round}`));
      }
      assert.deepEqual(await made(store), alone);
      await lab.until(
        "the workers have ended",
        async () => (await lab.ask("squeue", "--noheader", "--jobs", job)) === "",
      );
    });

    await t.step("an array of silo, and a leader in another job", async () => {
      const store = storeOf("by-hand");
      const rest = [...words, "--store", store, "--exchange", `folder:${folder.path}/b`]
        .map((word) => `'${word}'`).join(" ");
      const command = `cd ${projectRoot} && exec ${Deno.execPath()} task --quiet pipeline`;
      const silos = `${command} silo ${target} ${rest} --name "worker-$SLURM_ARRAY_TASK_ID"`;
      await lab.submit(silos, "--array=1-2", "--requeue");
      const leader = await lab.submit(`${command} run ${target} ${rest} --workers 0`);
      await lab.until("the leader has ended", async () => {
        const state = await lab.jobState(leader);
        assert.match(state, /^(PENDING|RUNNING|COMPLETING|COMPLETED)$/);
        return state === "COMPLETED";
      });
      assert.deepEqual(await made(store), alone);
      await lab.until("all have ended", async () => (await lab.ask("squeue", "--noheader")) === "");
    });
  },
});
