/**
 * How often a run reads its text: counted by hand beside what the run says.
 */
import assert from "node:assert/strict";
import {
  openMixture,
  openTokenShards,
  openTokenStream,
  writeTokenShards,
} from "../../datasets/mod.ts";
import { silentLog } from "../../pipeline/stage.ts";
import {
  continueTraining,
  pretrain,
  sampleSources,
  type TrainingSource,
} from "../../training/mod.ts";
import { workerWindows } from "../../training/mixture.ts";
import { continuing, pretraining, seed, vocabSize } from "./support.ts";

/** Tokens of each source, which are 10, 5 and 20 windows of 8. */
const tokens = { alpha: 80, beta: 43, gamma: 160 };
/** What pre-training may read of them where a fifth is kept: 10 − 2, 5 − 1 and 20 − 4. */
const mayRead: Readonly<Record<string, number>> = { alpha: 8, beta: 4, gamma: 16 };
const names = Object.keys(tokens);

async function withCounted(
  use: (sources: readonly TrainingSource[], folder: string) => Promise<void>,
): Promise<void> {
  const folder = Deno.makeTempDirSync();
  const sources: TrainingSource[] = [];
  try {
    for (const [name, count] of Object.entries(tokens)) {
      // A document's end is a token too.
      const ids = Array.from({ length: count - 1 }, (_, i) => 8 + i % 6);
      const at = (split: string) => `${folder}/${name}/${split}`;
      for (const split of ["train", "validation"]) {
        Deno.mkdirSync(at(split), { recursive: true });
        await writeTokenShards(at(split), [{ ids, bytes: ids.length }], { vocabSize, endId: 2 });
      }
      sources.push({
        name,
        train: openTokenShards(at("train")),
        validation: openTokenShards(at("validation")),
        localVocabulary: Int32Array.from([0, 1, 2, 3, 8, 9, 10, 11, 12, 13]),
      });
    }
    await use(sources, folder);
  } finally {
    for (const { train, validation } of sources) {
      train.close();
      validation.close();
    }
    Deno.removeSync(folder, { recursive: true });
  }
}

/** The sources of the uniform mixture's batches, in their order. */
function drawn(sources: readonly TrainingSource[], batches: number, batchSize: number): string[] {
  const mixture = openMixture({
    streams: new Map(sources.map(({ name, train }) => [
      name,
      openTokenStream(train, { seqLen: 8, seed: seed("any order") }),
    ])),
    weights: new Map(names.map((name) => [name, 1])),
    seed: seed("order/mixture"),
  });
  return Array.from({ length: batches }, () => mixture.next(batchSize)).flat()
    .map(({ source }) => source);
}

/** How often each name is among those. */
function counts(of: readonly string[]): number[] {
  return names.map((name) => of.filter((one) => one === name).length);
}

type Metrics = Awaited<ReturnType<typeof pretrain>>["metrics"];

function exposureOf(metrics: Metrics) {
  return metrics.filter(({ kind }) => kind === "exposure");
}

// 4 rounds of 3 steps of 4 windows
const changes = { rounds: 4, continuationShare: 0.2 };

Deno.test("pretrain() of TRIM counts 12 windows of a source for each round that draws it", () =>
  withCounted(async (sources, folder) => {
    const { metrics } = await pretrain(pretraining("trim", sources, folder, changes));
    const rounds = counts(
      [1, 2, 3, 4].flatMap((round) => sampleSources(names, 2, seed(`round/${round}/sources`))),
    );
    assert.ok(new Set(rounds).size > 1, `sources that differ in rounds, found ${rounds}`);
    const rows = names.map((source, k) => ({
      kind: "exposure",
      source,
      windows: 12 * rounds[k],
      epochWindows: mayRead[source],
    }));
    assert.deepEqual(exposureOf(metrics), rows.filter(({ windows }) => windows > 0));
  }));

Deno.test("pretrain() of STD counts what its mixture draws, of local SGD what all workers draw", () =>
  withCounted(async (sources, folder) => {
    for (const [id, batchSize] of [["std-t0", 4], ["local-sgd", 2 * 4]] as const) {
      const { metrics } = await pretrain(pretraining(id, sources, folder, changes));
      const expected = counts(drawn(sources, 12, batchSize));
      assert.deepEqual(
        exposureOf(metrics).map(({ source, windows, epochWindows }) => [
          source,
          windows,
          epochWindows,
        ]),
        names.map((name, k) => [name, expected[k], mayRead[name]]),
        id,
      );
    }
  }));

Deno.test("a worker counts its own part of the batches, and goes on from where it stood", () =>
  withCounted((sources) => {
    const open = () =>
      workerWindows(sources, 0, { seqLen: 8, batchSize: 4, worker: 1, workers: 2 }, seed);
    const [first, second] = [open(), open()];
    const all = drawn(sources, 2, 8);
    for (let window = 0; window < 4; window++) first.next();
    assert.deepEqual(first.exposure.map(({ windows }) => windows), counts(all.slice(4, 8)));
    second.seek(JSON.parse(JSON.stringify(first.position)));
    for (let window = 0; window < 4; window++) second.next();
    assert.deepEqual(
      second.exposure.map(({ windows }) => windows),
      counts([...all.slice(4, 8), ...all.slice(12, 16)]),
    );
    // What it has read is its own: the first has not moved.
    assert.deepEqual(first.exposure.map(({ windows }) => windows), counts(all.slice(4, 8)));
    return Promise.resolve();
  }));

Deno.test("pretrain() without a step has read nothing", () =>
  withCounted(async (sources, folder) => {
    const { metrics } = await pretrain(pretraining("none", sources, folder, changes));
    assert.deepEqual(metrics, []);
  }));

Deno.test("continueTraining() counts windows over those that are kept for it", () =>
  withCounted(async (sources, folder) => {
    const { metrics } = await continueTraining(
      continuing("glob", sources, folder, { steps: 7, batchSize: 2, share: 0.2 }),
    );
    const expected = counts(drawn(sources, 7, 2));
    assert.deepEqual(
      exposureOf(metrics).map(({ windows, epochWindows }) => [windows, epochWindows]),
      [[expected[0], 2], [expected[1], 1], [expected[2], 4]],
    );
  }));

Deno.test("pretrain() and continueTraining() warn of sources that are read more often than the recipe says", () =>
  withCounted(async (sources, folder) => {
    const logged: string[] = [];
    const log = { ...silentLog, warn: (message: string) => void logged.push(message) };
    const warnings = {
      activationGrowth: Infinity,
      unknownShare: Infinity,
      weakGainNats: -Infinity,
    };
    const one = sources.slice(1, 2);
    // Of beta alone: 4 rounds · 3 steps · 8 windows over 4; then 2 steps of 2 windows over one, which are just 4.
    const run = pretraining("isolated-beta", one, folder, {
      ...changes,
      warnings: { ...warnings, epochs: 4 },
    });
    const { metrics } = await pretrain({ ...run, log });
    const continued = continuing("isolated-beta", one, folder, {
      ...{ steps: 2, batchSize: 2, share: 0.2 },
      warnings: { ...warnings, epochs: 4 },
    });
    await continueTraining({ ...continued, log });
    assert.deepEqual(logged, [
      `epochs: isolated-beta, pre-training, read the text of "beta" 24.0 times: more text or fewer steps would keep it new`,
    ]);
    const { name, about, found, threshold } = metrics.at(-1)!;
    assert.deepEqual([name, about, found, threshold], ["epochs", "beta", 24, 4]);
  }));
