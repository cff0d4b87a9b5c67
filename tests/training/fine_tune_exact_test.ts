/**
 * Fine-tuning on the four kinds of tasks: what must be so whatever is learned, chance, and metrics against known values.
 */
import assert from "node:assert/strict";
import type { GeneratedTask, TaskDescription, TaskExample } from "../../datasets/mod.ts";
import { generatedTasks, taskModule } from "../../datasets/generators/mod.ts";
import { engine } from "../../engine/reference/mod.ts";
import { fineTuneGraph, headShapes, initialiseHead } from "../../model/mod.ts";
import { Random } from "../../base/mod.ts";
import { silentLog } from "../../pipeline/stage.ts";
import type { Tokenizer } from "../../tokenizers/mod.ts";
import {
  chanceOf,
  fineTune,
  fineTuneRuns,
  type FineTuning,
  meanScores,
  metricOf,
  runsInterval,
  scoreInterval,
  writeTensors,
} from "../../training/mod.ts";
import { pearson, score } from "../../training/scores.ts";
import { initialShared } from "../../training/source.ts";
import { encodeExample, sequencesOf, taskFeeds } from "../../training/task_inputs.ts";
import { engineOptions, inner, model, seed, variantOf, vocabSize } from "./support.ts";

/** A piece per letter: a is 10, b is 11. */
const letters: Tokenizer = {
  vocabSize,
  encode: (text) => Int32Array.from(text, (letter) => letter.charCodeAt(0) - 87),
  decode: (ids) => Array.from(ids, (id) => String.fromCharCode(id + 87)).join(""),
  piece: (id) => String.fromCharCode(id + 87),
  byteLength: () => 1,
};
const config = { ...model, seqLen: 12, vocabSize };

const descriptions: readonly TaskDescription[] = [
  { kind: "classification", nClasses: 2 },
  { kind: "entailment", nClasses: 3 },
  { kind: "choice", nClasses: 4 },
  { kind: "similarity", nClasses: 1 },
];

/** Logits of examples under a network and head drawn at random. */
async function logitsOf(description: TaskDescription, examples: readonly TaskExample[]) {
  const shape = {
    batchSize: examples.length,
    seqLen: 12,
    sequences: sequencesOf(description),
    isScore: description.kind === "similarity",
    languageModelWeight: 0,
  };
  const graph = fineTuneGraph(config, { ...description, ...shape, hasLanguageModelLoss: false });
  const program = await engine.compile(graph, engineOptions);
  const shapes = headShapes(config, description);
  const head = initialiseHead(config, description, seed("head"));
  await writeTensors(program, {
    ...initialShared(variantOf("glob"), model, vocabSize, seed),
    ...Object.fromEntries(
      (["head.weight", "head.bias"] as const).map((name) => [
        name,
        { shape: shapes[name], data: head[name].map((value, i) => value + 0.3 * Math.cos(i)) },
      ]),
    ),
  });
  const encoded = examples.map((example) => encodeExample(description, example, letters, 12));
  const { logits } = await program.run(taskFeeds(encoded, shape), ["logits"]);
  const width = logits.length / examples.length;
  return examples.map((_, b) => [...logits.subarray(b * width, (b + 1) * width)]);
}

Deno.test("a pair of texts has one similarity, whichever comes first", async () => {
  const description = descriptions[3];
  const [one, other, differ] = await logitsOf(description, [
    { texts: ["abc", "dd"], label: 0 },
    { texts: ["dd", "abc"], label: 0 },
    { texts: ["dd", "abd"], label: 0 },
  ]);
  assert.ok(Math.abs(one[0] - other[0]) < 1e-6);
  assert.ok(Math.abs(one[0] - differ[0]) > 1e-4);
});

Deno.test("an option has its own score, wherever it stands among the options", async () => {
  const options = ["a", "bb", "ccc", "d"];
  const [straight, turned] = await logitsOf(descriptions[2], [
    { texts: ["fg"], options, label: 0 },
    { texts: ["fg"], options: [...options].reverse(), label: 0 },
  ]);
  straight.forEach((value, i) => assert.ok(Math.abs(value - turned[3 - i]) < 1e-6));
  assert.ok(Math.abs(straight[0] - straight[1]) > 1e-4);
});

