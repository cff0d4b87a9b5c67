import assert from "node:assert/strict";
import { leastMissed } from "../../tokenizers/unigram/pruning.ts";
import { seedOf } from "./support.ts";

Deno.test("leastMissed() drops a candidate that is never used, though its probability is not 0", () => {
  const { lattice, probabilities } = seedOf({ abab: 4, ab: 3, b: 2, abc: 2 });
  const texts = Array.from(probabilities, (_, candidate) => lattice.text(candidate));
  const unused = texts.indexOf("ab");
  assert.ok(unused >= 0);
  const counts = probabilities.map((_, candidate) => (candidate === unused ? 0 : 2));
  for (let size = lattice.size - 1; size >= 3; size--) {
    const kept = leastMissed(lattice, counts, probabilities, size);
    assert.equal(new Set(kept).size, size, "as many as asked for, all different");
    assert.ok(!kept.includes(unused));
  }
});
