/**
 * What knows nothing scores at chance, on every downstream task: a random guess, an untrained model, a model trained where labels
 * are shuffled. The last one would be above chance if a label reached the inputs.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { engine } from "../../engine/onnxruntime/mod.ts";
import { Random } from "../../base/mod.ts";
import { silentLog } from "../../pipeline/stage.ts";
import { type Recipe, recipeSchema } from "../../stages/recipe.ts";
import { firstByteId, type Tokenizer } from "../../tokenizers/mod.ts";
import { chanceOf, fineTune, metricOf } from "../../training/mod.ts";
import { score } from "../../training/scores.ts";
import { initialShared } from "../../training/source.ts";
import { needsData } from "../support/data.ts";
import { baseRecipe } from "../support/documents_stage.ts";
import { readTaskOf, type TaskData } from "../support/task_data.ts";
import { engineOptions, inner, model, seed, variantOf } from "../training/support.ts";

const vocabSize = firstByteId + 256;
const encoder = new TextEncoder();

/** A piece per byte. */
const bytes: Tokenizer = {
  vocabSize,
  encode: (text) => Int32Array.from(encoder.encode(text), (byte) => byte + firstByteId),
  decode: (ids) => new TextDecoder().decode(Uint8Array.from(ids, (id) => id - firstByteId)),
  piece: (id) => String(id),
  byteLength: () => 1,
};

const count = { train: 96, dev: 32, test: 240 };
const generated = { examples: count };

/** Tasks by name: those of generators, and the four of the paper where there is data. */
const tasks: Readonly<Record<string, { readonly task: object; readonly needs?: string }>> = {
  "sentiment": { task: { generator: "sentiment", ...generated } },
  "entailment": { task: { generator: "entailment", ...generated } },
  "similarity": { task: { generator: "similarity", ...generated } },
  "choice": { task: { generator: "choice", ...generated } },
  "SST-2": {
    needs: "sst2",
    task: { format: "sst2", files: { train: "sst2/train.tsv", dev: "sst2/dev.tsv" } },
  },
  "STS-B": {
    needs: "stsb",
    task: {
      format: "stsb",
      files: {
        train: "stsb/stsb-en-train.csv",
        dev: "stsb/stsb-en-dev.csv",
        test: "stsb/stsb-en-test.csv",
      },
    },
  },
  "MNLI": {
    needs: "mnli",
    task: {
      format: "mnli",
      files: {
        train: "mnli/train.jsonl",
        dev: "mnli/dev_matched.jsonl",
        test: "mnli/dev_mismatched.jsonl",
      },
    },
  },
  "RACE": {
    needs: "race",
    task: {
      format: "race",
      files: {
        train: "race/train.middle.jsonl",
        dev: "race/dev.middle.jsonl",
        test: ["race/test.middle.jsonl", "race/test.high.jsonl"],
      },
    },
  },
};

async function read(task: object, data: string): Promise<TaskData> {
  const recipe: Recipe = recipeSchema.parse({
    ...baseRecipe,
    data,
    finetune: { ...baseRecipe.finetune, tasks: { t: { examples: count, ...task } } },
  });
  return await readTaskOf(recipe);
}

/** Score on test after one epoch at this rate, of a tiny model that was never pre-trained. */
async function testScore(
  { description, examples }: TaskData,
  peakLearningRate: number,
): Promise<number> {
  const config = { ...model, vocabSize };
  const checkpointFolder = Deno.makeTempDirSync();
  try {
    const { test } = await fineTune({
      settings: {
        task: "t",
        epochs: 1,
        batchSize: 16,
        seqLen: 64,
        inner: { ...inner, peakLearningRate },
        warmupFraction: 0.1,
        headBias: true,
        languageModelWeight: 0.5,
        dropout: 0.1,
      },
      description,
      examples,
      tokenizer: bytes,
      config,
      parameters: initialShared(variantOf("glob"), model, vocabSize, seed),
      engine,
      engineOptions,
      seed,
      checkpointFolder,
      log: silentLog,
      signal: new AbortController().signal,
    });
    return test;
  } finally {
    Deno.removeSync(checkpointFolder, { recursive: true });
  }
}

/** The same texts with the labels of others of their split. */
function withShuffledLabels(data: TaskData): TaskData {
  const random = new Random(seed("shuffled"));
  const shuffle = (examples: TaskData["examples"]["train"]) => {
    const labels = random.shuffle(examples.map(({ label }) => label));
    return examples.map((example, i) => ({ ...example, label: labels[i] }));
  };
  const { train, dev, test } = data.examples;
  return { ...data, examples: { train: shuffle(train), dev: shuffle(dev), test: shuffle(test) } };
}

for (const [name, { task, needs }] of Object.entries(tasks)) {
  const { path, ignore } = needs === undefined
    ? { path: "", ignore: false }
    : needsData("downstream", needs);
  Deno.test({
    name: `${name}: a guess, an untrained model and shuffled labels score at chance`,
    ignore,
    async fn() {
      const data = await read(task, join(path, ".."));
      const { description, examples: { test } } = data;
      const chance = chanceOf(description);
      const isScore = metricOf(description) === "pearson";
      // Of a guess: binomial, and of a correlation 1/√n.
      const deviation = isScore
        ? 1 / Math.sqrt(test.length)
        : Math.sqrt(chance * (1 - chance) / test.length);
      const close = (found: number, deviations: number, what: string) =>
        assert.ok(
          Math.abs(found - chance) <= deviations * deviation,
          `${what}: expected ${chance} ± ${(deviations * deviation).toFixed(3)}, found ${found}`,
        );
      const random = new Random(seed("guess"));
      const labels = test.map(({ label }) => label);
      const guess = labels.map(() =>
        isScore ? random.below(1000) : random.below(description.nClasses)
      );
      close(score(metricOf(description), guess, labels), 3, "a guess");
      // Without training a score still depends on lengths, and these on similarity: a wider bound there.
      close(await testScore(data, 1e-12), isScore ? 6 : 3.5, "an untrained model");
      close(await testScore(withShuffledLabels(data), 0.01), 3.5, "shuffled labels");
    },
  });
}

Deno.test("the check finds a label that reaches the text: shuffled ones are then learned", async () => {
  const data = withShuffledLabels(await read(tasks.sentiment.task, ""));
  const leak = (examples: TaskData["examples"]["train"]) =>
    examples.map((example) => ({
      ...example,
      texts: [String(example.label).repeat(60), ...example.texts.slice(1)],
    }));
  const { train, dev, test } = data.examples;
  const leaking = { train: leak(train), dev: leak(dev), test: leak(test) };
  assert.ok(await testScore({ ...data, examples: leaking }, 0.01) > 0.9);
});
