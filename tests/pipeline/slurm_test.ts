/**
 * Instances as jobs of a real Slurm with three nodes: the bytes of a local run, whatever is killed meanwhile.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { RunEvent } from "../../pipeline/events.ts";
import { readLeases } from "../../pipeline/executors/leases.ts";
import { outputDigests, pipelineCommand, tinyRecipe } from "../support/command_line.ts";
import { eventsFrom } from "../support/run_events.ts";
import { SlurmLab, whyNoSlurm } from "../support/slurm_lab.ts";
import { inTemporaryFolder, namesIn, objectsIn, toy, toyCommand } from "../support/toy_cli.ts";

/** Files and queue are looked at more often than on a cluster. */
const executor = "slurm:ask=1,look=0.1,";

/** No job of these tests needs more, and none runs where the node is lost. */
const others = "mem=100M,exclude=n2";

/** A walk of some seconds. */
const slow = ["walk/a/left", "--set", "steps=60", "--set", "delayMs=100"];

const whyNot = whyNoSlurm();
const name = "Slurm runs instances as jobs";

Deno.test({
  name: whyNot === undefined ? name : `${name}: skipped: ${whyNot}`,
  ignore: whyNot !== undefined,
  async fn(t) {
    await using lab = await SlurmLab.start();
    const step = (what: string, act: (folder: string) => Promise<void>) =>
      t.step(what, () => inTemporaryFolder(act));
    // It waits for Slurm most of the time, on a node that the others leave to it.
    const lost = inTemporaryFolder((folder) => lostNode(lab, folder));
    lost.catch(() => {}); // its own step says it
    await step("stages give the bytes of a local run", (folder) => wholeRecipe(lab, folder));
    await step(
      "a runner that is killed is followed by one that takes up its job",
      (folder) => adoption(lab, folder),
    );
    await step(
      "Ctrl-C reaches the job, which writes a checkpoint; a second one kills it",
      (folder) => stops(lab, folder),
    );
    await step(
      "a job that is asked to stop before its time is over goes on in another",
      (folder) => timeIsOver(lab, folder),
    );
    await step(
      "what Slurm refuses is said; a job that waits is withdrawn",
      (folder) => refusals(lab, folder),
    );
    await step(
      "detached jobs follow each other without a run that waits",
      (folder) => detached(lab, folder),
    );
    await t.step("a node that is lost: the next attempt goes on from the checkpoint", () => lost);
  },
});

async function wholeRecipe(lab: SlurmLab, folder: string): Promise<void> {
  const [here, there] = [join(folder, "here"), join(folder, "there")];
  const args = [
    "run",
    "all",
    "--quiet",
    "--recipe",
    tinyRecipe,
    "--set",
    "pretrain.variants=[trim]",
  ];
  const ran = await Promise.all([
    pipelineCommand([...args, "--store", here]).output(),
    pipelineCommand(
      [...args, "--store", there, "--executor", `${executor}${others}`],
      undefined,
      lab.environment,
    ).output(),
  ]);
  for (const { code, stderr } of ran) assert.equal(code, 0, new TextDecoder().decode(stderr));
  assert.deepEqual(outputDigests(there), outputDigests(here));
  for (const left of ["leases", "tmp", "checkpoints"]) {
    assert.deepEqual(namesIn(join(there, left)), [], left);
  }
  for (const { provenance } of manifests(there)) {
    assert.match(provenance.instructionSet, /sse4_1|asimd/, "as the node has said it");
  }
}

