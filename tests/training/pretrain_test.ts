import assert from "node:assert/strict";
import { engine } from "../../engine/reference/mod.ts";
import { differentiate, languageModelGraph } from "../../model/mod.ts";
import { StageError } from "../../base/mod.ts";
import { silentLog } from "../../pipeline/stage.ts";
import {
  decodeSafetensors,
  type OuterSettings,
  pretrain,
  type PretrainSettings,
  readTensors,
  type Tensors,
  writeTensors,
} from "../../training/mod.ts";
import { initialShared, openStream } from "../../training/source.ts";
import { windowFeeds } from "../../training/windows.ts";
import {
  cosineWithWarmup,
  encodeSafetensors,
  engineOptions,
  groupsOf,
  inner,
  model,
  plain,
  pretraining,
  seed,
  settings,
  variantOf,
  vocabSize,
  withSources,
} from "./support.ts";

Deno.test("pretrain() with GLOB, one source and one round is plain training, bit for bit", () =>
  withSources(async ([alpha], folder) => {
    const options = pretraining("glob", [alpha], folder, { rounds: 1, sourcesPerRound: 1 });
    const { last } = await pretrain(options);

    // The same written out: no rounds, no deltas.
    const config = { ...model, vocabSize };
    const graph = differentiate(languageModelGraph(config, settings.microBatchSize), "loss");
    const program = await engine.compileTraining(graph, { ...engineOptions, optimizer: inner });
    await writeTensors(program, initialShared(options.variant, model, vocabSize, seed));
    const stream = openStream(alpha, model, seed("order/alpha/global"));
    for (let step = 0; step < settings.localSteps; step++) {
      for (let micro = 0; micro < settings.batchSize / settings.microBatchSize; micro++) {
        const windows = [stream.next(), stream.next()];
        const weight = 1 / (4 * 7); // 4 windows a batch, 7 predicted tokens each
        await program.accumulate(windowFeeds(windows, { batchSize: 2, seqLen: 8, weight }));
      }
      const learningRate = cosineWithWarmup(step, { ...inner, totalSteps: 3 });
      await program.update({ learningRate, clipNorm: inner.clipNorm });
    }
    const trained = groupsOf(last).model;
    assertSameTensors(trained, await readTensors(program));
    assert.ok(trained["body.norm_final.weight"].data.some((value) => value !== 1));
  }));

Deno.test("pretrain() with TRIM whose sources have every row is GLOB, bit for bit", () =>
  withSources(async (sources, folder) => {
    const all = Int32Array.from({ length: vocabSize }, (_, id) => id);
    const whole = sources.map((source) => ({ ...source, localVocabulary: all }));
    const trim = await pretrain(pretraining("trim", whole, folder));
    const glob = await pretrain(pretraining("glob", whole, folder));
    assert.deepEqual(plain(trim.last).groups, plain(glob.last).groups);
  }));

Deno.test("pretrain() with SPEC, one source, one round and every row is GLOB, split in shared and local", () =>
  withSources(async ([alpha], folder) => {
    const all = Int32Array.from({ length: vocabSize }, (_, id) => id);
    const one = {
      rounds: 1,
      sourcesPerRound: 1,
      model: { ...model, positions: "learned" },
    } as const;
    const source = { ...alpha, localVocabulary: all };
    const [spec, glob] = [
      groupsOf((await pretrain(pretraining("spec", [source], folder, one))).last),
      groupsOf((await pretrain(pretraining("glob", [source], folder, one))).last),
    ];
    assertSameTensors({ ...spec.model, ...spec["local-alpha"] }, glob.model);
    assert.deepEqual(Object.keys(spec["local-alpha"]).sort(), [
      "embedding.position.weight",
      "embedding.token.weight",
    ]);
  }));

Deno.test("pretrain() with STD on one source is plain training through all rounds", () =>
  withSources(async ([alpha], folder) => {
    // One round of six steps is two of three: neither Adam's state nor the schedule knows of rounds.
    const one = { sourcesPerRound: 1 };
    const [split, whole] = [
      await pretrain(pretraining("std-t0", [alpha], folder, one)),
      await pretrain(
        pretraining("std-t0", [alpha], folder, { ...one, rounds: 1, localSteps: 6 }),
      ),
    ];
    assert.deepEqual(plain(split.last).groups, plain(whole.last).groups);
  }));

const nesterov = { kind: "nesterov", learningRate: 0.7, momentum: 0.9 } as const;
const fedadam = { kind: "fedadam", learningRate: 0.01, beta1: 0.9, beta2: 0.99, epsilon: 1e-3 };

