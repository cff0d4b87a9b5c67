import assert from "node:assert/strict";
import { UsageError } from "../../base/mod.ts";
import {
  costMethods,
  isShared,
  noPretrainedEmbedding,
  sourceVocabulary,
  variantNamed,
  variantTable,
} from "../../training/mod.ts";
import { variantOf } from "./support.ts";

for (const id of Object.keys(variantTable).map((id) => id.replace("<source>", "it"))) {
  Deno.test(`the table of variants agrees with itself about ${id}`, () => {
    const { role, training } = variantNamed(id);
    assert.equal(training.id, id);
    // What is compared in the paper as DEPT is what keeps sources apart.
    const isControl = training.mixture || training.workers || training.isUntrained;
    assert.equal(role === "method", !isControl);
    assert.equal(isShared(training, "body.block.0.attn.qkv.weight"), true);
    assert.equal(isShared(training, "embedding.position.weight"), training.sharesEmbeddings);
    assert.equal(noPretrainedEmbedding(training) === undefined, training.sharesEmbeddings);
  });
}

Deno.test("std variants say their temperature and budget", () => {
  const mixture = (id: string) => variantOf(id).mixture;
  assert.deepEqual(mixture("std-t0"), { tau: 0, budget: "steps" });
  assert.deepEqual(mixture("std-t03-tokens"), { tau: 0.3, budget: "tokens-by-batch" });
  assert.deepEqual(mixture("std-t1"), { tau: 1, budget: "steps" });
  assert.deepEqual(mixture("std-t1-steps"), { tau: 1, budget: "tokens-by-steps" });
  assert.equal(mixture("trim"), undefined);
});

Deno.test("variantNamed() takes a source from a name, and refuses isolation of nothing", () => {
  assert.equal(variantNamed("isolated-it").onlySource, "it");
  assert.equal(variantNamed("trim").onlySource, undefined);
  for (const id of ["isolated-", "isolated-<source>"]) {
    assert.throws(() => variantNamed(id), /Cannot use variant "isolated-.*isolated-<source>/);
  }
});

Deno.test("costMethods() has the methods of the paper's Table 9, in its order", () =>
  assert.deepEqual([...costMethods().keys()], ["std", "glob", "trim", "spec", "spec-opt"]));

Deno.test("sourceVocabulary() is cut for trim and spec, whole for glob and spec-opt", () => {
  const source = { vocabSize: 10, localVocabulary: Int32Array.of(0, 3, 7) };
  const sizes = ["glob", "trim", "spec", "spec-opt"].map((id) =>
    sourceVocabulary(variantOf(id), source).size
  );
  assert.deepEqual(sizes, [10, 3, 3, 10]);
  const { localIds } = sourceVocabulary(variantOf("trim"), source);
  assert.deepEqual([...localIds!], [0, -1, -1, 1, -1, -1, -1, 2, -1, -1]);
});

Deno.test("variantNamed() refuses an unknown variant and names the nearest", () => {
  assert.throws(() => variantNamed("tirm"), (error) => {
    assert.ok(error instanceof UsageError);
    assert.match(
      error.message,
      /Cannot use variant "tirm": expected one of std-t0, .*did you mean "trim"\?/,
    );
    return true;
  });
});
