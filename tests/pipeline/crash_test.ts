import assert from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import {
  faultsOf,
  finalBytes,
  type Kill,
  plainRun,
  survive,
  toyTarget,
} from "../instruments/crash.ts";
import { Random, seedOf } from "../../base/mod.ts";
import type { RunEvent } from "../../pipeline/events.ts";
import { eventsFrom } from "../support/run_events.ts";
import {
  inTemporaryFolder,
  namesIn,
  objectsIn,
  toy,
  toyCommand,
  until,
} from "../support/toy_cli.ts";

/** A walk of a second and a half. */
const slow = ["walk/a/left", "--set", "steps=50", "--set", "delayMs=30"];
const hanging = ["walk/a/left", "--set", "fault={source: a, kind: hang}"];

/** Starts a `run --json` and collects its events while it runs. */
function start(store: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const process = toyCommand(store, ["run", "--json", ...args], env).spawn();
  const events: RunEvent[] = [];
  const read = (async () => {
    for await (const event of eventsFrom(process)) events.push(event);
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
  /** How far an instance has come. */
  const steps = () => events.findLast((event) => event.type === "progress")?.state.done ?? 0;
  return { process, find, steps, end };
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
      await until("some steps", () => first.steps() > 7);
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
    Deno.kill(run.find("started")!.pid!, "SIGKILL");
    assert.equal((await run.end()).code, 1);
    assert.match(run.find("failed")!.message, /^Its process was killed \(SIGKILL/);
    assert.deepEqual(Object.keys(objectsIn(store)), ["words/a#words"]);
    assert.deepEqual(namesIn(join(store, "tmp")), []);
  });
});

const guards: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "by the system where it can": {},
  "by a thread of its own elsewhere": { PATH: "/nowhere" }, // where no setpriv is found
};

for (const [guard, env] of Object.entries(guards)) {
  Deno.test(`run: when the runner is killed so is a child that cannot hear, ${guard}, and the next run sweeps`, async () => {
    await inTemporaryFolder(async (store) => {
      const run = start(store, hanging, env);
      await until("half a file", () => holdsHalf(store));
      const { pid } = run.find("started")!;
      run.process.kill("SIGKILL");
      await run.process.status;
      await until("the child's end", () => !isAlive(pid!));
      assert.equal(namesIn(join(store, "tmp")).length, 1);
      assert.equal((await toy(store, "run", "words/a")).code, 0);
      assert.deepEqual(namesIn(join(store, "tmp")), []);
      await run.end();
    });
  });
}

Deno.test("run: a second run says whom it waits for, or leaves with --no-wait", async () => {
  await inTemporaryFolder(async (store) => {
    const first = start(store, ["walk/a/left", "--set", "steps=10000", "--set", "delayMs=30"]);
    await until("the first to begin", () => first.find("started") !== undefined);
    const impatient = await toy(store, "run", "--no-wait");
    assert.equal(impatient.code, 1);
    assert.match(
      impatient.stderr,
      new RegExp(
        `Cannot run: process ${first.process.pid} on ${Deno.hostname()} \\(run walk/a.*, since 2.*Z\\)`,
      ),
    );
    assert.equal((await toy(store, "status")).code, 3, "reading takes no lock");
    const patient = toyCommand(store, ["run", "words/a"]).spawn();
    const output = new Response(patient.stdout).text();
    const errors = patient.stderr.getReader();
    const { value } = await errors.read();
    const waiting = new RegExp(`^Waiting for process ${first.process.pid} `);
    assert.match(new TextDecoder().decode(value), waiting);
    first.process.kill("SIGTERM");
    assert.equal((await first.end()).code, 143);
    await errors.cancel();
    assert.match(await output, /^Nothing to do/, "what the first has made is seen");
    assert.equal((await patient.status).code, 0);
  });
});

function holdsHalf(store: string): boolean {
  return namesIn(join(store, "tmp"))
    .some((name) => namesIn(join(store, "tmp", name, "walk")).includes("walk.txt"));
}

Deno.test("run: killed once at every kind of write point it ends with the same bytes", async () => {
  await inTemporaryFolder(async (folder) => {
    const plain = await plainRun(toyTarget, folder);
    const random = new Random(seedOf(1, "tests/crash/points"));
    const faults = [...plain.points].map(([point, count]) => `${point}:${1 + random.below(count)}`);
    let hits = 0;
    for (const fault of faults) {
      hits += await survive(toyTarget, plain, folder, [{ at: "point", fault }]);
    }
    assert.equal(hits, faults.length);
    assert.ok(hits >= 15, `${hits} kinds of points of runner and children`);
  });
});