const stopped: readonly (readonly [string, Partial<PretrainSettings>])[] = [
  ["std-t1", {}],
  ["std-t0-tokens", {}],
  ["act", { forgetting: "new" }],
  ["local-sgd", { adamState: "keep" }],
  ["isolated-alpha", {}],
  ["glob", { adamState: "keep", outer: fedadam as OuterSettings }],
  ["trim", { adamState: "average", outer: nesterov }],
  ["spec", { adamState: "average" }],
  ["spec", {}],
  ["spec-opt", {}],
];

for (const [id, changes] of stopped) {
  const how = JSON.stringify(changes);
  Deno.test(`pretrain() of ${id} ${how} stopped at any step and gone on has the bytes of a plain run`, () =>
    withSources(async (all, folder) => {
      const sources = id.startsWith("isolated") ? all.slice(0, 1) : all;
      const undisturbed = await pretrain(pretraining(id, sources, folder, changes));
      const options = pretraining(id, sources, folder, changes);
      let stops = 0;
      for (let every = 1;; every = every % 4 + 1) {
        // Stopped after 1, 2, 3, 4, 1, … further steps, until it gets through.
        const controller = new AbortController();
        let left = every;
        const log = {
          ...silentLog,
          progress: () => {
            if (--left === 0) controller.abort(new Error("stopped by the test"));
          },
        };
        try {
          const resumed = await pretrain({ ...options, log, signal: controller.signal });
          assert.deepEqual(plain(resumed.last), plain(undisturbed.last));
          assert.deepEqual(plain(resumed.best), plain(undisturbed.best));
          assert.deepEqual(resumed.metrics, undisturbed.metrics);
          break;
        } catch (error) {
          if ((error as Error).message !== "stopped by the test") throw error;
          stops++;
        }
      }
      assert.ok(stops >= 3, `expected several stops, found ${stops}`);
    }));
}

Deno.test("pretrain() killed at any step and started again has the bytes of a plain run", () =>
  withSources(async (sources, folder) => {
    const undisturbed = await pretrain(pretraining("trim", sources, folder));
    for (let kill = 1; kill <= 12; kill++) { // 2 rounds · 2 sources · 3 steps
      const options = pretraining("trim", sources, folder);
      let step = 0;
      const progress = () => {
        if (++step === kill) throw new Error("killed");
      };
      await assert.rejects(pretrain({ ...options, log: { ...silentLog, progress } }), /killed/);
      const resumed = await pretrain(options);
      assert.deepEqual(plain(resumed.last), plain(undisturbed.last), `killed in step ${kill}`);
      assert.deepEqual(resumed.metrics, undisturbed.metrics, `killed in step ${kill}`);
    }
  }));

Deno.test("pretrain() does not depend on how often it saves, nor on the order that sources are given in", () =>
  withSources(async (sources, folder) => {
    const plainRun = await pretrain(pretraining("trim", sources, folder));
    const other = await pretrain(
      pretraining("trim", [...sources].reverse(), folder, { checkpointEverySteps: 1 }),
    );
    assert.deepEqual(plain(other.last), plain(plainRun.last));
    assert.deepEqual(other.metrics, plainRun.metrics);
  }));

Deno.test("pretrain() keeps what a variant says is kept", () =>
  withSources(async (sources, folder) => {
    const all = { sourcesPerRound: 3 };
    const groups = async (id: string) =>
      groupsOf((await pretrain(pretraining(id, sources, folder, all))).last);
    const trim = await groups("trim");
    assert.deepEqual(Object.keys(trim), ["model"]);
    const before = initialShared(variantOf("trim"), model, vocabSize, seed);
    const table = "embedding.token.weight";
    const row = (tensors: Tensors, j: number) => tensors[table].data.subarray(j * 8, j * 8 + 8);
    assert.deepEqual(row(trim.model, 5), row(before, 5)); // no source has id 5
    assert.notDeepEqual(row(trim.model, 12), row(before, 12)); // beta has

    const spec = await groups("spec");
    assert.deepEqual(Object.keys(spec).sort(), [
      "local-alpha",
      "local-beta",
      "local-gamma",
      "model",
    ]);
    assert.deepEqual(spec["local-beta"][table].shape, [4 + 5, 8]); // V_k: four special and five of its own
    assert.ok(Object.keys(spec.model).every((name) => name.startsWith("body.")));

    const specOpt = await groups("spec-opt");
    assert.deepEqual(specOpt["local-beta"][table].shape, [vocabSize, 8]);
  }));

