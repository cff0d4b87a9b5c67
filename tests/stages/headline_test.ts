/**
 * What a run says that it has learnt.
 */
import assert from "node:assert/strict";
import { recipeSchema } from "../../stages/mod.ts";
import { headline } from "../../stages/page/mod.ts";
import type { Recipe } from "../../stages/recipe.ts";
import { loadRecipe } from "../../pipeline/recipe.ts";
import { temporaryFolder, tinyRecipe } from "../support/command_line.ts";
import { evaluations } from "../support/evaluations.ts";
import { projectRoot } from "../support/paths.ts";

/** The tiny recipe with two models, on two other sources. */
async function twoSources(): Promise<Recipe> {
  const folder = `${projectRoot}/pipeline/recipes`;
  const set = ["pretrain.variants=[std-t0-tokens,trim]"];
  const recipe: Recipe = await loadRecipe(tinyRecipe, { folder, schema: recipeSchema, set });
  const { arithmetic, code } = recipe.sources!;
  return { ...recipe, sources: { aa: arithmetic, bb: code } };
}

/** The headline of models that lose so many nats on each of two sources, over 10 tokens and 40 bytes. */
async function headlineOf(nats: Readonly<Record<string, readonly [number, number]>>) {
  using folder = temporaryFolder();
  const withThird = Object.entries(nats).map(([label, [aa, bb]]) => [label, [aa, bb, 20]]);
  const folders = evaluations(folder.path, Object.fromEntries(withThird));
  return await headline(await twoSources(), (ref) => {
    const [, label, start] = /^(?:evaluate|ngrams)\/([^/#]+)(?:\/(\w+))?#losses$/.exec(ref) ?? [];
    return Promise.resolve(start === "pretraining" ? undefined : folders[`losses/${label}`]);
  });
}

const after = "After continuation from random embeddings";

Deno.test("headline() says how DEPT does beside the best baseline of as many tokens, and what is worse than counts", async () => {
  // Bits per byte: nats / 40 / ln 2, mean of both sources. Both documents are alike: every resample is the same.
  const found = await headlineOf({
    unigram: [20, 20], // 0.721
    bigram: [15, 15], // 0.541
    "std-t0-tokens": [24, 24], // 0.866
    trim: [16, 18], // 0.613
  });
  assert.equal(found!.best, "evaluate/trim/random#losses");
  assert.deepEqual(found!.sentences.slice(0, 4), [
    `${after}, trim (0.613 bits per byte) is better than std-t0-tokens (0.866), the best baseline that read as many tokens: ` +
    "−0.252 bits per byte, 95 % interval −0.252 to −0.252.",
    "Source by source, trim is better than std-t0-tokens beyond noise on 2 of 2 (aa, bb), worse on 0; the rest is noise.",
    `${after}, std-t0-tokens is worse than counted words (unigram, 0.721 bits per byte): ` +
    "more steps or rounds, or another rate, may help.",
    `${after}, trim is worse than counted pairs of words (bigram, 0.541 bits per byte): more steps or rounds, or another rate, may help.`,
  ]);
  assert.match(found!.sentences[4], /^One seed/);
});

Deno.test("headline() says when nothing is beyond noise, and that no model is worse than counts", async () => {
  const found = await headlineOf({
    unigram: [20, 20],
    bigram: [15, 15],
    "std-t0-tokens": [10, 12],
    trim: [12, 10],
  });
  assert.match(found!.sentences[0], /cannot be told from std-t0-tokens .* which includes 0\.$/);
  assert.equal(
    found!.sentences[2],
    `${after}, no model is worse than counted pairs of words (bigram, 0.541 bits per byte).`,
  );
});

Deno.test("headline() names the best model where nothing stands beside it, and says nothing where no model is evaluated", async () => {
  assert.deepEqual((await headlineOf({ trim: [16, 22] }))!.sentences.slice(0, 1), [
    `${after}, trim predicts test text best: 0.685 bits per byte.`, // 19 / 40 / ln 2
  ]);
  assert.equal(await headlineOf({ unigram: [20, 20], bigram: [15, 15] }), undefined);
});
