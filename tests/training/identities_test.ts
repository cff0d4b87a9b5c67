/**
 * What DEPT must be equal to where its parts fall away. All on the reference engine, so that equal means equal bits.
 */
import assert from "node:assert/strict";
import { engine } from "../../engine/reference/mod.ts";
import { differentiate, languageModelGraph } from "../../model/mod.ts";
import {
  averageResults,
  costRows,
  cutVocabulary,
  pretrain,
  type PretrainSettings,
  readTensors,
  type Tensors,
  type TrainingSource,
  writeTensors,
} from "../../training/mod.ts";
import { initialShared, openStream } from "../../training/source.ts";
import { windowFeeds } from "../../training/windows.ts";
import {
  engineOptions,
  groupsOf,
  inner,
  model,
  plain,
  pretraining,
  seed,
  sourceOf,
  variantOf,
  vocabSize,
  withSources,
} from "./support.ts";

const table = "embedding.token.weight";
const every = Int32Array.from({ length: vocabSize }, (_, id) => id);

/**
 * Adam as plain gradient descent: with β₁ = 0 and ε far above any gradient a step is (η·ε)·g / (√v + ε) ≈ η·g, to one part
 * in ε. Clipping is off.
 */
function descent(rate: number): PretrainSettings["inner"] {
  return {
    ...inner,
    beta1: 0,
    epsilon: 1e8,
    peakLearningRate: rate * 1e8,
    warmupSteps: 0,
    clipNorm: Infinity,
  };
}

async function trained(
  id: string,
  sources: readonly TrainingSource[],
  folder: string,
  changes: Partial<PretrainSettings>,
): Promise<Tensors> {
  return groupsOf((await pretrain(pretraining(id, sources, folder, changes))).last).model;
}

function largestDifference(a: Tensors, b: Tensors): number {
  assert.deepEqual(Object.keys(a).sort(), Object.keys(b).sort());
  return Math.max(
    ...Object.keys(a).flatMap((name) =>
      [...a[name].data].map((value, i) => Math.abs(value - b[name].data[i]))
    ),
  );
}

Deno.test("GLOB with all sources, one local step and gradient descent is a step on the union of their batches", () =>
  withSources(async (sources, folder) => {
    const changes = { rounds: 1, localSteps: 1, sourcesPerRound: 3, inner: descent(0.5) };
    const averaged = await trained("glob", sources, folder, changes);
    // Each source takes its first four windows; the gradient of their union is the mean of the three.
    const steps = await Promise.all(
      sources.map((source) =>
        trained("glob", [source], folder, { ...changes, sourcesPerRound: 1 })
      ),
    );
    const union = await unionStep(sources, 0.5);
    assert.ok(largestDifference(averaged, union) < 1e-6);
    // The test could fail: no source's own step is the union's.
    for (const step of steps) assert.ok(largestDifference(step, union) > 1e-4);
  }));

/** One step of gradient descent on the first four windows of every source together. */
async function unionStep(sources: readonly TrainingSource[], rate: number): Promise<Tensors> {
  const optimizer = descent(rate);
  const graph = differentiate(languageModelGraph({ ...model, vocabSize }, 4), "loss");
  const program = await engine.compileTraining(graph, { ...engineOptions, optimizer });
  await writeTensors(
    program,
    initialShared(variantOf("glob"), model, vocabSize, seed),
  );
  for (const source of sources) {
    const stream = openStream(source, model, seed(`order/${source.name}/global`));
    const windows = Array.from({ length: 4 }, () => stream.next());
    const weight = 1 / (3 * 4 * 7); // 3 sources, 4 windows, 7 predicted tokens each
    await program.accumulate(windowFeeds(windows, { batchSize: 4, seqLen: 8, weight }));
  }
  await program.update({ learningRate: optimizer.peakLearningRate, clipNorm: Infinity });
  return await readTensors(program);
}

Deno.test("local-sgd with one local step and gradient descent is std-t0-tokens", () =>
  withSources(async (sources, folder) => {
    const changes = { rounds: 4, localSteps: 1, sourcesPerRound: 3, inner: descent(0.3) };
    const local = await trained("local-sgd", sources, folder, changes);
    const tokens = await trained("std-t0-tokens", sources, folder, changes);
    assert.ok(largestDifference(local, tokens) < 1e-6);
    const glob = await trained("glob", sources, folder, changes);
    assert.ok(largestDifference(local, glob) > 1e-4);
  }));

Deno.test("local-sgd with one worker that keeps Adam's state is std-t0, bit for bit", () =>
  withSources(async (sources, folder) => {
    const changes = { sourcesPerRound: 1, adamState: "keep" } as const;
    const local = await pretrain(pretraining("local-sgd", sources, folder, changes));
    const std = await pretrain(pretraining("std-t0", sources, folder, changes));
    assert.deepEqual(plain(local.last).groups, plain(std.last).groups);
  }));

Deno.test("SPEC with one source that keeps Adam's state is training on it alone, whatever the rounds", () =>
  withSources(async ([alpha], folder) => {
    const changes = {
      rounds: 3,
      sourcesPerRound: 1,
      adamState: "keep",
      model: { ...model, positions: "learned" },
    } as const;
    const source = { ...alpha, localVocabulary: every };
    const spec = groupsOf((await pretrain(pretraining("spec", [source], folder, changes))).last);
    const alone = await trained("std-t0", [source], folder, changes);
    const joined = { ...spec.model, ...spec["local-alpha"] };
    assert.equal(largestDifference(joined, alone), 0);
    // With reset the second round differs.
    const again = pretraining("spec", [source], folder, { ...changes, adamState: "reset" });
    const reset = groupsOf((await pretrain(again)).last);
    assert.ok(largestDifference({ ...reset.model, ...reset["local-alpha"] }, alone) > 0);
  }));