Deno.test("pretrain() chooses the best round by validation loss, of SPEC only once every source has a table", () =>
  withSources(async (sources, folder) => {
    const { metrics, bestRound, bestLossNats } = await pretrain(
      pretraining("spec", sources, folder, { rounds: 4 }),
    );
    const rounds = metrics.filter((row) =>
      (row as { kind: string }).kind === "round"
    ) as unknown as {
      round: number;
      validation: Record<string, { unknownShare: number }>;
      validationLossNats: number | null;
    }[];
    assert.equal(rounds.length, 4);
    assert.equal(rounds[0].validationLossNats, null); // 2 of 3 sources
    assert.equal(Object.keys(rounds[0].validation).length, 2);
    const judged = rounds.filter((row) => row.validationLossNats !== null);
    const lowest = judged.reduce((a, b) => a.validationLossNats! <= b.validationLossNats! ? a : b);
    assert.equal(bestRound, lowest.round);
    assert.equal(bestLossNats, lowest.validationLossNats);
    // Validation texts have the ids of V_k only.
    assert.ok(
      judged.every((row) => Object.values(row.validation).every((v) => v.unknownShare === 0)),
    );
  }));

Deno.test("pretrain() validates all sources as often as it is told, and takes the best round from these", () =>
  withSources(async (sources, folder) => {
    const changes = { rounds: 5, validateAllEvery: 2 };
    const every = await pretrain(pretraining("trim", sources, folder, { rounds: 5 }));
    const some = await pretrain(pretraining("trim", sources, folder, changes));
    type Round = {
      round: number;
      sources: string[];
      validation: Record<string, object>;
      validationLossNats: number | null;
      isBest: boolean;
    };
    const roundsOf = ({ metrics }: typeof every) =>
      metrics.filter(({ kind }) => kind === "round") as unknown as Round[];
    const all = roundsOf(every);
    const found = roundsOf(some);
    assert.deepEqual(
      found.map(({ validation }) => Object.keys(validation).length),
      [2, 3, 2, 3, 3], // two of three took part; all after rounds 2, 4 and the last
    );
    found.forEach(({ round, sources, validation, validationLossNats, isBest }, i) => {
      const names = [2, 4, 5].includes(round) ? ["alpha", "beta", "gamma"] : [...sources].sort();
      const expected = Object.fromEntries(names.map((name) => [name, all[i].validation[name]]));
      assert.deepEqual(validation, expected, `round ${round}`);
      assert.equal(validationLossNats, names.length === 3 ? all[i].validationLossNats : null);
      assert.ok(!isBest || names.length === 3);
    });
    assert.ok([2, 4, 5].includes(some.bestRound));
    assert.deepEqual(plain(some.last), plain(every.last));
    // Workers on the mixture read the text of all sources.
    const workers = await pretrain(pretraining("local-sgd", sources, folder, changes));
    assert.ok(roundsOf(workers).every(({ validation }) => Object.keys(validation).length === 3));
  }));

Deno.test("pretrain() stops at a loss that is not finite and says where", () =>
  withSources(async (sources, folder) => {
    const options = pretraining("trim", sources, folder, {
      inner: { ...inner, peakLearningRate: 1e38, warmupSteps: 1 },
    });
    await assert.rejects(pretrain(options), (error) => {
      assert.ok(error instanceof StageError);
      assert.match(
        error.message,
        /^Cannot go on training trim at step \d+ \(round 1, source (alpha|beta|gamma)\): expected a finite (loss|gradient norm), found \S+; lower pretrain\.inner\.peakLearningRate/,
      );
      return true;
    });
  }));

Deno.test("pretrain() of a tiny model learns a repetitive text far below its unigram entropy", () =>
  withSources(async (sources, folder) => {
    const { bestLossNats } = await pretrain(
      pretraining("glob", [sources[0]], folder, {
        rounds: 2,
        localSteps: 80,
        sourcesPerRound: 1,
        inner: { ...inner, peakLearningRate: 0.03 },
        checkpointEverySteps: 1000,
      }),
    );
    // Five ids, about equally often (an end symbol each 7 tokens): unigram near ln 5 ≈ 1.6 nats; the rule leaves
    // only where a document ends and how one begins.
    assert.ok(bestLossNats! < 1.1, `expected under 1.1 nats, found ${bestLossNats}`);
  }));

function assertSameTensors(found: Tensors, expected: Tensors): void {
  const names = Object.keys(expected).sort();
  assert.deepEqual(Object.keys(found).sort(), names);
  for (const name of names) assert.deepEqual(found[name].data, expected[name].data, name);
  assert.deepEqual(
    decodeSafetensors(encodeSafetensors(found), "x"),
    decodeSafetensors(encodeSafetensors(expected), "x"),
  );
}
