import assert from "node:assert/strict";
import {
  averageResults,
  cutVocabulary,
  split,
  type Tensors,
  updateNorm,
  wholeVocabulary,
} from "../../training/mod.ts";
import { variantOf } from "./support.ts";

const table = "embedding.token.weight";
const body = "body.norm_final.weight";
const tensor = (shape: number[], ...values: number[]) => ({
  shape,
  data: Float32Array.from(values),
});

/** The mean of results, each with the vocabulary of its source. */
function averageOf(
  id: string,
  shared: Tensors,
  ...results: [Tensors, ReturnType<typeof wholeVocabulary>][]
): Tensors {
  const named = results.map(([tensors, vocabulary], i) =>
    [`source-${i}`, { tensors, vocabulary }] as const
  );
  return averageResults(variantOf(id), shared, new Map(named));
}

Deno.test("averageResults() averages rows of TRIM over the sources that have them, by hand through two rounds", () => {
  const trim = variantOf("trim");
  // ϕ has 4 rows of width 1; a has rows 0 1, b rows 1 2, c rows 0 1 2. Nobody has row 3.
  const [a, b, c] = [[0, 1], [1, 2], [0, 1, 2]].map((rows) =>
    cutVocabulary(Int32Array.from(rows), 4)
  );
  const first: Tensors = { [table]: tensor([4, 1], 1, 2, 3, 4), [body]: tensor([1], 10) };

  // Round 1: a and b.
  assert.deepEqual([...split(trim, first, a)[table].data], [1, 2]);
  assert.deepEqual([...split(trim, first, b)[table].data], [2, 3]);
  const second = averageOf(
    "trim",
    first,
    [{ [table]: tensor([2, 1], 3, 6), [body]: tensor([1], 12) }, a], // Δ: 2, 4; body 2
    [{ [table]: tensor([2, 1], 4, 3.5), [body]: tensor([1], 14) }, b], // Δ: 2, 0.5; body 4
  );
  // row 0: 1 + 2/1; row 1: 2 + (4 + 2)/2; row 2: 3 + 0.5/1; row 3 as it was; body 10 + (2 + 4)/2
  assert.deepEqual([...second[table].data], [3, 5, 3.5, 4]);
  assert.deepEqual([...second[body].data], [13]);

  // Round 2: a and c.
  assert.deepEqual([...split(trim, second, c)[table].data], [3, 5, 3.5]);
  const third = averageOf(
    "trim",
    second,
    [{ [table]: tensor([2, 1], 2, 5), [body]: tensor([1], 13) }, a], // Δ: −1, 0; body 0
    [{ [table]: tensor([3, 1], 6, 8, 3), [body]: tensor([1], 12) }, c], // Δ: 3, 3, −0.5; body −1
  );
  // row 0: 3 + (−1 + 3)/2; row 1: 5 + (0 + 3)/2; row 2: 3.5 − 0.5; row 3 as it was; body 13 − ½
  assert.deepEqual([...third[table].data], [4, 6.5, 3, 4]);
  assert.deepEqual([...third[body].data], [12.5]);
});

Deno.test("split() and averageResults() cut the table of a head that is not tied as they cut ϕ; SPEC keeps it", () => {
  const head = "embedding.output.weight";
  const shared: Tensors = { [table]: tensor([3, 1], 1, 2, 3), [head]: tensor([3, 1], 4, 5, 6) };
  const vocabulary = cutVocabulary(Int32Array.of(0, 2), 3);
  assert.deepEqual([...split(variantOf("trim"), shared, vocabulary)[head].data], [4, 6]);
  const result = { [table]: tensor([2, 1], 1, 3), [head]: tensor([2, 1], 8, 7) };
  assert.deepEqual([...averageOf("trim", shared, [result, vocabulary])[head].data], [8, 5, 7]);
  assert.deepEqual(Object.keys(split(variantOf("spec"), shared, vocabulary)), []);
});

for (const id of ["glob", "trim", "spec", "spec-opt"]) {
  Deno.test(`split() then merge of what came back unchanged is identity for ${id}`, () => {
    const variant = variantOf(id);
    const values = Float32Array.from(
      { length: 12 },
      (_, i) => Math.fround(Math.sin(i) * 10 ** (i - 6)),
    );
    const shared: Tensors = variant.sharesEmbeddings
      ? { [table]: { shape: [4, 3], data: values }, [body]: tensor([2], 0.1, -3e-7) }
      : { [body]: tensor([2], 0.1, -3e-7) };
    const results = [[0, 2], [1, 2]].map((rows): [Tensors, ReturnType<typeof wholeVocabulary>] => {
      const vocabulary = variant.cutsVocabulary
        ? cutVocabulary(Int32Array.from(rows), 4)
        : wholeVocabulary(4);
      return [split(variant, shared, vocabulary), vocabulary];
    });
    assert.deepEqual(averageOf(id, shared, ...results), shared);
  });
}

Deno.test("averageResults() forms differences in float64", () => {
  // In float32 each sum of deltas would round: 2^24 + 1 − 1 is 2^24 there.
  const average = averageOf(
    "glob",
    { [body]: tensor([1], 1) },
    [{ [body]: tensor([1], 2 ** 24) }, wholeVocabulary(4)],
    [{ [body]: tensor([1], 3) }, wholeVocabulary(4)],
  );
  assert.deepEqual([...average[body].data], [Math.fround(1 + (2 ** 24 - 1 + 2) / 2)]);
});

Deno.test("averageResults() refuses a round without results", () => {
  assert.throws(
    () => averageOf("glob", { [body]: tensor([1], 1) }),
    /^RangeError: Cannot average a round: expected the result of a source/,
  );
});

Deno.test("updateNorm() is the length of the difference", () => {
  assert.equal(updateNorm({ [body]: tensor([2], 1, 1) }, { [body]: tensor([2], 4, 5) }), 5); // √(3² + 4²)
});

Deno.test("cutVocabulary() refuses rows that do not ascend or lie outside", () => {
  assert.throws(
    () => cutVocabulary(Int32Array.of(1, 1), 4),
    /expected ascending rows within it, found 1 after 1/,
  );
  assert.throws(() => cutVocabulary(Int32Array.of(1, 4), 4), /found 4 after 1/);
});
