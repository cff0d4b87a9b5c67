import assert from "node:assert/strict";
import { LatticeSearch } from "../../tokenizers/unigram/lattice_search.ts";
import { Team } from "../../tokenizers/unigram/team.ts";
import { seedOf } from "./support.ts";

Deno.test("LatticeSearch.prune() drops a candidate that is never used, though its probability is not 0", async () => {
  const { lattice: { size: most } } = await seedOf(words);
  for (let size = most - 1; size >= 3; size--) {
    const { lattice, probabilities } = await seedOf(words);
    const texts = Array.from(probabilities, (_, candidate) => lattice.text(candidate));
    const unused = texts.indexOf("ab");
    assert.ok(unused >= 0);
    const search = new LatticeSearch(lattice, probabilities, new Team());
    await search.open();
    search.counts.fill(2);
    search.counts[unused] = 0;
    const kept = await search.prune(size);
    assert.equal(lattice.size, size);
    assert.equal(new Set(kept).size, size, "as many as asked for, all different");
    assert.deepEqual(
      Array.from(kept, (_, candidate) => lattice.text(candidate)),
      Array.from(kept, (candidate) => texts[candidate]),
    );
    assert.ok(!kept.includes(unused));
  }
});

const words = { abab: 4, ab: 3, b: 2, abc: 2 };
