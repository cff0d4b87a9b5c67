import assert from "node:assert/strict";
import type { TaskDescription, TaskExample } from "../../datasets/mod.ts";
import { engine } from "../../engine/reference/mod.ts";
import { Random, StageError } from "../../base/mod.ts";
import { silentLog } from "../../pipeline/stage.ts";
import type { Tokenizer } from "../../tokenizers/mod.ts";
import {
  fineTune,
  type FineTuning,
  majorityScore,
  scoreInterval,
  type TaskSplit,
} from "../../training/mod.ts";
import { accuracy, pearson } from "../../training/scores.ts";
import { initialShared } from "../../training/source.ts";
import { encodeExample, taskFeeds } from "../../training/task_inputs.ts";
import { engineOptions, inner, model, seed, variantOf, vocabSize } from "./support.ts";

/** A piece per letter: a is 10, b is 11. */
const letters: Tokenizer = {
  vocabSize,
  encode: (text) => Int32Array.from(text, (letter) => letter.charCodeAt(0) - 87),
  decode: (ids) => Array.from(ids, (id) => String.fromCharCode(id + 87)).join(""),
  piece: (id) => String.fromCharCode(id + 87),
  byteLength: () => 1,
};

const sequences = (kind: TaskDescription["kind"], example: Partial<TaskExample>, seqLen = 20) =>
  encodeExample({ kind, nClasses: 2 }, { texts: [], label: 0, ...example }, letters, seqLen)
    .sequences.map((ids) => [...ids]);

Deno.test("encodeExample() lays tasks out as Radford et al. 2018, figure 1", () => {
  const [start, delimiter, extract] = [4, 5, 6];
  assert.deepEqual(sequences("classification", { texts: ["ab"] }), [[start, 10, 11, extract]]);
  assert.deepEqual(sequences("entailment", { texts: ["ab", "c"] }), [
    [start, 10, 11, delimiter, 12, extract],
  ]);
  assert.deepEqual(sequences("similarity", { texts: ["ab", "c"] }), [
    [start, 10, 11, delimiter, 12, extract],
    [start, 12, delimiter, 10, 11, extract],
  ]);
  assert.deepEqual(sequences("choice", { texts: ["ab"], options: ["c", "d"] }), [
    [start, 10, 11, delimiter, 12, extract],
    [start, 10, 11, delimiter, 13, extract],
  ]);
});

Deno.test("encodeExample() cuts the longest text from its end until all fits", () => {
  assert.deepEqual(sequences("classification", { texts: ["abcd"] }, 4), [[4, 10, 11, 6]]);
  // 3 special tokens leave 4: of 5 + 2 the longer loses three, then the second of equals
  assert.deepEqual(sequences("entailment", { texts: ["abcde", "ab"] }, 7), [[
    4,
    10,
    11,
    5,
    10,
    11,
    6,
  ]]);
  assert.deepEqual(sequences("entailment", { texts: ["abcde", "ab"] }, 6), [[4, 10, 11, 5, 10, 6]]);
});

Deno.test("taskFeeds() points at the extract token and weighs loss, labels and padding", () => {
  const shape = { batchSize: 2, seqLen: 5, sequences: 1, isScore: false, languageModelWeight: 0.5 };
  const feeds = taskFeeds([{ sequences: [Int32Array.of(4, 10, 6)], label: 1 }], shape);
  assert.deepEqual([...feeds.tokens], [4, 10, 6, 3, 3, 3, 3, 3, 3, 3]);
  assert.deepEqual([...feeds.targets], [10, 6, 3, 3, 3, 3, 3, 3, 3, 3]);
  assert.deepEqual([...feeds.weights], [0.25, 0.25, 0, 0, 0, 0, 0, 0, 0, 0]); // 0.5 / 2 predicted
  assert.deepEqual([...feeds.select].flatMap((value, i) => value ? [i] : []), [2]);
  assert.deepEqual([...feeds.labels], [1, 0]);
  assert.deepEqual([...feeds.labelWeights], [1, 0]);
});

Deno.test("scores: accuracy, correlation and majority by hand", () => {
  assert.equal(accuracy([1, 0, 2], [1, 1, 2]), 2 / 3);
  assert.equal(pearson([1, 2, 3], [10, 20, 30]), 1);
  assert.equal(pearson([1, 2, 3], [3, 2, 1]), -1);
  assert.equal(pearson([1, 1, 1], [3, 2, 1]), 0);
  assert.equal(majorityScore({ kind: "entailment", nClasses: 3 }, [2, 2, 0], [2, 0, 2, 1]), 0.5);
  assert.equal(majorityScore({ kind: "similarity", nClasses: 1 }, [2], [2]), 0);
  const interval = scoreInterval("accuracy", [1, 0], [1, 1], { samples: 100, seed: seed("s") });
  assert.deepEqual(interval, [0, 1]);
});

/** Tasks that a bag of letters solves. */
const tasks: Readonly<Record<TaskDescription["kind"], (random: Random) => TaskExample>> = {
  classification(random) {
    const label = random.below(2);
    return { texts: [word(random, label)], label };
  },
  entailment(random) {
    const label = random.below(2);
    return { texts: [word(random, label), word(random, label)], label };
  },
  choice(random) {
    const label = random.below(2);
    return { texts: ["ab"], options: [word(random, 1 - label), word(random, label)], label };
  },
  similarity(random) {
    const label = random.below(5);
    return { texts: ["f".repeat(label) + "g".repeat(4 - label), "gf"], label };
  },
};

