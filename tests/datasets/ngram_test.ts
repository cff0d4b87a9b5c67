import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { NgramModel, openTokenShards, windowScorer, writeTokenShards } from "../../datasets/mod.ts";
import { NumberTable } from "../../datasets/number_table.ts";
import { Random, seedOf } from "../../base/mod.ts";

async function withText(
  documents: readonly (readonly number[])[],
  vocabSize: number,
  use: (shards: ReturnType<typeof openTokenShards>) => void,
): Promise<void> {
  const folder = Deno.makeTempDirSync();
  try {
    const texts = documents.map((ids) => ({ ids: Int32Array.from(ids), bytes: ids.length }));
    await writeTokenShards(folder, texts, { vocabSize, endId: 0 });
    const shards = openTokenShards(folder);
    try {
      use(shards);
    } finally {
      shards.close();
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

const near = (found: number, expected: number) =>
  ok(Math.abs(found - expected) < 1e-12, `expected ${expected}, found ${found}`);

Deno.test("NgramModel gives the probabilities that are worked by hand", () =>
  // 1 2 1 2 1 end, 2 2 end: 9 tokens, V = 4; counts end 2, one 3, two 4, three 0.
  withText([[1, 2, 1, 2, 1], [2, 2]], 4, (text) => {
    const one = (token: number) => [3, 4, 5, 1][token] / (9 + 4);
    const unigram = new NgramModel(text, 1);
    for (const token of [0, 1, 2, 3]) near(Math.exp(-unigram.nats(1, 2, token)), one(token));

    // After 1: 2 twice, the end once; two different ones.
    const afterOne = (count: number, token: number) =>
      Math.max(count - 0.75, 0) / 3 + 0.75 * 2 / 3 * one(token);
    // After 2: 1 twice, 2 once, the end once; three different ones.
    const afterTwo = (count: number, token: number) =>
      Math.max(count - 0.75, 0) / 4 + 0.75 * 3 / 4 * one(token);
    const bigram = new NgramModel(text, 2);
    near(Math.exp(-bigram.nats(-1, 1, 2)), afterOne(2, 2));
    near(Math.exp(-bigram.nats(-1, 1, 3)), afterOne(0, 3));
    near(Math.exp(-bigram.nats(3, 2, 1)), afterTwo(2, 1));
    near(Math.exp(-bigram.nats(-1, 3, 2)), one(2)); // nothing ever followed 3
    near(Math.exp(-bigram.nats(-1, -1, 2)), one(2)); // the beginning of a document
    near(Math.exp(-bigram.nats(-1, 0, 2)), one(2)); // no pair reaches over an end

    // After 1 2: 1 twice; after 2 1: 2 once, the end once.
    const trigram = new NgramModel(text, 3);
    near(Math.exp(-trigram.nats(1, 2, 1)), 1.25 / 2 + 0.75 * 1 / 2 * afterTwo(2, 1));
    near(Math.exp(-trigram.nats(2, 1, 0)), 0.25 / 2 + 0.75 * 2 / 2 * afterOne(1, 0));
    near(Math.exp(-trigram.nats(-1, 2, 2)), afterTwo(1, 2));
    near(Math.exp(-trigram.nats(3, 2, 2)), afterTwo(1, 2)); // 3 2 never occurred
  }));

Deno.test("NgramModel's probabilities add up to 1 after every history", () => {
  const random = new Random(seedOf(1, "ngram_test"));
  const documents = Array.from(
    { length: 30 },
    () => Array.from({ length: 1 + random.below(20) }, () => 1 + random.below(8)),
  );
  return withText(documents, 9, (text) => {
    for (const order of [1, 2, 3]) {
      const model = new NgramModel(text, order);
      for (let beforeLast = -1; beforeLast < 9; beforeLast++) {
        for (let last = beforeLast < 0 ? -1 : 0; last < 9; last++) {
          let sum = 0;
          for (let token = 0; token < 9; token++) {
            sum += Math.exp(-model.nats(beforeLast, last, token));
          }
          near(sum, 1);
        }
      }
    }
  });
});

Deno.test("windowScorer() looks back within the window and the document only", () =>
  withText([[1, 2], [2, 1, 1]], 4, (text) => { // 1 2 end 2 1 1 end
    const model = new NgramModel(text, 3);
    const score = windowScorer(model, text.ends);
    const at = (
      start: number,
      tokens: number[],
    ) => [...score({ start, tokens: Int32Array.from(tokens) })];
    deepStrictEqual(at(0, [1, 2, 0, 2]), [
      model.nats(-1, -1, 1),
      model.nats(-1, 1, 2),
      model.nats(1, 2, 0),
      model.nats(-1, -1, 2),
    ]);
    deepStrictEqual(at(4, [1, 1, 0]), [
      model.nats(-1, -1, 1),
      model.nats(-1, 1, 1),
      model.nats(1, 1, 0),
    ]);
  }));

Deno.test("NumberTable counts as a Map does, through growth and far keys", () => {
  const random = new Random(seedOf(2, "number_table"));
  const [table, map] = [new NumberTable(), new Map<number, number>()];
  for (let i = 0; i < 20_000; i++) {
    const key = random.below(300) * 2 ** random.below(44) + random.below(3);
    const expected = (map.get(key) ?? 0) + 1;
    map.set(key, expected);
    strictEqual(table.add(key), expected);
  }
  strictEqual(table.size, map.size);
  for (const [key, count] of map) strictEqual(table.get(key), count);
  strictEqual(table.get(2 ** 52), 0);
});
