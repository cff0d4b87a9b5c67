import assert from "node:assert/strict";
import { join } from "node:path";
import { toyHere } from "../support/captured.ts";
import {
  finishedStore,
  inTemporaryFolder,
  namesIn,
  objectsIn,
  ranIn,
  toy,
  toyCommand,
} from "../support/toy_cli.ts";

/** Says that every run of a store was some days ago. */
function age(store: string, days: number): void {
  for (const name of namesIn(join(store, "runs"))) {
    const path = join(store, "runs", name);
    const [header, ...lines] = Deno.readTextFileSync(path).split("\n");
    const at = new Date(Date.now() - days * 24 * 3600 * 1000).toISOString();
    Deno.writeTextFileSync(
      path,
      [JSON.stringify({ ...JSON.parse(header), at }), ...lines].join("\n"),
    );
  }
}

/** Names of all objects. */
function objectNames(store: string): string[] {
  const folder = join(store, "objects");
  return namesIn(folder).flatMap((prefix) => namesIn(join(folder, prefix)));
}

Deno.test("gc keeps what the last runs asked for and removes what they no longer do", async () => {
  await inTemporaryFolder(async (store) => {
    await toy(store, "run", "--set", "steps=3");
    age(store, 31); // the run with 3 steps is long ago
    await toy(store, "run");
    const before = objectNames(store);
    const dry = await toy(store, "gc", "--dry-run");
    assert.match(dry.stdout, /^table\/ends .* made /);
    assert.match(
      dry.stdout,
      /Would remove 5 results, 5 objects, 0 checkpoints, 5 logs: [\d.]+ kB\n$/,
    );
    assert.deepEqual(objectNames(store), before, "a dry run removes nothing");
    const wet = await toy(store, "gc");
    assert.equal(wet.code, 0, wet.stderr);
    assert.match(wet.stdout, /Removed 5 results, 5 objects/);
    assert.equal(objectNames(store).length, before.length - 10, "listings and folders");
    assert.deepEqual(ranIn(await toy(store, "run", "--json")), [], "what was kept is fresh");
    assert.equal((await toy(store, "verify")).code, 0);
    assert.equal(Object.keys(objectsIn(store)).length, 7);
    assert.equal(ranIn(await toy(store, "run", "--json", "--set", "steps=3")).length, 5);
  });
});

Deno.test("gc: a changed recipe leaves what it no longer makes; --days 0 and a name say what stays", async () => {
  await inTemporaryFolder(async (store) => {
    await finishedStore(store);
    await toy(store, "run", "--set", "sources=[a]", "--set", "title=A");
    assert.match((await toy(store, "gc", "--dry-run")).stdout, /Would remove 0 results/);
    age(store, 1);
    assert.match((await toy(store, "gc", "--days", "0", "-n")).stdout, /Would remove 8 results/);
    assert.match((await toy(store, "gc", "toy", "--days", "0", "-n")).stdout, /remove 0 results/);
  });
});

Deno.test("gc: unknown recipes, wrong days and a store without records are refused", async () => {
  await inTemporaryFolder(async (folder) => {
    const store = join(folder, "store");
    const empty = await toy(store, "gc");
    assert.equal(empty.code, 2);
    assert.match(empty.stderr, /expected a record of what was run there, found none/);
    await toy(store, "run", "words");
    assert.match((await toy(store, "gc", "tyo")).stderr, /recipe "tyo" \(did you mean "toy"\?\)/);
    assert.match((await toy(store, "gc", "--days", "x")).stderr, /Cannot accept --days x/);
  });
});

for (const point of ["after-rename:1", "before-remove:1", "before-remove:4"]) {
  Deno.test(`gc: killed at ${point} it is finished by whoever locks the store next`, async () => {
    await inTemporaryFolder(async (store) => {
      await toy(store, "run", "words", "--set", "seed=7");
      age(store, 31);
      await toy(store, "run", "words");
      const command = toyCommand(store, ["gc"], { DEPT_FAULT: `runner:${point}` });
      assert.equal((await command.output()).signal, "SIGKILL");
      assert.ok(namesIn(store).includes("gc.json"));
      assert.deepEqual(ranIn(await toy(store, "run", "words", "--json")), []);
      assert.ok(!namesIn(store).includes("gc.json"));
      assert.equal(objectNames(store).length, 4, "two objects and their listings");
      assert.equal(namesIn(join(store, "manifests")).length, 2);
      assert.equal((await toy(store, "verify")).code, 0);
    });
  });
}