const word = (random: Random, label: number) =>
  Array.from({ length: 3 }, () => "abcd"[2 * label + random.below(2)]).join("");

function options(kind: TaskDescription["kind"], folder: string): FineTuning {
  const random = new Random(seed(`task/${kind}`));
  const make = (count: number) => Array.from({ length: count }, () => tasks[kind](random));
  const config = { ...model, seqLen: 12, vocabSize };
  return {
    settings: {
      task: kind,
      epochs: 3,
      batchSize: 8,
      seqLen: 12,
      inner: { ...inner, peakLearningRate: 0.02 },
      warmupFraction: 0.1,
      headBias: true,
      languageModelWeight: 0.5,
      dropout: 0.1,
    },
    description: { kind, nClasses: kind === "similarity" ? 1 : 2 },
    examples: { train: make(68), dev: make(20), test: make(30) },
    tokenizer: letters,
    config,
    parameters: initialShared(variantOf("glob"), model, vocabSize, seed),
    engine,
    engineOptions,
    seed,
    checkpointFolder: Deno.makeTempDirSync({ dir: folder }),
    log: silentLog,
    signal: new AbortController().signal,
  };
}

async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = Deno.makeTempDirSync();
  try {
    await use(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

for (const kind of Object.keys(tasks) as TaskDescription["kind"][]) {
  Deno.test(`fineTune() learns a plain task of kind ${kind}`, () =>
    withFolder(async (folder) => {
      const run = options(kind, folder);
      const result = await fineTune(run);
      // Chance is ½, or no correlation.
      assert.ok(result.test > 0.85, `expected over 0.85 on test, found ${result.test}`);
      assert.equal(result.dev, result.devScores[result.bestEpoch - 1]);
      assert.equal(result.dev, Math.max(...result.devScores));
      assert.equal(result.predictions.test.length, 30);
      const mean = (values: readonly number[]) => values.reduce((a, b) => a + b) / values.length;
      // Scores come back in the task's own scale, around 2.
      if (kind === "similarity") assert.ok(Math.abs(mean(result.predictions.test) - 2) < 1);
    }));
}

Deno.test("fineTune() gone on after a stop has the result of a plain run", () =>
  withFolder(async (folder) => {
    const undisturbed = await fineTune(options("classification", folder));
    for (const stop of [5, 9, 20]) { // of 27 steps: in the first, at the end of the first, in the third epoch
      const run = options("classification", folder);
      const controller = new AbortController();
      let step = 0;
      const progress = () => {
        if (++step === stop) controller.abort(new Error("stop"));
      };
      const log = { ...silentLog, progress };
      await assert.rejects(fineTune({ ...run, log, signal: controller.signal }), /stop/);
      step = 0;
      assert.deepEqual(await fineTune({ ...run, log }), undisturbed);
      assert.equal(step, 27 - stop, "no step is done twice");
    }
  }));

Deno.test("fineTune() refuses scores that are not finite, which no loss would show after the last step", () =>
  withFolder(async (folder) => {
    const run = options("similarity", folder);
    const faulty: typeof engine = {
      ...engine,
      async compileTraining(graph, settings) {
        const program = await engine.compileTraining(graph, settings);
        program.run = () => Promise.resolve({ logits: new Float32Array(8).fill(Infinity, 3) });
        return program;
      },
    };
    await assert.rejects(
      fineTune({ ...run, engine: faulty }),
      /^StageError: Cannot predict examples 0 to 7 of a downstream task: expected finite scores, found Infinity/,
    );
  }));

Deno.test("fineTune() refuses examples that do not fit the task, saying which", () =>
  withFolder(async (folder) => {
    const run = options("choice", folder);
    const fails = (split: TaskSplit, examples: readonly TaskExample[], message: RegExp) =>
      assert.rejects(
        fineTune({ ...run, examples: { ...run.examples, [split]: examples } }),
        (error) => {
          assert.ok(error instanceof StageError);
          assert.match(error.message, message);
          return true;
        },
      );
    const [good] = run.examples.train;
    await fails(
      "dev",
      [],
      /Cannot fine-tune on choice, dev: expected at least one example, found none/,
    );
    await fails(
      "test",
      [good, { ...good, label: 2 }],
      /test example 1: expected a label below 2, found 2/,
    );
    await fails(
      "train",
      [{ ...good, options: ["a"] }],
      /train example 0: expected 2 options, found 1/,
    );
    await fails("train", [{ ...good, texts: ["a", "b"] }], /expected 1 texts, found 2/);
    // Squares of such scores are beyond all numbers, and predictions in their scale would be none.
    const pair = options("similarity", folder);
    const train = [...pair.examples.train.slice(1), { ...pair.examples.train[0], label: 1e200 }];
    await assert.rejects(
      fineTune({ ...pair, examples: { ...pair.examples, train } }),
      /StageError: .* train example \d+: expected a label within ±1e\+100, found 1e\+200/,
    );
  }));
