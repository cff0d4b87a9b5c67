import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { openTokenShards, readStatistics, writeDocuments } from "../../datasets/mod.ts";
import { loadRecipe } from "../../pipeline/recipe.ts";
import { silentLog, type StageSummary } from "../../pipeline/stage.ts";
import { recipeSchema } from "../../stages/recipe.ts";
import { run, tokenize } from "../../stages/tokenize.ts";
import {
  loadTokenizer,
  saveTokenizer,
  specialIds,
  trainUnigram,
  unigramDefaults,
} from "../../tokenizers/mod.ts";
import { adoptTokenizer, openAdopted } from "../../tokenizers/adopted/mod.ts";
import { globalVocabSize, trainingForecast } from "../../stages/training_cost.ts";
import { projectRoot } from "../support/paths.ts";
import { bpeFile, temporaryFolder } from "../instruments/foreign_files.ts";

const folder = Deno.makeTempDirSync();
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

const base = await loadRecipe("base", {
  folder: join(projectRoot, "pipeline/recipes"),
  schema: recipeSchema,
});
const generated = { generator: "language", options: {}, documents: { train: 1, validation: 1 } };
const sources = { b: generated, a: generated, c: generated };

const texts = {
  train: ["low lower lowest", "new newer newest\n𝄞 and wide", "wider widest"],
  validation: ["lower, newer; wider"],
  test: ["low new wide"],
};
const splits = ["train", "validation", "test"] as const;

type Context = Parameters<typeof run>[0];
const { outputs: outputNames, hints } = tokenize.declare(base, ["a", "global"]);

/** Runs the stage over `texts` with a tokenizer that was trained on their first split. */
async function made(
  more: Partial<Context> = {},
): Promise<{ context: Context; summary: StageSummary }> {
  const empty = () => Deno.makeTempDirSync({ dir: folder });
  const inputs = { train: empty(), validation: empty(), test: empty(), tokenizer: empty() };
  for (const split of splits) {
    await writeDocuments(inputs[split], texts[split].map((text, i) => ({ text, id: `${i}` })));
  }
  const documents = texts.train.map((text) => ({ text }));
  const tokenizer = await trainUnigram(documents, { ...unigramDefaults, vocabSize: 285 });
  saveTokenizer(inputs.tokenizer, tokenizer);
  const context: Context = {
    params: {},
    hints,
    inputs,
    files: {},
    outputs: Object.fromEntries(outputNames.map((name) => [name, empty()])),
    checkpointFolder: empty(),
    seed(name) {
      throw new RangeError(`seed ${name} was not declared`);
    },
    modules: {},
    moduleUrls: {},
    log: silentLog,
    signal: new AbortController().signal,
    ...more,
  };
  return { context, summary: await run(context) };
}

Deno.test("tokenize has own vocabularies only for trained sources and only when spec-opt asks", () => {
  const recipe = { ...base, sources, outOfDistribution: ["c"] };
  const withOwn = {
    ...recipe,
    pretrain: { ...base.pretrain, variants: ["glob", "spec-opt"] },
  };
  const without = { ...recipe, pretrain: { ...base.pretrain, variants: ["glob"] } };
  const global = [["a", "global"], ["b", "global"], ["c", "global"]];
  deepStrictEqual(tokenize.instances(without), global);
  deepStrictEqual(tokenize.instances(withOwn), [...global, ["a", "own"], ["b", "own"]]);
  ok(tokenize.impossible!(withOwn, ["c", "own"])!.includes("out of distribution"));
  strictEqual(tokenize.impossible!(withOwn, ["a", "own"]), undefined);
  deepStrictEqual(tokenize.declare(recipe, ["a", "own"]).inputs, {
    train: "documents/a/train#documents",
    validation: "documents/a/validation#documents",
    test: "documents/a/test#documents",
    tokenizer: "vocabulary/a#tokenizer",
  });
  strictEqual(
    tokenize.declare(recipe, ["a", "global"]).inputs!.tokenizer,
    "vocabulary/global#tokenizer",
  );
});

Deno.test("tokenize writes shards that decode to the documents, the end symbol after each", async () => {
  const { context } = await made();
  const tokenizer = loadTokenizer(context.inputs.tokenizer);
  for (const split of splits) {
    const shards = openTokenShards(context.outputs[split]);
    let start = 0;
    const decoded = Array.from(shards.ends, (end) => {
      const ids = shards.slice(start, end - start);
      start = end;
      strictEqual(ids.at(-1), specialIds.end);
      strictEqual(ids.indexOf(specialIds.end), ids.length - 1);
      return tokenizer.decode(ids);
    });
    deepStrictEqual(decoded, texts[split]);
    const bytes = texts[split].map((text) => new TextEncoder().encode(text).length);
    strictEqual(shards.bytes, bytes.reduce((sum, size) => sum + size, 0));
    shards.close();
  }
});

Deno.test("tokenize counts the training split and summarises it", async () => {
  const { context, summary } = await made();
  const { counts, ...statistics } = readStatistics(context.outputs.statistics);
  const shards = openTokenShards(context.outputs.train);
  const ids = [...shards.slice(0, shards.tokens)];
  shards.close();
  strictEqual(statistics.tokens, ids.length);
  strictEqual(statistics.distinctTokens, new Set(ids).size);
  strictEqual(counts[specialIds.end], texts.train.length);
  strictEqual(statistics.reservedPieces, 7 + 256); // special pieces and byte pieces
  const beyond = new Set(ids.filter((id) => id >= 263));
  strictEqual(statistics.localVocabSize, 263 + beyond.size);
  strictEqual(statistics.unknownTokens, 0);
  deepStrictEqual(summary, {
    tokens: ids.length,
    bytesPerToken: Number((statistics.bytes / ids.length).toFixed(3)),
    distinctTokens: statistics.distinctTokens,
  });
});