async function adoption(lab: SlurmLab, folder: string): Promise<void> {
  const store = join(folder, "store");
  const first = start(lab, store, slow);
  await lab.until("some steps", () => first.hasSteps(3));
  // It asks the queue now and then; the checks below want what it was told.
  const isNoted = () => Promise.resolve(readLeases(store)[0].node !== undefined);
  await lab.until("a note of the node", isNoted);
  first.process.kill("SIGKILL");
  await first.end();
  const [{ job, key }] = readLeases(store);
  const held = namesIn(join(store, "tmp")).filter((name) => name.startsWith(key));
  assert.equal(held.length, 1);
  const gc = await toy(store, "gc");
  assert.match(
    gc.stderr,
    new RegExp(
      `^error: Cannot gc: expected no job at work, found walk/a/left \\(slurm job ${job} on n`,
    ),
  );
  const status = await toy(store, "status", ...slow);
  assert.match(
    status.stdout,
    new RegExp(`^run +walk/a/left +at work: slurm job ${job} on n\\d$`, "m"),
  );
  const second = start(lab, store, slow);
  assert.equal((await second.end()).code, 0);
  const { place, isResumed } = second.find("started")!;
  assert.equal(place.split(" on ")[0], `slurm job ${job}`);
  assert.equal(isResumed, true);
  assert.equal(second.walked(), 0, "by the job of the first runner, which went on");
  assert.deepEqual(objectsIn(store), await plainObjects(folder, slow));
  assert.deepEqual([...namesIn(join(store, "leases")), ...namesIn(join(store, "tmp"))], []);
}

async function lostNode(lab: SlurmLab, folder: string): Promise<void> {
  const store = join(folder, "store");
  const run = start(lab, store, slow, "mem=100M,nodelist=n2");
  await lab.until("some steps", () => run.hasSteps(5));
  await lab.killNode("n2");
  await lab.until("the loss is seen", () => Promise.resolve(run.says(/was ended \(NODE_FAIL\)/)));
  await lab.bringBack("n2");
  assert.equal((await run.end()).code, 0);
  assert.ok(run.walked() >= 5, "it goes on from a checkpoint");
  assert.deepEqual(objectsIn(store), await plainObjects(folder, slow));
  assert.deepEqual([...namesIn(join(store, "leases")), ...namesIn(join(store, "tmp"))], []);
}

async function stops(lab: SlurmLab, folder: string): Promise<void> {
  const store = join(folder, "store");
  const first = start(lab, store, slow);
  await lab.until("some steps", () => first.hasSteps(3));
  first.process.kill("SIGTERM");
  assert.equal((await first.end()).code, 143);
  assert.ok(first.find("stopped")!.stoppedAt!.done >= 3);
  const second = start(lab, store, [...slow, "--set", "fault={source: a, kind: hang}"]);
  await lab.until("it hangs", () => second.hasSteps(30));
  const { job } = readLeases(store)[0];
  second.process.kill("SIGTERM");
  await lab.until("it stops", () => Promise.resolve(second.find("stopping") !== undefined));
  await new Promise((resolve) => setTimeout(resolve, 1500)); // else both are one wish
  second.process.kill("SIGTERM");
  assert.equal((await second.end()).code, 143);
  assert.notEqual(await lab.jobState(job!), "RUNNING");
  const third = start(lab, store, slow);
  assert.equal((await third.end()).code, 0);
  assert.ok(third.walked() >= 3);
  assert.deepEqual(objectsIn(store), await plainObjects(folder, slow));
}

async function timeIsOver(lab: SlurmLab, folder: string): Promise<void> {
  const store = join(folder, "store");
  const run = start(lab, store, slow);
  await lab.until("some steps", () => run.hasSteps(3));
  const [{ job }] = readLeases(store);
  await lab.ask("scancel", "--batch", "--signal=TERM", job!); // as Slurm does before the end
  assert.equal((await run.end()).code, 0);
  assert.ok(run.says(/was ended \(asked to stop\); another goes on/));
  assert.ok(run.walked() >= 3);
  assert.deepEqual(objectsIn(store), await plainObjects(folder, slow));
}

