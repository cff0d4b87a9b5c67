import assert from "node:assert/strict";
import { encodeBatches, saveTokenizer } from "../../tokenizers/mod.ts";
import { joinTexts } from "../../tokenizers/parallel/mod.ts";
import { temporaryFolder } from "../instruments/foreign_files.ts";
import { fuzzLines, inventedDocuments } from "../instruments/awkward_lines.ts";
import { train } from "./support.ts";

/** Enough that threads are started for it. */
const bytes = 1e9;

Deno.test("encodeBatches() gives each batch with its ids, in order, the same with any number of threads", async () => {
  using folder = temporaryFolder();
  const tokenizer = await train(inventedDocuments(60), { vocabSize: 450 });
  saveTokenizer(folder.path, tokenizer);
  const texts = Array.from({ length: 9 }, (_, i) => fuzzLines(5 + 20 * (i % 3), `batch ${i}`));
  const batches = () => texts.map((some, number) => ({ ...joinTexts(some), number }));
  const expected = texts.map((some, number) => ({
    number,
    ids: some.map((text) => [...tokenizer.encode(text)]),
  }));
  for (const threads of [1, 2, 3]) {
    const found = [];
    const options = { folder: folder.path, threads, bytes };
    for await (const [{ number }, { ids, ends }] of encodeBatches(batches(), tokenizer, options)) {
      const own = Array.from(ends, (end, i) => [...ids.subarray(i === 0 ? 0 : ends[i - 1], end)]);
      found.push({ number, ids: own });
    }
    assert.deepEqual(found, expected);
  }
});

Deno.test("encodeBatches() holds at most two batches a thread", async () => {
  using folder = temporaryFolder();
  const tokenizer = await train(inventedDocuments(20), { vocabSize: 400 });
  saveTokenizer(folder.path, tokenizer);
  for (const threads of [1, 2, 3]) {
    let held = 0, most = 0;
    const batches = Iterator.from(Array(40).fill("ba")).map((text) => {
      most = Math.max(most, ++held);
      return joinTexts([text]);
    });
    const options = { folder: folder.path, threads, bytes };
    for await (const _ of encodeBatches(batches, tokenizer, options)) held--;
    assert.equal(held, 0);
    assert.equal(most, threads === 1 ? 1 : 2 * threads);
  }
});
