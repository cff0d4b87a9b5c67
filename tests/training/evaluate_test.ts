import { tableFromIPC } from "apache-arrow";
import assert from "node:assert/strict";
import { unigramModel } from "../../datasets/mod.ts";
import { engine } from "../../engine/reference/mod.ts";
import { languageModelGraph } from "../../model/mod.ts";
import { StageError } from "../../base/mod.ts";
import { initialShared } from "../../training/source.ts";
import { textWindows, validationLoss } from "../../training/validation.ts";
import {
  cutVocabulary,
  type DocumentLosses,
  documentLosses,
  encodeDocumentLosses,
  summarise,
  wholeVocabulary,
  writeTensors,
} from "../../training/mod.ts";
import { quantile } from "../../training/evaluate.ts";
import { engineOptions, model, seed, variantOf, vocabSize, withSources } from "./support.ts";

async function programOf(batchSize: number, table?: Float32Array) {
  const config = { ...model, vocabSize };
  const program = await engine.compile(languageModelGraph(config, batchSize), engineOptions);
  const tensors = initialShared(variantOf("glob"), model, vocabSize, seed);
  await writeTensors(program, tensors);
  if (table) await program.write({ "embedding.token.weight": table });
  return program;
}

const near = (found: number, expected: number, tolerance: number) =>
  assert.ok(Math.abs(found - expected) <= tolerance, `expected ${expected}, found ${found}`);

Deno.test("summarise() refuses losses whose perplexity no number holds", () => {
  const losses = {
    lossNats: Float64Array.of(2 * 710),
    tokens: Float64Array.of(2),
    bytes: Float64Array.of(8),
    unigramNats: Float64Array.of(3),
  };
  assert.throws(
    () => summarise("it", losses, { bootstrapSamples: 10, seed: seed("x") }),
    /^StageError: Cannot evaluate source "it": expected a perplexity .*found 710 nats a token: the model has diverged/,
  );
});

Deno.test("documentLosses() of a model without a preference is ln V for every predicted token", () =>
  withSources(async ([alpha]) => {
    // A table of zeros makes every logit 0.
    const program = await programOf(4, new Float32Array(vocabSize * 8));
    const { validation } = alpha;
    const losses = await documentLosses(program, {
      name: "alpha",
      text: validation,
      byteLength: (id) => id === 2 ? 0 : 3, // the end symbol has no bytes
      unigram: unigramModel(new Float64Array(vocabSize)),
    }, { batchSize: 4, seqLen: 8 });
    // Every token but the first of each window of 8.
    const tokens = validation.slice(0, validation.tokens);
    const expected = Array.from(validation.ends, () => ({ tokens: 0, bytes: 0 }));
    tokens.forEach((token, at) => {
      if (at % 8 === 0) return;
      const document = validation.ends.findIndex((end) => end > at);
      expected[document].tokens++;
      expected[document].bytes += token === 2 ? 0 : 3;
    });
    assert.deepEqual([...losses.tokens], expected.map((e) => e.tokens));
    assert.deepEqual([...losses.bytes], expected.map((e) => e.bytes));
    losses.lossNats.forEach((nats, d) => {
      // float32 output: 24 bits a token
      near(nats, expected[d].tokens * Math.log(vocabSize), expected[d].tokens * 2e-7 * 4);
      near(losses.unigramNats[d], expected[d].tokens * Math.log(vocabSize), 1e-12);
    });
  }));

Deno.test("documentLosses() does not depend on the batch, and sums to the validation loss", () =>
  withSources(async ([alpha]) => {
    const { validation } = alpha;
    const source = {
      name: "alpha",
      text: validation,
      byteLength: () => 1,
      unigram: unigramModel(new Float64Array(vocabSize)),
    };
    const [one, many] = [
      await documentLosses(await programOf(1), source, { batchSize: 1, seqLen: 8 }),
      await documentLosses(await programOf(5), source, { batchSize: 5, seqLen: 8 }),
    ];
    assert.deepEqual(one, many); // rows of the reference engine are computed apart
    const sum = (values: Float64Array) => values.reduce((total, value) => total + value, 0);
    const { lossNats, tokens } = await validationLoss(await programOf(2), {
      source: "alpha",
      shards: validation,
      maxWindows: 1000,
      batchSize: 2,
      seqLen: 8,
      vocabulary: wholeVocabulary(vocabSize),
    });
    assert.equal(tokens, sum(one.tokens));
    near(lossNats, sum(one.lossNats) / tokens, 1e-12);
  }));