for (const id of ["glob", "trim", "spec"]) {
  Deno.test(`averaging Adam's state over one source is keeping it, for ${id}`, () =>
    withSources(async ([alpha], folder) => {
      const run = async (adamState: "average" | "keep") =>
        plain(
          (await pretrain(
            pretraining(id, [alpha], folder, { rounds: 3, sourcesPerRound: 1, adamState }),
          )).last,
        ).groups;
      assert.deepEqual(await run("average"), await run("keep"));
    }));
}

Deno.test("Nesterov without momentum at rate 1 is averaging, bit for bit", () =>
  withSources(async (sources, folder) => {
    const nesterov = { kind: "nesterov", learningRate: 1, momentum: 0 } as const;
    const averaged = await trained("trim", sources, folder, {});
    const stepped = await trained("trim", sources, folder, { outer: nesterov });
    assert.equal(largestDifference(averaged, stepped), 0);
  }));

Deno.test("isolated-<source> is std-t0-tokens on that source alone, bit for bit", () =>
  withSources(async ([, beta], folder) => {
    const isolated = await trained("isolated-beta", [beta], folder, {});
    const std = await trained("std-t0-tokens", [beta], folder, {});
    assert.equal(largestDifference(isolated, std), 0);
  }));

Deno.test("act of one round is std-t0, bit for bit: nothing is forgotten yet", () =>
  withSources(async (sources, folder) => {
    const changes = { rounds: 1, localSteps: 6 };
    const act = await trained("act", sources, folder, changes);
    assert.equal(largestDifference(act, await trained("std-t0", sources, folder, changes)), 0);
    const two = await trained("act", sources, folder, { rounds: 2, localSteps: 3 });
    assert.ok(largestDifference(act, two) > 1e-3);
  }));

Deno.test("averageResults() does not depend on the order in which sources finish", () => {
  const trim = variantOf("trim");
  const shared: Tensors = { [table]: { shape: [3, 1], data: Float32Array.of(0.1, 0.2, 0.3) } };
  const result = (rows: number[], ...values: number[]) => ({
    tensors: { [table]: { shape: [rows.length, 1], data: Float32Array.from(values) } },
    vocabulary: cutVocabulary(Int32Array.from(rows), 3),
  });
  // Sums of these in float64 depend on their order: 1e17 + 1 − 1e17 is 0, 1e17 − 1e17 + 1 is 1.
  const results = [
    ["a", result([0, 1], 1e17, 1)],
    ["b", result([0, 2], 1, 7)],
    ["c", result([0, 1], -1e17, 3)],
  ] as const;
  const expected = averageResults(trim, shared, new Map(results));
  for (const order of [[0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]) {
    const shuffled = new Map(order.map((i) => results[i]));
    assert.deepEqual(averageResults(trim, shared, shuffled), expected);
  }
});

Deno.test("TRIM that averages Adam's state counts the moments that it sends, cut to V_k", () =>
  withSources(async (sources, folder) => {
    const changes = { adamState: "average", rounds: 2, sourcesPerRound: 3 } as const;
    const { metrics } = await pretrain(pretraining("trim", sources, folder, changes));
    const rows = metrics.filter(({ kind, round }) => kind === "local" && round === 2);
    assert.equal(rows.length, 3);
    for (const { sentBytes, returnedBytes } of rows) assert.equal(sentBytes, returnedBytes);
  }));

Deno.test("TRIM on disjoint vocabularies holds and exchanges what the formula says", async () => {
  const folder = Deno.makeTempDirSync();
  const ids = [[8, 9, 10], [11, 12, 13, 14, 15]];
  const sources = [
    await sourceOf(folder, "left", ids[0]),
    await sourceOf(folder, "right", ids[1]),
  ];
  try {
    const bytes = async (id: string) => {
      const { metrics } = await pretrain(
        pretraining(id, sources, folder, { rounds: 1, sourcesPerRound: 2 }),
      );
      const rows = metrics as unknown as Record<string, number>[];
      return rows.slice(0, 2).map(({ heldBytes, sentBytes, returnedBytes }) => ({
        heldBytes,
        sentBytes,
        returnedBytes,
      }));
    };
    const [glob, trim, spec] = [await bytes("glob"), await bytes("trim"), await bytes("spec")];
    const [, globCost, trimCost, specCost] = costRows({
      bodyParameters: glob[0].sentBytes / 4 - vocabSize * model.dModel,
      dModel: model.dModel,
      globalVocabSize: vocabSize,
      localVocabSizes: sources.map(({ localVocabulary }) => localVocabulary.length),
      ownVocabSizes: null,
      localSteps: 3,
      rounds: 1,
      positions: 0,
    });
    const mean = (rows: { readonly [key: string]: number }[], key: string) =>
      rows.reduce((sum, row) => sum + row[key], 0) / rows.length;
    const pairs = [[glob, globCost], [trim, trimCost], [spec, specCost]] as const;
    for (const [rows, cost] of pairs) {
      assert.equal(mean(rows, "sentBytes"), 4 * 3 * cost.communication); // 4 bytes, 3 steps a round
      assert.equal(mean(rows, "returnedBytes"), 4 * 3 * cost.communication);
      assert.equal(mean(rows, "heldBytes"), 4 * 4 * cost.parameters); // weights, gradients, two moments
    }
    // (24 − 7)·8 rows of four bytes less are sent to `left`, whose V_k is its 3 ids and 4 special pieces
    assert.equal(glob[0].sentBytes - trim[0].sentBytes, 4 * (24 - 7) * 8);
  } finally {
    for (const { train, validation } of sources) {
      train.close();
      validation.close();
    }
    Deno.removeSync(folder, { recursive: true });
  }
});
