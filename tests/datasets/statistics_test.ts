import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { join } from "node:path";
import {
  countTokens,
  localVocabulary,
  openTokenShards,
  readStatistics,
  unigramDivergence,
  unigramModel,
  unigramNats,
  writeStatistics,
  writeTokenShards,
} from "../../datasets/mod.ts";

function temporary(): { folder: string } & Disposable {
  const folder = Deno.makeTempDirSync();
  return { folder, [Symbol.dispose]: () => Deno.removeSync(folder, { recursive: true }) };
}

Deno.test("statistics of a split are what counting by hand gives", async () => {
  using place = temporary();
  using made = temporary();
  const documents = [{ ids: [5, 6, 5, 0], bytes: 7 }, { ids: [8], bytes: 2 }];
  await writeTokenShards(place.folder, documents, { vocabSize: 10, endId: 2 });
  const shards = openTokenShards(place.folder);
  deepStrictEqual([...countTokens(shards)], [1, 0, 2, 0, 0, 2, 1, 0, 1, 0]);
  const statistics = writeStatistics(made.folder, shards, { reservedPieces: 4, unknownId: 0 });
  shards.close();
  const { unigramNats, ...whole } = statistics;
  // 2 and 5 twice; 0, 6 and 8 once
  const entropy = -2 * (2 / 7) * Math.log(2 / 7) - 3 * (1 / 7) * Math.log(1 / 7);
  ok(Math.abs(unigramNats - entropy) < 1e-15, `${unigramNats}`);
  deepStrictEqual(whole, {
    format: 1,
    vocabSize: 10,
    tokens: 7, // 4 + 1, and two end symbols
    documents: 2,
    bytes: 9,
    distinctTokens: 5, // 0 2 5 6 8
    localVocabSize: 7, // 0 1 2 3, 5 6 8
    reservedPieces: 4,
    unknownTokens: 1,
    fallbackTokens: 0,
    validation: null,
  });
  const { counts, ...read } = readStatistics(made.folder);
  deepStrictEqual(read, statistics);
  deepStrictEqual([...counts], [1, 0, 2, 0, 0, 2, 1, 0, 1, 0]);
  deepStrictEqual([...localVocabulary(counts, 4)], [0, 1, 2, 3, 5, 6, 8]);
});

Deno.test("writeStatistics() counts byte pieces and weighs validation text by the training counts", async () => {
  using training = temporary();
  using heldBack = temporary();
  using made = temporary();
  const options = { vocabSize: 300, endId: 2 };
  await writeTokenShards(training.folder, [{ ids: [4, 4, 259, 299, 299], bytes: 9 }], options);
  await writeTokenShards(heldBack.folder, [{ ids: [299, 7], bytes: 4 }], options);
  const shards = openTokenShards(training.folder);
  const validation = openTokenShards(heldBack.folder);
  const statistics = writeStatistics(made.folder, shards, {
    reservedPieces: 260,
    unknownId: 0,
    firstByteId: 4,
    validation,
  });
  shards.close();
  validation.close();
  strictEqual(statistics.fallbackTokens, 3); // 4 4 259: bytes 0 and 255
  const { unigramNats, ...counted } = statistics.validation!;
  deepStrictEqual(counted, { tokens: 3, bytes: 4, unseenTokens: 1 }); // 7 is unseen; the end symbol is not
  const expected = -(Math.log(3) + Math.log(1) + Math.log(2) - 3 * Math.log(306)) / 3; // 299, 7, end; 6 + 300
  ok(Math.abs(unigramNats - expected) < 1e-14, `${unigramNats}`);
});

Deno.test("statistics of a vocabulary above one record batch are read back whole", async () => {
  using place = temporary();
  using made = temporary();
  const documents = [{ ids: [69_999, 69_999, 65_536], bytes: 3 }];
  await writeTokenShards(place.folder, documents, { vocabSize: 70_000, endId: 2 });
  const shards = openTokenShards(place.folder);
  writeStatistics(made.folder, shards, { reservedPieces: 4, unknownId: 0 });
  shards.close();
  const { counts } = readStatistics(made.folder);
  deepStrictEqual([counts[69_999], counts[65_536], counts[2], counts[65_535]], [2, 1, 1, 0]);
  const path = join(made.folder, "statistics.json");
  Deno.writeTextFileSync(path, Deno.readTextFileSync(path).replace("70000", "70001"));
  throws(() => readStatistics(made.folder), /"counts\.arrow": expected 70001 rows, found 70000/);
});

Deno.test("unigramModel() smooths by one over the vocabulary", () => {
  const model = unigramModel([3, 0, 1]); // (3+1, 0+1, 1+1) / (4 + 3)
  [4 / 7, 1 / 7, 2 / 7].forEach((p, id) => ok(Math.abs(model[id] - Math.log(p)) < 1e-15));
  const nats = unigramNats(model, [0, 2, 0]);
  ok(Math.abs(nats + Math.log((4 * 2 * 4) / 7 ** 3)) < 1e-14);
  strictEqual(unigramNats(model, []), 0);
  throws(() => unigramNats(model, [0, 3]), /token 1: expected an id in \[0, 3\), found 3/);
});

Deno.test("unigramDivergence() is what a text needs by the mean of other sources' frequencies beyond its own", () => {
  // With one added: (1/2, 1/4, 1/4) and (1/6, 1/6, 4/6); their mean is (1/3, 5/24, 11/24).
  const models = [unigramModel([1, 0, 0]), unigramModel([0, 0, 3])];
  const expected = 0.25 * Math.log(0.25 / (1 / 3)) + 0.75 * Math.log(0.75 / (11 / 24));
  ok(Math.abs(unigramDivergence([1, 0, 3], models) - expected) < 1e-15);
  // Frequencies of the mean itself: no distance.
  ok(Math.abs(unigramDivergence([8, 5, 11], models)) < 1e-15);
  throws(() => unigramDivergence([1], []), RangeError);
});