Deno.test("validationLoss() counts what a cut vocabulary lacks as unknown", () =>
  withSources(async ([alpha]) => {
    const rows = Int32Array.of(0, 1, 2, 8, 9); // without 10 and 11
    const shards = alpha.validation;
    const config = { ...model, vocabSize: rows.length };
    const program = await engine.compile(languageModelGraph(config, 2), engineOptions);
    await writeTensors(program, initialShared(variantOf("glob"), model, 5, seed));
    const { unknownShare } = await validationLoss(program, {
      source: "alpha",
      shards,
      maxWindows: 2,
      batchSize: 2,
      seqLen: 8,
      vocabulary: cutVocabulary(rows, vocabSize),
    });
    const seen = shards.slice(0, 16);
    assert.equal(unknownShare, seen.filter((id) => id === 10 || id === 11).length / 16);
    assert.ok(unknownShare > 0);
  }));

Deno.test("textWindows() covers every token once, the last window shorter", () =>
  withSources(async ([alpha]) => {
    await Promise.resolve();
    const { validation } = alpha;
    const windows = [...textWindows(validation, 8)];
    assert.deepEqual(windows.flatMap(({ tokens }) => [...tokens]), [
      ...validation.slice(0, validation.tokens),
    ]);
    assert.deepEqual(windows.map(({ start }) => start), windows.map((_, i) => i * 8));
  }));

const byHand: DocumentLosses = {
  lossNats: Float64Array.of(2, 6, 0),
  tokens: Float64Array.of(2, 2, 0),
  bytes: Float64Array.of(3, 5, 0),
  unigramNats: Float64Array.of(3, 7, 0),
};

Deno.test("summarise() gives perplexity, bits per byte and intervals that hold them", () => {
  const summary = summarise("a", byHand, { bootstrapSamples: 200, seed: seed("b") });
  assert.equal(summary.lossNats, 8);
  assert.equal(summary.unigramNats, 10);
  assert.equal(summary.perplexity, Math.exp(2)); // 8 nats / 4 tokens
  assert.equal(summary.bitsPerByte, 8 / Math.LN2 / 8);
  // Resamples of only the first or only the second document give the ends: e^1 and e^3.
  assert.deepEqual(summary.perplexityInterval, [Math.exp(1), Math.exp(3)]);
  assert.deepEqual(summary, summarise("a", byHand, { bootstrapSamples: 200, seed: seed("b") }));
});

Deno.test("summarise() refuses a source without a predicted token", () => {
  const none = { ...byHand, tokens: new Float64Array(3) };
  assert.throws(
    () => summarise("a", none, { bootstrapSamples: 1, seed: seed("b") }),
    (error) =>
      error instanceof StageError && /source "a": expected tokens to predict/.test(error.message),
  );
});

Deno.test("quantile() interpolates between order statistics", () => {
  assert.equal(quantile([3, 1, 2], 0.5), 2);
  assert.equal(quantile([0, 10], 0.25), 2.5);
});

Deno.test("encodeDocumentLosses() is an Arrow file with a row per document, sources sorted", () => {
  const bytes = encodeDocumentLosses(new Map([["b", byHand], ["a", byHand]]));
  const table = tableFromIPC(bytes);
  assert.deepEqual(table.schema.fields.map(({ name, type }) => `${name} ${type}`), [
    "source Utf8",
    "document Float64",
    "lossNats Float64",
    "tokens Float64",
    "bytes Float64",
  ]);
  assert.deepEqual(table.toArray().map((row) => Object.values(row.toJSON())), [
    ["a", 0, 2, 2, 3],
    ["a", 1, 6, 2, 5],
    ["a", 2, 0, 0, 0],
    ["b", 0, 2, 2, 3],
    ["b", 1, 6, 2, 5],
    ["b", 2, 0, 0, 0],
  ]);
  assert.deepEqual(encodeDocumentLosses(new Map([["a", byHand], ["b", byHand]])), bytes);
});
