/**
 * What a run says that it has learnt.
 */
import assert from "node:assert/strict";
import { recipeSchema } from "../../stages/mod.ts";
import type { Recipe } from "../../stages/recipe.ts";
import { headline } from "../../stages/report/mod.ts";
import { loadRecipe } from "../../pipeline/recipe.ts";
import { temporaryFolder, tinyRecipe } from "../support/command_line.ts";
import { evaluations } from "../support/evaluations.ts";
import { projectRoot } from "../support/paths.ts";

/** The tiny recipe, on two other sources. */
async function twoSources(): Promise<Recipe> {
  const folder = `${projectRoot}/pipeline/recipes`;
  const recipe: Recipe = await loadRecipe(tinyRecipe, { folder, schema: recipeSchema });
  const { arithmetic, code } = recipe.sources!;
  return { ...recipe, sources: { aa: arithmetic, bb: code } };
}

/** The headline of models that lose so many nats on each of two sources, over 10 tokens and 40 bytes. */
async function headlineOf(nats: Readonly<Record<string, readonly [number, number]>>) {
  using folder = temporaryFolder();
  const withThird = Object.entries(nats).map(([label, [aa, bb]]) => [label, [aa, bb, 20]]);
  const folders = evaluations(folder.path, Object.fromEntries(withThird));
  return await headline(await twoSources(), (ref) => {
    const [, label, start] = /^(?:evaluate|ngrams)\/([^/#]+)(?:\/(\w+))?#losses$/.exec(ref)!;
    return Promise.resolve(start === "pretraining" ? undefined : folders[`losses/${label}`]);
  });
}

Deno.test("headline() says the best model, by how much, and that one is worse than counts", async () => {
  // Bits per byte: nats / 40 / ln 2, mean of both sources. Both documents are alike: every resample is the same.
  const found = await headlineOf({
    unigram: [20, 20], // 0.721
    bigram: [15, 15], // 0.541
    "std-t0": [24, 24], // 0.866
    trim: [16, 18], // 0.613
  });
  assert.equal(found!.best, "evaluate/trim/random#losses");
  assert.deepEqual(found!.sentences, [
    "trim predicts test text best: 0.613 bits per byte (mean of 2 sources, after continuation from random embeddings), " +
    "0.252 less than std-t0 (95 % interval 0.252 to 0.252)",
    "std-t0 ends worse than counts of single tokens (unigram, 0.721 bits per byte): it has learnt next to nothing; " +
    "more rounds or steps, or another rate, may help",
    "trim ends worse than counts of pairs of tokens (bigram, 0.541 bits per byte): it has learnt less than a table of pairs knows; " +
    "more rounds or steps, or another rate, may help",
  ]);
});

Deno.test("headline() says when nothing is beyond noise, and what all models are better than", async () => {
  const found = await headlineOf({
    unigram: [20, 20],
    bigram: [15, 15],
    "std-t0": [10, 12],
    trim: [12, 10],
  });
  assert.deepEqual(found!.sentences, [
    "std-t0 predicts test text best: 0.397 bits per byte (mean of 2 sources, after continuation from random embeddings), " +
    "no less than trim beyond noise (difference 0.000, 95 % interval 0.000 to 0.000)",
    "all models are better than counts of pairs of tokens (bigram, 0.541 bits per byte)",
  ]);
});

Deno.test("headline() knows the unigram model without its evaluation, and nothing where no model is evaluated", async () => {
  assert.deepEqual((await headlineOf({ trim: [16, 22] }))!.sentences.slice(1), [
    "it is better than counts of single tokens (unigram, 0.721 bits per byte)", // (16 + 22) / 2 < 20
  ]);
  assert.match(
    (await headlineOf({ trim: [18, 23] }))!.sentences[1],
    /^trim ends worse than counts of single/,
  );
  assert.equal(await headlineOf({ unigram: [20, 20], bigram: [15, 15] }), undefined);
});