Deno.test("tokenize counts bytes as a fallback only where no other piece could write the text", async () => {
  using files = temporaryFolder();
  const { context } = await made();
  const fallback = (of: Context) => readStatistics(of.outputs.statistics).fallbackTokens;
  strictEqual(fallback(context), 0); // its tokenizer was trained on these characters
  const train = Deno.makeTempDirSync({ dir: folder });
  await writeDocuments(train, [{ text: "low ж", id: "0" }]);
  const again = () => ({
    ...context,
    inputs: { ...context.inputs, train },
    checkpointFolder: Deno.makeTempDirSync({ dir: folder }),
  });
  await run(again());
  strictEqual(fallback(context), 2); // ж has two bytes

  const neox = files.write("neox.json", bpeFile());
  const tokenizer = Deno.makeTempDirSync({ dir: folder });
  await adoptTokenizer(neox, tokenizer);
  const next = again();
  const inputs = { ...next.inputs, tokenizer };
  await run({ ...next, inputs, modules: { vocabulary: { adoptTokenizer, openAdopted } } });
  ok(readStatistics(context.outputs.statistics).counts.subarray(7, 263).some((count) => count > 0));
  strictEqual(fallback(context), 0); // BPE on bytes: "e" is a piece like "low"
});

Deno.test("forecasts of training know the rows of the tokenizer that a recipe names", () => {
  using files = temporaryFolder();
  const withFile = (file: string) => ({
    ...base,
    vocabulary: { ...base.vocabulary, global: { file } },
  });
  const neox = files.write("neox.json", bpeFile());
  strictEqual(globalVocabSize(withFile(neox)), 269);
  strictEqual(
    globalVocabSize(withFile("hf://EleutherAI/neox/tokenizer.json")),
    unigramDefaults.vocabSize,
  );
  const own = { ...base, vocabulary: { ...base.vocabulary, global: { vocabSize: 500 } } };
  strictEqual(globalVocabSize(own), 500);
  const cost = (recipe: typeof base) => trainingForecast(recipe, { tokens: 1, models: 1 }).bytes!;
  strictEqual(cost(own) - cost(withFile(neox)), 4 * (500 - 269) * base.model.dModel);
});

Deno.test("tokenize stops between two batches of documents when it is told to", async () => {
  const controller = new AbortController();
  const reason = new Error("Ctrl-C");
  controller.abort(reason);
  await rejects(made({ signal: controller.signal }), reason);
});

/** Five batches of documents of very different lengths. */
async function manyDocuments(folder: string): Promise<void> {
  const documents = Array.from({ length: 5000 }, (_, i) => ({
    text: `low lower ${"lowest ".repeat((i * 37) % 31)}`,
    id: `${i}`,
  }));
  await writeDocuments(folder, documents);
}

Deno.test("tokenize that was killed goes on to the same bytes, wherever it stood", async () => {
  const { context } = await made();
  const inputs = { ...context.inputs };
  for (const split of splits) {
    await manyDocuments(inputs[split] = Deno.makeTempDirSync({ dir: folder }));
  }
  const outputs = () =>
    Object.fromEntries(
      outputNames.map((name) => [name, Deno.makeTempDirSync({ dir: folder })]),
    );
  const empty = () => Deno.makeTempDirSync({ dir: folder });
  const plain = { ...context, inputs, outputs: outputs(), checkpointFolder: empty() };
  await run(plain);
  const checkpointFolder = empty();
  let kills = 0;
  // Batches that are done before each death: twice in the training text, then in the validation text, and after both.
  for (const deaths of [2, 2, 3, 2, 4, 90]) {
    let left = deaths;
    const signal = {
      throwIfAborted() {
        if (left-- === 0) throw new Error("killed");
      },
    } as AbortSignal;
    const hints = { threads: 1, checkpointEveryMs: 0 };
    try {
      await run({ ...plain, outputs: outputs(), checkpointFolder, hints, signal });
    } catch (error) {
      strictEqual((error as Error).message, "killed");
      kills++;
    }
  }
  strictEqual(kills, 5);
  // A stop keeps all that was done, however seldom checkpoints are written.
  const stopped = empty();
  let looks = 3;
  const signal = {
    get aborted() {
      return --looks === 0;
    },
    throwIfAborted() {
      if (looks === 0) throw new Error("stopped");
    },
  } as AbortSignal;
  const seldom = {
    ...plain,
    checkpointFolder: stopped,
    hints: { threads: 1, checkpointEveryMs: Infinity },
  };
  await rejects(run({ ...seldom, outputs: outputs(), signal }), { message: "stopped" });
  strictEqual(JSON.parse(Deno.readTextFileSync(join(stopped, "train.json"))).state.isDone, false);
  for (const used of [checkpointFolder, stopped]) {
    const resumed = { ...plain, outputs: outputs(), checkpointFolder: used };
    await run(resumed);
    for (const output of outputNames) {
      const names = [...Deno.readDirSync(plain.outputs[output])].map(({ name }) => name).sort();
      ok(names.length > 0);
      for (const name of names) {
        const [a, b] = [plain, resumed].map(({ outputs }) =>
          Deno.readFileSync(join(outputs[output], name))
        );
        deepStrictEqual(b, a, `${output}/${name}`);
      }
    }
  }
});
