import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Capacity, machineCapacity } from "../../pipeline/capacity.ts";
import { Store } from "../../pipeline/store.ts";
import { childrenLockPath, lockStore } from "../../pipeline/store_lock.ts";
import {
  type CliResult,
  eventsOf,
  filesIn,
  finishedStore,
  inTemporaryFolder,
  namesIn,
  objectsIn,
  toy,
  toyCommand,
  until,
} from "../support/toy_cli.ts";

/** The most walks that ran at one time. */
function mostAtOnce(result: CliResult): number {
  let [running, most] = [0, 0];
  for (const event of eventsOf(result)) {
    if (!("instance" in event) || !event.instance.startsWith("walk/")) continue;
    if (event.type === "started") most = Math.max(most, ++running);
    if (event.type === "done") running--;
  }
  return most;
}

Deno.test("run --jobs: claims of threads and memory say what runs at once, and change no byte", async () => {
  await inTemporaryFolder(async (folder) => {
    await toy(join(folder, "0"), "run", "words");
    const claims = [
      "{threads: 1, memoryGb: 0}",
      "{threads: 1, memoryGb: 1e6}", // a petabyte: runs alone
      `{threads: ${navigator.hardwareConcurrency}, memoryGb: 0}`,
    ];
    const found: [number, Record<string, string>][] = [];
    for (const [i, claim] of claims.entries()) {
      const set = ["--set", `claims=${claim}`, "--set", "delayMs=40", "--jobs", "8", "--json"];
      const result = await toy(join(folder, String(i)), "run", ...set);
      assert.equal(result.code, 0, result.stderr);
      found.push([mostAtOnce(result), objectsIn(join(folder, String(i)))]);
    }
    assert.equal(found[0][0], Math.min(4, navigator.hardwareConcurrency), "a thread each");
    assert.deepEqual([found[1][0], found[2][0]], [1, 1]);
    assert.deepEqual(found[1][1], found[0][1]);
    assert.deepEqual(found[2][1], found[0][1]);
  });
});

Deno.test("Capacity: what does not fit waits, and what no machine could hold starts alone", () => {
  const capacity = new Capacity({ threads: 2, memoryBytes: 100 });
  const [small, large, huge] = [
    { threads: 1, memoryBytes: 10 },
    { threads: 1, memoryBytes: 95 },
    { threads: 64, memoryBytes: 1e12 },
  ];
  assert.ok(capacity.fits(huge));
  capacity.take(small);
  assert.deepEqual([small, large, huge].map((it) => capacity.fits(it)), [true, false, false]);
  capacity.take(small);
  assert.ok(!capacity.fits(small), "no third thread");
  capacity.giveBack(small);
  capacity.giveBack(small);
  capacity.take(huge);
  assert.ok(!capacity.fits(small), "it has the machine for itself");
  const { threads, memoryBytes } = machineCapacity();
  assert.equal(threads, navigator.hardwareConcurrency);
  assert.ok(memoryBytes > 0 && memoryBytes <= Deno.systemMemoryInfo().total);
});

Deno.test("lockStore() says process, host, start and command of the holder, and outlives no process", async () => {
  await inTemporaryFolder(async (store) => {
    const before = new Date().toISOString();
    const run = toyCommand(store, ["run", "walk/a/left", "--set", "delayMs=400"]).spawn();
    await until("a child at work", () => isChildAtWork(store));
    let holder: { pid: number; host: string; command: string; since: string } | undefined;
    const options = { command: "test", onBusy: (found: typeof holder) => (holder = found, false) };
    assert.equal(await lockStore(store, options), undefined);
    assert.deepEqual([holder!.pid, holder!.host], [run.pid, Deno.hostname()]);
    assert.equal(holder!.command, "run walk/a/left");
    assert.ok(holder!.since >= before && holder!.since <= new Date().toISOString());
    run.kill("SIGKILL");
    await Promise.all([run.status, run.stdout.cancel(), run.stderr.cancel()]);
    holder = undefined;
    using lock = await lockStore(store, options); // waits for the last child, not for the dead
    assert.ok(lock !== undefined && holder === undefined);
    const found = filesIn(store);
    await new Promise((resolve) => setTimeout(resolve, 600));
    assert.deepEqual(filesIn(store), found, "who has the lock is alone");
  });
});

Deno.test("run: status, table, verify, push and gc --dry-run work while a run goes on", async () => {
  await inTemporaryFolder(async (folder) => {
    const store = join(folder, "store");
    await finishedStore(store);
    const run = toyCommand(store, ["run", "walk/a/left", "--force", "--set", "delayMs=20000"])
      .spawn();
    await until("a child", () => namesIn(join(store, "tmp")).length > 0);
    const commands = [
      ["status"],
      ["table"],
      ["verify"],
      ["push", join(folder, "r.tar")],
      ["gc", "--dry-run"],
    ];
    for (const command of commands) {
      const { code, stderr } = await toy(store, ...command);
      assert.equal(code, 0, `${command}: ${stderr}`);
    }
    run.kill("SIGKILL");
    await Promise.all([run.status, run.stdout.cancel(), run.stderr.cancel()]);
  });
});

Deno.test("Store.open(): a folder that a kill left half made is a store, one of other things is not", async () => {
  await inTemporaryFolder((folder) => {
    const half = join(folder, "half");
    Deno.mkdirSync(half);
    Deno.writeTextFileSync(join(half, `format.${crypto.randomUUID()}.tmp`), "");
    Store.open(half, { create: true });
    assert.ok(namesIn(half).includes("format"));
    Deno.removeSync(join(half, "tmp"), { recursive: true });
    Store.open(half, { create: true });
    assert.ok(namesIn(half).includes("tmp"));
    const other = join(folder, "other");
    Deno.mkdirSync(join(other, "tmp"), { recursive: true });
    assert.throws(() => Store.open(other, { create: true }), /as a store: .* found other files/);
  });
});

/**
 * Whether a child holds its lock. Before that, a process that is just being started has its runner's files open for a moment, the
 * store's lock too.
 */
function isChildAtWork(store: string): boolean {
  const path = childrenLockPath(store);
  if (!existsSync(path)) return false;
  using file = Deno.openSync(path, { read: true, write: true });
  return !file.tryLockSync(true);
}
