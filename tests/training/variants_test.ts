import assert from "node:assert/strict";
import { UsageError } from "../../base/mod.ts";
import {
  isShared,
  noPretrainedEmbedding,
  sourceVocabulary,
  variantEntry,
  variantModule,
  variantTable,
} from "../../training/mod.ts";
import { variantNamed } from "./support.ts";

for (const id of [...Object.keys(variantTable), "isolated-it"]) {
  Deno.test(`the table of variants says of ${id} what its module does`, async () => {
    const variant = await variantNamed(id);
    assert.equal(variant.id, id);
    assert.equal(variant.vocabulary, variantEntry(id).vocabulary);
    assert.equal(variant.sharesEmbeddings, variantEntry(id).sharesEmbeddings);
    assert.equal(variant.mixture?.only, variantEntry(id).onlySource);
    const isOneBatch = variant.mixture !== undefined && !variant.mixture.equalTokens;
    assert.equal(variantEntry(id).batches, isOneBatch ? "one" : "round");
    // What is compared in the paper as DEPT is what keeps sources apart.
    assert.equal(variantEntry(id).role === "dept", !variant.mixture && !variant.workers);
    assert.equal(isShared(variant, "body.block.0.attn.qkv.weight"), true);
    assert.equal(isShared(variant, "embedding.position.weight"), variant.sharesEmbeddings);
    assert.equal(noPretrainedEmbedding(variant) === undefined, variant.sharesEmbeddings);
  });
}

Deno.test("std variants say their temperature and batch", async () => {
  const mixture = async (id: string) => (await variantNamed(id)).mixture;
  assert.deepEqual(await mixture("std-t0"), { tau: 0, equalTokens: false });
  assert.deepEqual(await mixture("std-t03-tokens"), { tau: 0.3, equalTokens: true });
  assert.deepEqual(await mixture("std-t1"), { tau: 1, equalTokens: false });
  assert.equal(await mixture("trim"), undefined);
});

Deno.test("variantEntry() refuses isolation of nothing", () => {
  assert.throws(
    () => variantEntry("isolated-"),
    /Cannot use variant "isolated-".*isolated-<source>/,
  );
});

Deno.test("sourceVocabulary() is cut for trim and spec, whole for glob and spec-opt", async () => {
  const source = { vocabSize: 10, localVocabulary: Int32Array.of(0, 3, 7) };
  const sizes = await Promise.all(
    ["glob", "trim", "spec", "spec-opt"].map(async (id) =>
      sourceVocabulary(await variantNamed(id), source).size
    ),
  );
  assert.deepEqual(sizes, [10, 3, 3, 10]);
  const { localIds } = sourceVocabulary(await variantNamed("trim"), source);
  assert.deepEqual([...localIds!], [0, -1, -1, 1, -1, -1, -1, 2, -1, -1]);
});

Deno.test("variantModule() refuses an unknown variant and names the nearest", () => {
  assert.throws(() => variantModule("tirm"), (error) => {
    assert.ok(error instanceof UsageError);
    assert.match(
      error.message,
      /Cannot use variant "tirm": expected one of std-t0, .*did you mean "trim"\?/,
    );
    return true;
  });
});
