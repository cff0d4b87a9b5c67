import assert from "node:assert/strict";
import { join } from "node:path";
import type { RunEvent } from "../../pipeline/events.ts";
import {
  inTemporaryFolder,
  namesIn,
  objectsIn,
  toy,
  toyCommand,
  until,
} from "../support/toy_cli.ts";

/** A walk of about a second. */
const slow = ["walk/a/left", "--set", "steps=50", "--set", "delayMs=20"];
const hanging = ["walk/a/left", "--set", "fault={source: a, kind: hang}"];

/** Starts a `run --json` and collects its events while it runs. */
function start(store: string, args: readonly string[]) {
  const process = toyCommand(store, ["run", "--json", ...args]).spawn();
  const events: RunEvent[] = [];
  const read = (async () => {
    let text = "";
    for await (const part of process.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (text + part).split("\n");
      text = lines.pop()!;
      events.push(...lines.map((line) => JSON.parse(line)));
    }
  })();
  const end = async () => {
    const [status, , stderr] = await Promise.all([
      process.status,
      read,
      new Response(process.stderr).text(),
    ]);
    return { code: status.code, stderr };
  };
  const find = <Type extends RunEvent["type"]>(type: Type, instance = "walk/a/left") =>
    events.find((event): event is Extract<RunEvent, { type: Type }> =>
      event.type === type && (!("instance" in event) || event.instance === instance)
    );
  return { process, find, end };
}

/** The objects of an undisturbed run. */
async function plainObjects(folder: string, args: readonly string[]) {
  const store = join(folder, "plain");
  assert.equal((await toy(store, "run", ...args)).code, 0);
  return objectsIn(store);
}

function isAlive(pid: number): boolean {
  return Deno.spawnAndWaitSync("kill", ["-0", String(pid)]).success;
}

for (const signal of ["SIGTERM", "SIGKILL"] as const) {
  Deno.test(`run: stopped by ${signal} and started again it ends with the same bytes`, async () => {
    await inTemporaryFolder(async (folder) => {
      const store = join(folder, "store");
      const first = start(store, slow);
      await until("some steps", () => (first.find("progress")?.state.done ?? 0) > 0);
      await new Promise((resolve) => setTimeout(resolve, 250));
      first.process.kill(signal);
      const { code } = await first.end();
      assert.equal(code, signal === "SIGTERM" ? 143 : 137);
      assert.equal(first.find("stopped") !== undefined, signal === "SIGTERM");
      assert.deepEqual(Object.keys(objectsIn(store)), ["words/a#words"]);
      const second = start(store, slow);
      assert.equal((await second.end()).code, 0);
      assert.equal(second.find("started")?.isResumed, true);
      assert.ok(Number(second.find("log")?.fields?.resumedAt) > 5, "it goes on from a checkpoint");
      assert.deepEqual(objectsIn(store), await plainObjects(folder, slow));
      assert.deepEqual(namesIn(join(store, "checkpoints")), []);
    });
  });
}

Deno.test("run: a child killed while it writes leaves nothing under a final name", async () => {
  await inTemporaryFolder(async (store) => {
    const run = start(store, hanging);
    await until("half a file", () => holdsHalf(store));
    Deno.kill(run.find("started")!.pid, "SIGKILL");
    assert.equal((await run.end()).code, 1);
    assert.match(run.find("failed")!.message, /^Its process was killed \(SIGKILL/);
    assert.deepEqual(Object.keys(objectsIn(store)), ["words/a#words"]);
    assert.deepEqual(namesIn(join(store, "tmp")), []);
  });
});

Deno.test("run: when the runner is killed so is a child that cannot hear, and the next run sweeps", async () => {
  await inTemporaryFolder(async (store) => {
    const run = start(store, hanging);
    await until("half a file", () => holdsHalf(store));
    const { pid } = run.find("started")!;
    run.process.kill("SIGKILL");
    await run.process.status;
    await until("the child's end", () => !isAlive(pid));
    assert.equal(namesIn(join(store, "tmp")).length, 1);
    assert.equal((await toy(store, "run", "words/a")).code, 0);
    assert.deepEqual(namesIn(join(store, "tmp")), []);
    await run.end();
  });
});

Deno.test("run: a second run says whom it waits for, or leaves with --no-wait", async () => {
  await inTemporaryFolder(async (store) => {
    const first = start(store, slow);
    await until("the first to begin", () => first.find("started") !== undefined);
    const impatient = await toy(store, "run", "--no-wait");
    assert.equal(impatient.code, 1);
    assert.match(
      impatient.stderr,
      new RegExp(`Cannot run: process ${first.process.pid} \\(run walk/a`),
    );
    assert.equal((await toy(store, "status")).code, 3, "reading takes no lock");
    const patient = await toy(store, "run", ...slow);
    assert.match(patient.stderr, new RegExp(`^Waiting for process ${first.process.pid} `));
    assert.match(patient.stdout, /^Nothing to do/);
    assert.equal((await first.end()).code, 0);
  });
});

function holdsHalf(store: string): boolean {
  return namesIn(join(store, "tmp"))
    .some((name) => namesIn(join(store, "tmp", name, "walk")).includes("walk.txt"));
}