Deno.test("run --keep-checkpoints keeps the newest of what finishes, until gc", async () => {
  await inTemporaryFolder(async (store) => {
    await toy(store, "run", "walk/a/left", "--keep-checkpoints", "1");
    const kept = namesIn(join(store, "checkpoints"));
    assert.equal(kept.filter((name) => name.endsWith(".kept")).length, kept.length);
    assert.ok(
      kept.some((name) => namesIn(join(store, "checkpoints", name)).includes("states.json")),
    );
    await toy(store, "run", "walk/a/right");
    assert.deepEqual(namesIn(join(store, "checkpoints")), kept, "the default keeps none");
    age(store, 31);
    await toy(store, "run", "walk/a/right", "--set", "seed=3");
    await toy(store, "gc");
    assert.deepEqual(namesIn(join(store, "checkpoints")), []);
    assert.match(
      (await toy(store, "run", "--keep-checkpoints", "x")).stderr,
      /Cannot accept --keep-checkpoints x: expected a whole number/,
    );
  });
});

Deno.test("gc waits for a run, or leaves with --no-wait", async () => {
  await inTemporaryFolder(async (store) => {
    const running = toyCommand(store, ["run", "walk/a/left", "--set", "delayMs=150"]).spawn();
    while (!namesIn(join(store, "tmp")).length) await new Promise((done) => setTimeout(done, 20));
    const { code, stderr } = await toy(store, "gc", "--no-wait");
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`Cannot gc: process ${running.pid} on .* is using store`));
    await Promise.all([running.status, running.stdout.cancel(), running.stderr.cancel()]);
  });
});

for (const write of [1, 2]) {
  Deno.test(`gc: works on a full disk, which it is there to free: no room at write ${write}`, async () => {
    await inTemporaryFolder(async (store) => {
      await finishedStore(store);
      const fault = { DEPT_FAULT: `runner:before-write:${write}:full` };
      const { code, stderr } = await toyCommand(store, ["gc", "--days", "0"], fault).output();
      assert.equal(code, 0, new TextDecoder().decode(stderr));
      assert.deepEqual(namesIn(join(store, "manifests")), []);
      assert.equal((await toyHere(store, ["verify"])).code, 0);
    });
  });
}

Deno.test("gc: a damaged journal is dropped, and never leads out of the store", async () => {
  await inTemporaryFolder(async (folder) => {
    const store = join(folder, "store");
    await finishedStore(store);
    Deno.writeTextFileSync(join(folder, "mine"), "");
    const journals = [
      "{",
      "null",
      "{}",
      '{"remove": [5]}',
      '{"remove": ["runs/../../mine"]}',
      '{"remove": ["../mine"]}',
    ];
    for (const journal of journals) {
      Deno.writeTextFileSync(join(store, "gc.json"), journal);
      const { code, stderr } = await toyHere(store, ["gc"]);
      assert.equal(code, 0, `${journal}: ${stderr}`);
      assert.deepEqual(namesIn(folder), ["mine", "store"]);
      assert.ok(!namesIn(store).includes("gc.json"));
    }
  });
});

Deno.test("gc: a damaged record of runs is named, and keeps everything until it is mended", async () => {
  await inTemporaryFolder(async (store) => {
    await finishedStore(store);
    const [name] = namesIn(join(store, "runs"));
    const path = join(store, "runs", name);
    const lines = Deno.readTextFileSync(path).split("\n");
    const refused = { 1: lines.with(0, "null"), 3: lines.with(2, '["words/a"]') };
    for (const [line, text] of Object.entries(refused)) {
      Deno.writeTextFileSync(path, text.join("\n"));
      const { code, stderr } = await toyHere(store, ["gc", "--days", "0"]);
      assert.equal(code, 2);
      assert.ok(stderr.includes(`Cannot read "${path}"`), stderr);
      assert.match(
        stderr,
        line === "1" ? /expected a first line that names/ : /in line 3; run that recipe again/,
      );
      assert.equal((await toyHere(store, ["status"])).code, 0);
    }
    // A kill cuts the last line only.
    Deno.writeTextFileSync(path, lines.slice(0, 3).join("\n") + '\n["wal');
    assert.equal((await toyHere(store, ["gc", "--dry-run"])).code, 0);
    Deno.writeTextFileSync(path, "{");
    const found = await toyHere(store, ["verify"]);
    assert.match(
      found.stdout,
      /^damaged {2}a record of runs {2}".*\.jsonl": expected a first line/,
    );
    assert.equal(found.code, 1);
    assert.deepEqual(namesIn(join(store, "runs")), []);
    assert.equal((await toyHere(store, ["verify"])).code, 0);
  });
});
