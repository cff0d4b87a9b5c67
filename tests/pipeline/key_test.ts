import assert from "node:assert/strict";
import { canonicalJson, sha256 } from "../../base/mod.ts";
import { actionKey, type ActionRecord } from "../../pipeline/key.ts";

const record: ActionRecord = {
  format: 1,
  stage: "walk",
  code: { "stages/walk.ts": "c0de" },
  packages: { zod: "4.6.7 sha512-x" },
  params: { steps: 8, rate: 0.1, name: "é" },
  inputs: { words: "ab", "file:text": "cd" },
  seeds: { root: 17, names: ["walk/*"] },
};

Deno.test("canonicalJson() sorts keys, drops undefined members and prints numbers shortest", () => {
  const value = { b: [1, -0, 1e21, 0.1], a: { z: null, y: undefined, é: "\n" } };
  assert.equal(canonicalJson(value), '{"a":{"z":null,"é":"\\n"},"b":[1,0,1e+21,0.1]}');
});

Deno.test("canonicalJson() refuses what JSON has no form for, naming its place", () => {
  assert.throws(() => canonicalJson({ a: [0, NaN] }), /\$\.a\[1\].*finite number, found NaN/);
  assert.throws(() => canonicalJson({ a: new Date(0) as unknown as string }), /\$\.a/);
});

Deno.test("actionKey() is SHA-256 of the record's canonical JSON", () => {
  // Written out by hand: keys sorted at every level.
  const text =
    '{"code":{"stages/walk.ts":"c0de"},"format":1,"inputs":{"file:text":"cd","words":"ab"},' +
    '"packages":{"zod":"4.6.7 sha512-x"},"params":{"name":"é","rate":0.1,"steps":8},' +
    '"seeds":{"names":["walk/*"],"root":17},"stage":"walk"}';
  assert.equal(actionKey(record), sha256(text));
  // A change of this digest makes everything that users have stale.
  assert.equal(
    actionKey(record),
    "bb065eb6922e2e2f73e90f0d2caf8ef887985012ec02de61ce4e5d675fc25738",
  );
});

Deno.test("actionKey() differs when any part of the record differs", () => {
  const others: ActionRecord[] = [
    { ...record, stage: "words" },
    { ...record, code: { "stages/walk.ts": "c0df" } },
    { ...record, packages: { zod: "4.6.8 sha512-y" } },
    { ...record, params: { steps: 9, rate: 0.1, name: "é" } },
    { ...record, inputs: { words: "ab", "file:text": "ce" } },
    { ...record, seeds: { root: 18, names: ["walk/*"] } },
    { ...record, seeds: undefined },
  ];
  const keys = new Set([record, ...others].map(actionKey));
  assert.equal(keys.size, others.length + 1);
});