Deno.test("an example's score does not depend on the batch that it is in, nor on padding", async () => {
  for (const description of descriptions) {
    const example = (text: string): TaskExample => ({
      texts: description.kind === "classification" || description.kind === "choice"
        ? [text]
        : [text, "ab"],
      options: description.kind === "choice" ? ["a", "b", "c", text] : undefined,
      label: 0,
    });
    const [alone] = await logitsOf(description, [example("cd")]);
    const [, among] = await logitsOf(description, [example("aaaaa"), example("cd")]);
    alone.forEach((value, i) => assert.ok(Math.abs(value - among[i]) < 1e-6, description.kind));
  }
});

for (const description of descriptions) {
  Deno.test(`fineTune() on shuffled labels gives chance on a task of kind ${description.kind}`, async () => {
    const folder = Deno.makeTempDirSync();
    try {
      const { test, predictions } = await fineTune(shuffled(description, folder));
      const chance = chanceOf(description);
      // 200 labels drawn apart from their texts: √(p·(1 − p)/n), for a correlation 1/√n; four of them
      const deviation = Math.sqrt((chance * (1 - chance) || 1) / 200);
      assert.ok(
        Math.abs(test - chance) < 4 * deviation,
        `expected ${chance} ± ${4 * deviation}, found ${test}`,
      );
      // It did answer: more than one answer was given.
      assert.ok(new Set(predictions.test).size > 1);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  });
}

/** A run on examples whose labels were drawn apart from the texts. */
function shuffled(description: TaskDescription, folder: string): FineTuning {
  const random = new Random(seed(`shuffled/${description.kind}`));
  const word = () => Array.from({ length: 3 }, () => "abcdefg"[random.below(7)]).join("");
  const isPair = description.kind === "entailment" || description.kind === "similarity";
  const make = (count: number) =>
    Array.from({ length: count }, (): TaskExample => ({
      texts: isPair ? [word(), word()] : [word()],
      options: description.kind === "choice" ? [word(), word(), word(), word()] : undefined,
      label: random.below(description.kind === "similarity" ? 6 : description.nClasses),
    }));
  return {
    settings: {
      task: description.kind,
      epochs: 2,
      batchSize: 16,
      seqLen: 12,
      inner: { ...inner, peakLearningRate: 0.02 },
      warmupFraction: 0.1,
      headBias: true,
      languageModelWeight: 0.5,
      dropout: 0.1,
    },
    description,
    examples: { train: make(96), dev: make(32), test: make(200) },
    tokenizer: letters,
    config,
    parameters: initialShared(
      { id: "glob", vocabulary: "global", cutsVocabulary: false, sharesEmbeddings: true },
      model,
      vocabSize,
      seed,
    ),
    engine,
    engineOptions,
    seed,
    checkpointFolder: folder,
    log: silentLog,
    signal: new AbortController().signal,
  };
}

for (const name of Object.keys(generatedTasks)) {
  Deno.test(`a guess that knows nothing scores chance on the generated task ${name}`, async () => {
    const { task } = await import(taskModule(name)) as { task: GeneratedTask<unknown> };
    const random = new Random(seed(`guess/${name}`));
    const labels: number[] = [];
    for (const example of task.examples({}, "test", seed("guess/data"))) {
      labels.push(example.label);
      if (labels.length === 2000) break;
    }
    const { description } = task;
    const guesses = labels.map(() =>
      description.kind === "similarity" ? random.below(1000) : random.below(description.nClasses)
    );
    const found = score(metricOf(description), guesses, labels);
    const chance = chanceOf(description);
    const deviation = Math.sqrt((chance * (1 - chance) || 1) / labels.length);
    assert.ok(Math.abs(found - chance) < 4 * deviation, `expected ${chance}, found ${found}`);
  });
}

Deno.test("fineTuneRuns() gives each run its own head and order, the first as fineTune()", async () => {
  const folder = Deno.makeTempDirSync();
  const place = () => Deno.makeTempDirSync({ dir: folder });
  try {
    const [description] = descriptions;
    const alone = await fineTune(shuffled(description, place()));
    const { results, best } = await fineTuneRuns(shuffled(description, place()), 3);
    const { parameters, ...scored } = alone;
    assert.deepEqual(results[0], scored);
    const devs = results.map(({ dev }) => dev);
    assert.equal(best.run, devs.indexOf(Math.max(...devs)));
    if (best.run === 0) assert.deepEqual(best.parameters, parameters);
    assert.deepEqual(Object.keys(best.parameters).sort(), Object.keys(parameters).sort());
    assert.notDeepEqual(results[1].predictions, results[0].predictions);
    assert.notDeepEqual(results[2].predictions, results[1].predictions);
    const [a, b, c] = results.map(({ test }) => test);
    assert.ok(Math.abs(meanScores(results).test - (a + b + c) / 3) < 1e-12);

    // Stopped in the second run: the first is not trained again.
    const options = shuffled(description, place());
    const controller = new AbortController();
    const trained: number[] = [];
    const progress = ({ done }: { done: number }) => {
      trained.push(done);
      if (trained.length === 12 + 7) controller.abort(new Error("stop")); // 2 epochs of 6 steps, then 7
    };
    const log = { ...silentLog, progress };
    await assert.rejects(fineTuneRuns({ ...options, log, signal: controller.signal }, 3), /stop/);
    trained.length = 0;
    const count = {
      ...silentLog,
      progress: ({ done }: { done: number }) => void trained.push(done),
    };
    assert.deepEqual(await fineTuneRuns({ ...options, log: count }, 3), { results, best });
    assert.equal(trained.length, 5 + 12); // what was left of the second run, and the third run
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("runsInterval() of one run is scoreInterval(), of several covers their spread", () => {
  const labels = Array.from({ length: 400 }, (_, i) => i % 2);
  // A run that is right in the first `right` cases of 400.
  const run = (right: number) => {
    const test = labels.map((label, i) => i < right ? label : 1 - label);
    return {
      dev: 0,
      test: right / 400,
      bestEpoch: 1,
      devScores: [],
      predictions: { dev: [], test },
      scale: { mean: 0, deviation: 1 },
    };
  };
  const options = { samples: 500, seed: seed("interval") };
  assert.deepEqual(
    runsInterval("accuracy", [run(300)], labels, options),
    scoreInterval("accuracy", run(300).predictions.test, labels, options),
  );
  const alike = runsInterval("accuracy", [run(300), run(300), run(300)], labels, options);
  const apart = runsInterval("accuracy", [run(200), run(300), run(400)], labels, options);
  // 1.96·√(¾·¼/400) ≈ 0.042
  assert.ok(Math.abs((alike[1] - alike[0]) / 2 - 0.042) < 0.01, `${alike}`);
  // Runs apart: their mean over three draws has a deviation of √(1/24)/√3 ≈ 0.118 besides
  assert.ok(apart[1] - apart[0] > 3 * (alike[1] - alike[0]), `${apart}`);
});

Deno.test("pearson() gives the published correlations of Anscombe's quartet", () => {
  // Anscombe 1973 (all near 0.816); digits from exact rational arithmetic, Python 3 fractions.
  const x = [10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5];
  const x4 = [8, 8, 8, 8, 8, 8, 8, 19, 8, 8, 8];
  const sets: readonly (readonly [readonly number[], readonly number[], number])[] = [
    [x, [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68], 0.816420516345],
    [x, [9.14, 8.14, 8.74, 8.77, 9.26, 8.1, 6.13, 3.1, 9.13, 7.26, 4.74], 0.816236506],
    [x, [7.46, 6.77, 12.74, 7.11, 7.81, 8.84, 6.08, 5.39, 8.15, 6.42, 5.73], 0.81628673949],
    [x4, [6.58, 5.76, 7.71, 8.84, 8.47, 7.04, 5.25, 12.5, 5.56, 7.91, 6.89], 0.816521436889],
  ];
  for (const [a, b, expected] of sets) assert.ok(Math.abs(pearson(a, b) - expected) < 1e-11);
});