Deno.test("run: any interleaving of kills ends in the same bytes", async () => {
  await inTemporaryFolder(async (folder) => {
    const plain = await plainRun(toyTarget, folder);
    const kill: fc.Arbitrary<Kill> = fc.oneof(
      fc.record({ at: fc.constant("point" as const), fault: fc.constantFrom(...faultsOf(plain)) }),
      fc.record({
        at: fc.constant("time" as const),
        afterMs: fc.integer({ min: 0, max: Math.ceil(plain.durationMs) }),
        victim: fc.constantFrom("runner" as const, "child" as const),
      }),
    );
    let hits = 0;
    const property = fc.asyncProperty(
      fc.array(kill, { minLength: 5, maxLength: 5 }),
      async (kills) => void (hits += await survive(toyTarget, plain, folder, kills)),
    );
    // Shrinking would run for minutes; the failing kills are in the error.
    await fc.assert(property, { seed: 3, numRuns: 8, endOnFailure: true });
    assert.ok(hits >= 10, `${hits} of 40 kills hit`);
  });
});

for (
  const fault of ["runner:mid-write:5", "walk/a/left:mid-write:2", "walk/a/left:before-sync:9"]
) {
  Deno.test(`run: a disk that is full at ${fault} is named, and nothing is lost`, async () => {
    await inTemporaryFolder(async (folder) => {
      const store = join(folder, "store");
      const args = ["run", "--set", "sources=[a]", "--set", "rules=[left]", "--set", "steps=8"];
      const command = toyCommand(store, args, { DEPT_FAULT: `${fault}:full` });
      const { code, stderr } = await command.output();
      assert.equal(code, 1);
      assert.match(
        new TextDecoder().decode(stderr),
        /Cannot .* in store ".*": expected room on its disk/,
      );
      const other = join(folder, "other");
      await Promise.all([toy(store, ...args), toy(other, ...args)]);
      assert.deepEqual(finalBytes(store), finalBytes(other));
      assert.equal((await toy(store, "verify")).code, 0);
    });
  });
}

/** Whether this process may mount file systems. */
const mayMount = Deno.build.os === "linux" && Deno.uid() === 0 && await canMount();

Deno.test({
  name: "run: on a small disk that fills up, and on a read-only one, the error says so",
  ignore: !mayMount, // needs a file system of its own
  async fn() {
    await inTemporaryFolder(async (folder) => {
      const disk = join(folder, "disk");
      Deno.mkdirSync(disk);
      mount("-t", "tmpfs", "-o", "size=512k", "tmpfs", disk);
      try {
        const store = join(disk, "store");
        assert.equal((await toy(store, "run", "words/a")).code, 0);
        fill(disk, 160); // of which what a walk runs takes 95
        const full = await toy(store, "run", "walk/a/left", "--set", "steps=4000");
        assert.equal(full.code, 1);
        assert.match(
          full.stderr,
          /in store ".*": expected room on its disk, found it full; free some/,
        );
        assert.equal((await toy(store, "verify")).code, 0);
        const filler = join(disk, "filler");
        Deno.truncateSync(filler, Deno.statSync(filler).size - 48 * 1024);
        assert.equal((await toy(store, "run", "walk/a/left")).code, 0, "with some room it runs");
        mount("-o", "remount,ro", disk);
        const readOnly = await toy(store, "run", "words/b");
        assert.equal(readOnly.code, 1);
        assert.match(
          readOnly.stderr,
          /^error: Cannot .* in store ".*": .* read-only file system; choose/,
        );
        assert.equal((await toy(store, "status", "words/a")).code, 0, "reading commands work");
        assert.equal((await toy(store, "verify")).code, 0);
      } finally {
        new Deno.Command("umount", { args: [disk] }).outputSync();
      }
    });
  },
});

/** Fills a disk but for some kB. */
function fill(disk: string, leftKb: number): void {
  const { stdout } = new Deno.Command("df", { args: ["-k", "--output=avail", disk] }).outputSync();
  const freeKb = Number(new TextDecoder().decode(stdout).trim().split("\n").at(-1));
  Deno.writeFileSync(join(disk, "filler"), new Uint8Array((freeKb - leftKb) * 1024));
}

function mount(...args: string[]): void {
  const { success, stderr } = new Deno.Command("mount", { args }).outputSync();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

async function canMount(): Promise<boolean> {
  const folder = await Deno.makeTempDir();
  try {
    mount("-t", "tmpfs", "tmpfs", folder);
    new Deno.Command("umount", { args: [folder] }).outputSync();
    return true;
  } catch {
    return false;
  } finally {
    await Deno.remove(folder);
  }
}