async function refusals(lab: SlurmLab, folder: string): Promise<void> {
  const store = join(folder, "store");
  const refused = start(lab, store, slow, "partition=none");
  assert.equal((await refused.end()).code, 1);
  assert.match(refused.find("failed", "words/a")!.message, /sbatch said ".*invalid partition/i);
  const waiting = start(lab, store, slow, `${others},begin=now+1hour`);
  const job = () => readLeases(store)[0]?.job;
  await lab.until("it waits", () => Promise.resolve(job() !== undefined));
  const number = job()!;
  assert.equal(await lab.jobState(number), "PENDING");
  waiting.process.kill("SIGTERM");
  assert.equal((await waiting.end()).code, 143);
  assert.equal(await lab.jobState(number), "CANCELLED");
  assert.deepEqual(namesIn(join(store, "leases")), []);
}

async function detached(lab: SlurmLab, folder: string): Promise<void> {
  const store = join(folder, "store");
  const ask = async (...args: string[]) => {
    const { code, stdout, stderr } = await toyCommand(store, args, lab.environment).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code, said: text(stdout), errors: text(stderr) };
  };
  const args = ["run", "--executor", executor + others, "--detach"];
  await lab.ask("scontrol", "update", "PartitionName=main", "State=DOWN"); // jobs wait for now
  const queued = await ask(...args);
  assert.equal(queued.code, 0, queued.errors);
  assert.match(queued.said, /^7 jobs of Slurm are queued, and nothing needs to wait for them\./);
  const status = await ask("status");
  assert.match(
    status.said,
    /^waiting +table\/ends +queued: slurm job \d+ \((Dependency|PartitionDown)\)$/m,
  );
  const again = await ask(...args);
  assert.equal(jobsIn(again.said), jobsIn(queued.said), "none is queued twice");
  await lab.ask("scontrol", "update", "PartitionName=main", "State=UP");
  const [last] = /\d+$/.exec(jobsIn(queued.said)!)!;
  await lab.until(
    "the last job has ended",
    async () => !/PENDING|RUNNING|COMPLETING/.test(await lab.jobState(last)),
  );
  const logs = namesIn(join(store, "logs")).filter((name) => name.endsWith(".out"))
    .map((name) => Deno.readTextFileSync(join(store, "logs", name)));
  assert.equal(await lab.jobState(last), "COMPLETED", logs.join("\n"));
  assert.deepEqual(objectsIn(store), await plainObjects(folder, []));
  assert.deepEqual([...namesIn(join(store, "tmp")), ...namesIn(join(store, "checkpoints"))], []);
  assert.equal((await toy(store, "gc", "--dry-run")).code, 0);
}

/** Numbers of the jobs that a detached run names. */
function jobsIn(text: string): string | undefined {
  return /scancel ([\d ]+)$/m.exec(text)?.[1];
}

/** Starts a run over Slurm and collects its events while it runs. */
function start(lab: SlurmLab, store: string, args: readonly string[], settings = others) {
  const asJobs = ["run", "--json", "--executor", executor + settings];
  const process = toyCommand(store, [...asJobs, ...args], lab.environment).spawn();
  const events: RunEvent[] = [];
  const read = (async () => {
    for await (const event of eventsFrom(process)) events.push(event);
  })();
  const find = <Type extends RunEvent["type"]>(type: Type, instance = "walk/a/left") =>
    events.findLast((event): event is Extract<RunEvent, { type: Type }> =>
      event.type === type && (!("instance" in event) || event.instance === instance)
    );
  const logs = () => events.flatMap((event) => event.type === "log" ? [event] : []);
  return {
    process,
    find,
    async end() {
      const [{ code }] = await Promise.all([
        process.status,
        read,
        new Response(process.stderr).text(),
      ]);
      return { code };
    },
    hasSteps: (count: number) => Promise.resolve((find("progress")?.state.done ?? 0) >= count),
    says: (text: RegExp) => logs().some(({ message }) => text.test(message)),
    /** Where the walk that came to its end had begun. */
    walked: () => Number(logs().findLast(({ message }) => message === "walked")?.fields?.resumedAt),
  };
}

/** The objects of an undisturbed run of this machine. */
async function plainObjects(folder: string, args: readonly string[]) {
  const store = join(folder, "plain");
  assert.equal((await toy(store, "run", ...args, "--set", "delayMs=0")).code, 0);
  return objectsIn(store);
}

function manifests(store: string) {
  const folder = join(store, "manifests");
  return namesIn(folder).map((name) => JSON.parse(Deno.readTextFileSync(join(folder, name))));
}
