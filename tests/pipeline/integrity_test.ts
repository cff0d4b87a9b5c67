import assert from "node:assert/strict";
import { join } from "node:path";
import { listAndSync } from "../../pipeline/listing.ts";
import { ObjectCheck } from "../../pipeline/object_check.ts";
import { Store } from "../../pipeline/store.ts";
import {
  eventsOf,
  finishedStore,
  inTemporaryFolder,
  objectsIn,
  ranIn,
  toy,
} from "../support/toy_cli.ts";

/** Turns a bit of a file around and gives it its old times back. */
function flip(path: string, at: number): void {
  const { atime, mtime } = Deno.statSync(path);
  Deno.chmodSync(path, 0o644);
  using file = Deno.openSync(path, { read: true, write: true });
  const byte = new Uint8Array(1);
  file.seekSync(at, Deno.SeekMode.Start);
  file.readSync(byte);
  byte[0] ^= 1;
  file.seekSync(at, Deno.SeekMode.Start);
  file.writeSync(byte);
  Deno.utimeSync(path, atime!, mtime!);
  Deno.chmodSync(path, 0o444);
}

/** The file of an instance's output. */
function fileOf(store: string, output: string, name: string): string {
  const digest = objectsIn(store)[output];
  return join(store, "objects", digest.slice(0, 2), digest, name);
}

/** Lets stat records become old enough to be trusted, and be kept. */
async function settle(store: string): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 2100));
  assert.equal((await toy(store, "verify")).code, 0);
}

Deno.test("verify: a flipped byte is found, named, and only what made it runs again", async () => {
  await inTemporaryFolder(async (store) => {
    await finishedStore(store);
    const before = objectsIn(store);
    assert.match((await toy(store, "verify")).stdout, /^All 7 objects are whole/);
    const path = fileOf(store, "walk/a/left#walk", "walk.txt");
    flip(path, 5);
    const found = await toy(store, "verify");
    assert.equal(found.code, 1);
    assert.match(
      found.stdout,
      /^damaged {2}walk\/a\/left {2}expected digest .* of bytes 0 to \d+ of/,
    );
    assert.ok(found.stdout.includes(path), "the file is named");
    assert.match(found.stdout, /1 damaged, and dropped/);
    assert.equal((await toy(store, "status")).code, 3);
    assert.deepEqual(ranIn(await toy(store, "run", "--json")), ["walk/a/left"]);
    assert.deepEqual(objectsIn(store), before);
    assert.equal((await toy(store, "verify")).code, 0);
  });
});

Deno.test("run --verify finds a flipped byte that stat records may hide, and mends it", async () => {
  await inTemporaryFolder(async (store) => {
    await toy(store, "run");
    await settle(store);
    flip(fileOf(store, "words/b#words", "words.txt"), 0);
    const result = await toy(store, "run", "--verify", "--json");
    assert.match(result.stderr, /^damaged {2}words\/b {2}expected digest/);
    assert.deepEqual(ranIn(result), ["words/b"]);
    assert.equal((await toy(store, "verify")).code, 0);
  });
});

Deno.test("run: a damaged input is never handed on: what made it runs again first", async () => {
  await inTemporaryFolder(async (folder) => {
    const [store, other] = [join(folder, "store"), join(folder, "other")];
    await finishedStore(other);
    await toy(store, "run", "words");
    await settle(store);
    flip(fileOf(store, "words/a#words", "words.txt"), 7);
    const result = await toy(store, "run", "--json");
    assert.equal(result.code, 0, result.stderr);
    assert.ok(ranIn(result).includes("words/a") && !ranIn(result).includes("words/b"));
    const warning = eventsOf(result).find((it) => it.type === "log" && it.level === "warn");
    assert.ok(
      warning?.type === "log" && warning.instance === "words/a" && /damaged/.test(warning.message),
    );
    assert.deepEqual(objectsIn(store), objectsIn(other));
  });
});

Deno.test("run: a stray file beside an object's own is damage", async () => {
  await inTemporaryFolder(async (store) => {
    await toy(store, "run", "words/a");
    Deno.writeTextFileSync(fileOf(store, "words/a#words", "more.txt"), "more");
    const result = await toy(store, "run", "walk/a/left", "--json");
    assert.deepEqual(ranIn(result), ["walk/a/left", "words/a"]);
  });
});

Deno.test("table: a damaged table is not printed", async () => {
  await inTemporaryFolder(async (store) => {
    await finishedStore(store);
    flip(fileOf(store, "table/ends#table", "table.json"), 30);
    const result = await toy(store, "table");
    assert.equal(result.code, 1);
    assert.equal(result.stdout, "");
    assert.match(
      result.stderr,
      /Cannot use what table\/ends made: expected digest .* verify, then run again/,
    );
  });
});

Deno.test("verify: a manifest that is not what its name or its digest says, or no JSON, is found", async () => {
  await inTemporaryFolder(async (store) => {
    await finishedStore(store);
    const [first, second, third] = [...Deno.readDirSync(join(store, "manifests"))].map((
      { name },
    ) => join(store, "manifests", name));
    Deno.writeTextFileSync(first, "{");
    const manifest = JSON.parse(Deno.readTextFileSync(second));
    manifest.record.params = { steps: 999 };
    Deno.writeTextFileSync(second, JSON.stringify(manifest));
    const { outputs, ...rest } = JSON.parse(Deno.readTextFileSync(third));
    Deno.writeTextFileSync(
      third,
      JSON.stringify({ ...rest, outputs: { renamed: Object.values(outputs)[0] } }),
    );
    const { code, stdout } = await toy(store, "verify");
    assert.equal(code, 1);
    assert.match(stdout, /found no JSON/);
    assert.match(stdout, /expected in ".*" the record that its name is the digest of/);
    assert.ok(stdout.includes(`expected in "${third}" what digest ${rest.digest} is of`), stdout);
    assert.equal(ranIn(await toy(store, "run", "--json")).length, 3);
  });
});

Deno.test("verify --json lists what is damaged", async () => {
  await inTemporaryFolder(async (store) => {
    await toy(store, "run", "words");
    flip(fileOf(store, "words/a#words", "words.txt"), 1);
    const { damaged, dropped, objects } = JSON.parse((await toy(store, "verify", "--json")).stdout);
    assert.deepEqual([objects, dropped, damaged.length], [2, true, 1]);
    assert.deepEqual(damaged[0].makers, ["words/a"]);
  });
});

Deno.test("ObjectCheck: an object of empty files is whole, and reading it leaves nothing open", async () => {
  const folder = Deno.makeTempDirSync();
  try {
    const store = Store.open(join(folder, "store"), { create: true });
    const output = join(store.makeTemporary(["it"]), "it");
    for (let n = 0; n < 300; n++) Deno.writeTextFileSync(join(output, `${n}`), "");
    const digest = store.publishObject(output, listAndSync(output, "it"));
    assert.equal(await new ObjectCheck(store, false).damage(digest), undefined);
    // A read that is still open when its file is closed fails later, as an error that nobody catches.
    await new Promise((resolve) => setTimeout(resolve, 50));
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
