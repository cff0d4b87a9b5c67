import assert from "node:assert/strict";
import { join } from "node:path";
import { writeDocuments } from "../../datasets/mod.ts";
import { silentLog } from "../../pipeline/stage.ts";
import type { Recipe } from "../../stages/recipe.ts";
import { run, vocabulary } from "../../stages/vocabulary.ts";
import { loadTokenizer, unigramDefaults } from "../../tokenizers/mod.ts";
import { baseRecipe } from "../support/documents_stage.ts";

type Context = Parameters<typeof run>[0];

const recipe = {
  ...baseRecipe,
  sources: { it: {}, en: {}, sw: {} },
  outOfDistribution: ["sw"],
  pretrain: { variants: ["glob", "spec-opt"], from: null },
  vocabulary: { global: { vocabSize: 300 }, own: { vocabSize: 280 }, sources: null },
} as unknown as Recipe;

Deno.test("vocabulary plans one tokenizer for all sources, and one for each only for spec-opt", () => {
  assert.deepEqual(vocabulary.instances(recipe), [["global"], ["en"], ["it"]]);
  const without = { ...recipe, pretrain: { variants: ["glob", "spec"] } } as unknown as Recipe;
  assert.deepEqual(vocabulary.instances(without), [["global"]]);
  assert.deepEqual(vocabulary.declare(recipe, ["global"]).inputs, {
    "documents/en": "documents/en/train#documents",
    "documents/it": "documents/it/train#documents",
  });
  const named = { ...recipe, vocabulary: { ...recipe.vocabulary, sources: ["it"] } };
  assert.deepEqual(Object.keys(vocabulary.declare(named, ["global"]).inputs!), ["documents/it"]);
  const from = { ...recipe, pretrain: { ...recipe.pretrain, from: "external/m" } };
  assert.deepEqual(vocabulary.declare(from, ["global"]).inputs, { kept: "external/m#tokenizer" });
  assert.deepEqual(vocabulary.declare(recipe, ["it"]).inputs, {
    "documents/it": "documents/it/train#documents",
  });
  assert.deepEqual(vocabulary.declare(recipe, ["it"]).params, {
    ...unigramDefaults,
    vocabSize: 280,
  });
  assert.equal(
    (vocabulary.declare(recipe, ["global"]).params as { vocabSize: number }).vocabSize,
    300,
  );
});

Deno.test("vocabulary shares maxTextBytes evenly between sources", async () => {
  const folder = Deno.makeTempDirSync();
  try {
    const inputs: Record<string, string> = {};
    for (const [source, text] of [["it", "ab ab"], ["en", "cd cd"]]) {
      inputs[`documents/${source}`] = join(folder, source);
      Deno.mkdirSync(join(folder, source));
      // 8 documents of 5 bytes; the last, past every share, has letters of its own
      const texts = [...Array.from({ length: 7 }, () => text), `${source.at(0)} zzz`];
      const documents = texts.map((text, i) => ({ text, id: `${source}:${i}` }));
      await writeDocuments(join(folder, source), documents);
    }
    const tokenizer = join(folder, "tokenizer");
    Deno.mkdirSync(tokenizer);
    const summary = await run({
      params: { ...unigramDefaults, vocabSize: 268, maxTextBytes: 60 },
      hints: { threads: 1, hub: null, maxDownloadBytes: null },
      inputs,
      outputs: { tokenizer },
      log: silentLog,
      signal: new AbortController().signal,
    } as unknown as Context);
    assert.deepEqual(summary, { pieces: 268 });
    const texts = loadTokenizer(tokenizer).learned.map((piece) => piece.text).sort();
    assert.deepEqual(texts, [" ", "a", "b", "c", "d"]); // 30 bytes of each: six documents
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("vocabulary that was stopped goes on from its checkpoint to the same bytes", async () => {
  const folder = Deno.makeTempDirSync();
  try {
    const documents = join(folder, "documents");
    Deno.mkdirSync(documents);
    const texts = Array.from(
      { length: 60 },
      (_, i) => `low lower lowest ${"new wide".repeat(i % 7)} ${i}`,
    );
    await writeDocuments(documents, texts.map((text, i) => ({ text, id: `it:${i}` })));
    const context = (more: Partial<Context>) => {
      const tokenizer = Deno.makeTempDirSync({ dir: folder });
      return {
        params: { ...unigramDefaults, vocabSize: 290, shrinkingFactor: 0.9 },
        hints: { threads: 2 },
        inputs: { "documents/it": documents },
        outputs: { tokenizer },
        checkpointFolder: Deno.makeTempDirSync({ dir: folder }),
        log: silentLog,
        signal: new AbortController().signal,
        ...more,
      } as unknown as Context;
    };
    const plain = context({});
    await run(plain);
    const { checkpointFolder } = context({});
    for (const stopAt of ["counted", "seeded", "estimated"]) {
      const reason = new Error("stopped");
      const info = (message: string) => {
        if (message === stopAt) throw reason;
      };
      const log = { ...silentLog, info };
      await assert.rejects(run(context({ checkpointFolder, log })), reason);
    }
    Deno.removeSync(documents, { recursive: true }); // text is not needed any more
    const resumed = context({ checkpointFolder });
    Deno.mkdirSync(documents);
    await writeDocuments(documents, [{ text: "something else", id: "it:0" }]);
    await run(resumed);
    const file = ({ outputs }: Context) =>
      Deno.readTextFileSync(join(outputs.tokenizer, "tokenizer.json"));
    assert.equal(file(resumed), file(plain));
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
