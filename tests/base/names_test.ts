import assert from "node:assert/strict";
import { nearestName } from "../../base/mod.ts";

Deno.test("nearestName() counts two neighbours in the wrong order as one mistake", () => {
  assert.equal(nearestName("cdua", ["cpu", "cuda"]), "cuda"); // one swap; two replacements for cpu
  assert.equal(nearestName("pretrian/trim", ["pretrain", "pretrain/trim"]), "pretrain/trim");
  assert.equal(nearestName("ab", ["ba"]), "ba");
  assert.equal(nearestName("xyz", ["abcdef"]), undefined);
});
