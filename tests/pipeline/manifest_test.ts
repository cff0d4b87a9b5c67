import assert from "node:assert/strict";
import { join } from "node:path";
import { canonicalJson, type Json, sha256 } from "../../base/mod.ts";
import { actionKey, type ActionRecord } from "../../pipeline/key.ts";
import { digestOfListing, readListing } from "../../pipeline/listing.ts";
import { type Manifest, readManifest } from "../../pipeline/manifest.ts";
import { ObjectCheck } from "../../pipeline/object_check.ts";
import { Store } from "../../pipeline/store.ts";
import { damageOfStore, dropDamaged } from "../../pipeline/verification.ts";
import { inTemporaryFolder } from "../support/toy_cli.ts";

const record: ActionRecord = {
  format: 1,
  stage: "words",
  code: { run: "a".repeat(64) },
  packages: {},
  params: { count: 3 },
  inputs: {},
  seeds: { root: 17, names: ["words"] },
};
const key = actionKey(record);
const manifest: Manifest = {
  format: 1,
  key,
  instance: "words/a",
  record,
  outputs: {},
  summary: { words: 3 },
  parents: {},
  modules: { run: { "words.ts": "1" } },
  provenance: {
    recipe: "toy",
    deno: "2.9.6",
    platform: "linux",
    cpu: "x86_64",
    madeAt: "2026-11-28T22:00:00.000Z",
    durationMs: 5,
  },
};

/** A value as JSON, with the member at a dotted path replaced, or left out where there is no other. */
function changed(value: object, path: string, other?: unknown): string {
  const copy = structuredClone(value) as Record<string, unknown>;
  const keys = path.split(".");
  let node = copy;
  for (const key of keys.slice(0, -1)) node = node[key] as Record<string, unknown>;
  if (other === undefined) delete node[keys.at(-1)!];
  else node[keys.at(-1)!] = other;
  return JSON.stringify(copy);
}

/** Lists in one another, so many levels deep. */
function nested(levels: number): Json {
  let value: Json = 1;
  for (let i = 0; i < levels; i++) value = [value];
  return value;
}

const faults: readonly (readonly [string, RegExp])[] = [
  ["{", /a manifest, no JSON/],
  ["null", /a manifest, null/],
  ["[]", /a manifest, a list/],
  [changed(manifest, "format", 2), /1 as "format", 2/],
  [changed(manifest, "instance"), /text as "instance", none/],
  [changed(manifest, "instance", 5), /text as "instance", 5/],
  [changed(manifest, "instance", ""), /text as "instance", another text/],
  [changed(manifest, "record", null), /a map as "record", null/],
  [changed(manifest, "record.code", { run: "../../x" }), /a digest as "record.code.run", another/],
  [changed(manifest, "record.seeds", { root: 1 }), /a list as "record.seeds.names", none/],
  [changed(manifest, "outputs"), /a map as "outputs", none/],
  [changed(manifest, "outputs", ["x"]), /a map as "outputs", a list/],
  [changed(manifest, "outputs", { words: "../.." }), /a digest as "outputs.words", another text/],
  [changed(manifest, "summary", 5), /a map as "summary", 5/],
  [changed(manifest, "parents", { words: 1 }), /text as "parents.words", 1/],
  [changed(manifest, "modules", null), /a map as "modules", null/],
  [changed(manifest, "modules", { run: null }), /a map as "modules.run", null/],
  [changed(manifest, "provenance"), /a map as "provenance", none/],
  [changed(manifest, "provenance.madeAt", 5), /text as "provenance.madeAt", 5/],
  [changed(manifest, "provenance.madeAt", "today"), /a time as "provenance.madeAt", another text/],
  [changed(manifest, "provenance.durationMs", -1), /a number of at least 0 as .*durationMs", -1/],
  [changed(manifest, "summary.deep", nested(200)), /at most 100 levels, more/],
  [changed(manifest, "record.params", { count: 4 }), /the record that its name is the digest of/],
  [changed(manifest, "key", "b".repeat(64)), /the record that its name is the digest of/],
];

Deno.test("readManifest() names what is not as it should be", () => {
  assert.deepEqual(readManifest(JSON.stringify(manifest), key), { manifest });
  for (const [text, message] of faults) {
    const { fault } = readManifest(text, key);
    assert.match(`${fault?.expected}, ${fault?.found}`, message);
  }
});

Deno.test("readManifest() takes what older and later versions write", () => {
  const { parents: _, modules: __, ...older } = manifest;
  assert.deepEqual(readManifest(JSON.stringify(older), key).manifest, older);
  const later = { ...manifest, more: { much: 1 } };
  assert.deepEqual(readManifest(JSON.stringify(later), key).manifest, later as Manifest);
});

Deno.test("a store that has a bad manifest reads as if it were absent; verification names and drops it", async () => {
  await inTemporaryFolder(async (folder) => {
    const store = Store.open(join(folder, "store"), { create: true });
    store.writeManifest(manifest);
    for (const [i, [text]] of faults.entries()) {
      Deno.writeTextFileSync(store.manifestPath(sha256(String(i))), text);
    }
    assert.deepEqual([...store.manifests()], [manifest]);
    const objects = new ObjectCheck(store, false);
    const found = await damageOfStore(store, objects);
    assert.equal(found.length, faults.length);
    for (const { manifest, damage } of found) assert.ok(damage.includes(manifest!), damage);
    dropDamaged(store, objects, found);
    assert.deepEqual(await damageOfStore(store, objects), []);
    assert.deepEqual(store.find(key), manifest);
  });
});

Deno.test("readListing() takes what a folder can hold, and nothing else", () => {
  const file = { path: "a", bytes: 1, chunks: ["a".repeat(64)] };
  assert.deepEqual(readListing(JSON.stringify([file, { ...file, path: "b/c" }]))?.length, 2);
  const refused: readonly unknown[] = [
    null,
    5,
    [],
    [null],
    [{ ...file, more: 1 }],
    [{ ...file, bytes: -1, chunks: [] }],
    [{ ...file, bytes: 1e300 }],
    [{ ...file, bytes: 5 << 20 }], // two chunks
    [{ ...file, chunks: [null] }],
    [{ ...file, chunks: {} }],
    ...["", "/a", "a/", "a//b", ".", "../a", "a/..", "a\0b", "\ud800", "é".repeat(128), 5]
      .map((path) => [{ ...file, path }]),
    [file, file],
    [{ ...file, path: "b" }, file],
    // Between a file and the folder of its name, in the order of paths, others may stand.
    [file, { ...file, path: "a-b" }, { ...file, path: "a/b" }],
  ];
  for (const value of refused) {
    assert.equal(readListing(JSON.stringify(value)), undefined, canonicalJson(value));
  }
  assert.equal(readListing("["), undefined);
  assert.equal(digestOfListing(readListing(JSON.stringify([file]))!).length, 64);
});
