import assert from "node:assert/strict";
import type { ActionRecord } from "../../pipeline/key.ts";
import { differencesBetween, differencesText } from "../../pipeline/what_changed.ts";

const record: ActionRecord = {
  format: 1,
  stage: "walk",
  code: { run: "1", left: "1" },
  packages: { zod: "4.6.7 sha512-x" },
  params: { model: { size: 2, bias: true }, rate: 0.1 },
  inputs: { words: "1", "file:text": "1" },
  seeds: { root: 17, names: ["walk/*"] },
};
const modules = {
  run: { "stages/walk.ts": "1", "base/random.ts": "1" },
  left: { "rules/left.ts": "1" },
};

Deno.test("differencesBetween() tells every field of a record that differs, with its values", () => {
  const after: ActionRecord = {
    ...record,
    code: { run: "2", right: "1" },
    packages: { zod: "4.6.8 sha512-y" },
    params: { model: { size: 3, bias: true }, steps: 8 },
    inputs: { words: "2", "file:text": "2" },
    seeds: { root: 18, names: ["walk/*"] },
  };
  const changed = { run: { "stages/walk.ts": "1", "base/random.ts": "2" } };
  const differences = differencesBetween({ record, modules }, { record: after, modules: changed }, {
    words: "words/a",
    "file:text": "data/a.txt",
  }, { run: "stages/walk.ts", right: "rules/right.ts" });
  assert.deepEqual(differences, [
    { kind: "parameter", name: "model.size", before: 2, after: 3 },
    { kind: "parameter", name: "rate", before: 0.1, after: undefined },
    { kind: "parameter", name: "steps", before: undefined, after: 8 },
    { kind: "code", name: "left", before: "1", modules: [] },
    { kind: "code", name: "rules/right.ts", after: "1", modules: [] },
    { kind: "code", name: "stages/walk.ts", before: "1", after: "2", modules: ["base/random.ts"] },
    { kind: "package", name: "zod", before: "4.6.7 sha512-x", after: "4.6.8 sha512-y" },
    { kind: "file", name: "text", before: "1", after: "2", from: "data/a.txt" },
    { kind: "input", name: "words", before: "1", after: "2", from: "words/a" },
    { kind: "seed", name: "seed", before: 17, after: 18 },
  ]);
  const told = (from: number) => differencesText(differences.slice(from));
  assert.equal(
    told(0),
    "parameter model.size: 2 → 3, parameter rate: 0.1 → nothing, parameter steps: nothing → 8, and 7 more",
  );
  assert.equal(
    told(3),
    "code left removed, code rules/right.ts added, code base/random.ts (of stages/walk.ts), and 4 more",
  );
  assert.equal(
    told(7),
    'file text ("data/a.txt"), input words: words/a made other bytes, seed: 17 → 18',
  );
  assert.equal(differencesText([differences[6]]), 'package zod: "4.6.7" → "4.6.8"');
});

Deno.test("differencesBetween() of equal records is empty: only the result can be gone", () => {
  assert.deepEqual(differencesBetween({ record, modules }, { record, modules }), []);
  assert.equal(differencesText([]), "its result is gone");
});
