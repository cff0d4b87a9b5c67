import assert from "node:assert/strict";
import { encodeBatches } from "../../tokenizers/mod.ts";
import { joinTexts } from "../../tokenizers/parallel/mod.ts";
import { fuzzLines, inventedDocuments } from "../instruments/awkward_lines.ts";
import { train } from "./support.ts";

/** Enough that threads are started for it. */
const bytes = 1e9;

const settings = {
  plain: {},
  "normalised, with symbols": {
    normalizationRule: "nfkc",
    addDummyPrefix: true,
    userDefinedSymbols: ["ab"],
  },
} as const;

for (const [name, own] of Object.entries(settings)) {
  Deno.test(`encodeBatches() gives each batch with its ids, in order, the same with any number of threads: ${name}`, async () => {
    const tokenizer = await train(inventedDocuments(60), { vocabSize: 450, ...own });
    const texts = Array.from({ length: 9 }, (_, i) => fuzzLines(5 + 20 * (i % 3), `batch ${i}`));
    const batches = () => texts.map((some, number) => ({ ...joinTexts(some), number }));
    const expected = texts.map((some, number) => ({
      number,
      ids: some.map((text) => [...tokenizer.encode(text)]),
    }));
    for (const threads of [1, 2, 3]) {
      const found = [];
      const encoded = encodeBatches(batches(), tokenizer, { threads, bytes });
      for await (const [{ number }, { ids, ends }] of encoded) {
        const own = Array.from(ends, (end, i) => [...ids.subarray(i === 0 ? 0 : ends[i - 1], end)]);
        found.push({ number, ids: own });
      }
      assert.deepEqual(found, expected);
    }
  });
}

Deno.test("encodeBatches() holds at most two batches a thread", async () => {
  const tokenizer = await train(inventedDocuments(20), { vocabSize: 400 });
  for (const threads of [1, 2, 3]) {
    let held = 0, most = 0;
    const batches = Iterator.from(Array(40).fill("ba")).map((text) => {
      most = Math.max(most, ++held);
      return joinTexts([text]);
    });
    for await (const _ of encodeBatches(batches, tokenizer, { threads, bytes })) held--;
    assert.equal(held, 0);
    assert.equal(most, threads === 1 ? 1 : 2 * threads);
  }
});
