/**
 * Sources that join and leave a model that is there.
 */
import assert from "node:assert/strict";
import { engine } from "../../engine/reference/mod.ts";
import { differentiate, languageModelGraph } from "../../model/mod.ts";
import { StageError } from "../../base/mod.ts";
import { silentLog } from "../../pipeline/stage.ts";
import {
  cutVocabulary,
  type FinishedModel,
  pretrain,
  type PretrainSettings,
  readTensors,
  renumber,
  type StartingModel,
  type Tensors,
  type TrainingSource,
  writeTensors,
} from "../../training/mod.ts";
import { initialShared, openStream } from "../../training/source.ts";
import { windowFeeds } from "../../training/windows.ts";
import {
  cosineWithWarmup,
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

const token = "embedding.token.weight";
const joining = { steps: 3, peakLearningRate: 0.02 };
const bySource = ["glob", "trim", "spec", "spec-opt"];

/** A finished model as another run reads it. */
function startingModel(finished: FinishedModel): StartingModel {
  return { groups: groupsOf(finished), state: finished.state } as unknown as StartingModel;
}

/** A model of two sources, and what goes on from it. */
async function twoSources(id: string, sources: readonly TrainingSource[], folder: string) {
  const { last } = await pretrain(pretraining(id, sources.slice(0, 2), folder));
  const from = startingModel(last);
  const goOn = (now: readonly TrainingSource[], changes: Partial<PretrainSettings> = {}) => ({
    ...pretraining(id, now, folder, { joining, ...changes }),
    from,
  });
  return { before: last, from, goOn };
}

for (const id of bySource) {
  Deno.test(`pretrain() of ${id}: a source that joins without rounds changes no byte but its own table`, () =>
    withSources(async (sources, folder) => {
      const { before: first, from, goOn } = await twoSources(id, sources, folder);
      const { last, best, start } = await pretrain(goOn(sources, { rounds: 0 }));
      assert.deepEqual([start!.stayed, start!.joined, start!.left], [
        ["alpha", "beta"],
        ["gamma"],
        [],
      ]);
      const { "local-gamma": own, ...others } = plain(last).groups;
      assert.deepEqual(others, plain(first).groups);
      assert.deepEqual(plain(best), plain(last));
      const isShared = variantOf(id).sharesEmbeddings;
      const table = groupsOf(last)["local-gamma"][token];
      assert.deepEqual(Object.keys(own), [token]);
      const { cutsVocabulary } = variantOf(id);
      assert.equal(table.shape[0], isShared || !cutsVocabulary ? vocabSize : 4 + 3);
      if (!isShared) return;
      // A copy of the shared table: rows of gamma's V_k were trained, TRIM leaves the others as they are.
      const before = groupsOf(from).model[token].data;
      const moved = [...Array(vocabSize).keys()].filter((row) =>
        table.data.slice(row * 8, row * 8 + 8).some((value, i) => value !== before[row * 8 + i])
      );
      const all = [...Array(vocabSize).keys()];
      assert.deepEqual(moved, cutsVocabulary ? [0, 1, 2, 3, 14, 15, 16] : all);
    }));

  Deno.test(`pretrain() of ${id}: a source that leaves takes its table along, and nothing else changes`, () =>
    withSources(async (sources, folder) => {
      const { before, goOn } = await twoSources(id, sources, folder);
      const { last, start } = await pretrain(goOn(sources.slice(0, 1), { rounds: 0 }));
      assert.deepEqual([start!.stayed, start!.joined, start!.left], [["alpha"], [], ["beta"]]);
      const { "local-beta": _, ...kept } = plain(before).groups;
      assert.deepEqual(plain(last).groups, kept);
    }));
}

/** Plain steps on a source: `isFrozen` leaves the body as it is. */
async function plainSteps(
  { train, localVocabulary }: TrainingSource,
  tensors: Tensors,
  { taken, isFrozen, peakLearningRate, isCut }: {
    readonly taken: number;
    readonly isFrozen: boolean;
    readonly peakLearningRate: number;
    readonly isCut: boolean;
  },
): Promise<Tensors> {
  const vocabulary = isCut ? cutVocabulary(localVocabulary, vocabSize) : { size: vocabSize };
  const config = { ...model, vocabSize: vocabulary.size };
  const graph = differentiate(languageModelGraph(config, settings.microBatchSize), "loss");
  const program = await engine.compileTraining(graph, { ...engineOptions, optimizer: inner });
  await writeTensors(program, tensors);
  const stream = openStream({ name: "gamma", train }, model, seed("order/gamma/global"));
  stream.seek({ epoch: 0, taken });
  for (let step = 0; step < 3; step++) {
    for (let micro = 0; micro < settings.batchSize / settings.microBatchSize; micro++) {
      const windows = [stream.next(), stream.next()].map((ids) => renumber(ids, vocabulary));
      const weight = 1 / (4 * 7); // 4 windows a batch, 7 predicted tokens each
      await program.accumulate(windowFeeds(windows, { batchSize: 2, seqLen: 8, weight }));
    }
    const learningRate = cosineWithWarmup(step, { ...inner, peakLearningRate, totalSteps: 3 });
    const rateFactor = (parameter: string) =>
      isFrozen && !parameter.startsWith("embedding.") ? 0 : 1;
    await program.update({ learningRate, clipNorm: inner.clipNorm, rateFactor });
  }
  return await readTensors(program);
}

Deno.test("pretrain() of SPEC trains the table of a source that joins as plain steps with a frozen body, bit for bit", () =>
  withSources(async (sources, folder) => {
    const { from, goOn } = await twoSources("spec", sources, folder);
    const { last } = await pretrain(goOn(sources, { rounds: 0 }));
    const gamma = sources[2];
    // Row j of V_k begins as row j of the drawn table of all.
    const drawn = initialShared(variantOf("glob"), model, vocabSize, seed)[token].data;
    const rows = Float32Array.from(gamma.localVocabulary, () => 0).length;
    const first = new Float32Array(rows * 8);
    gamma.localVocabulary.forEach((id, row) => first.set(drawn.slice(id * 8, id * 8 + 8), row * 8));
    const tensors = { ...from.groups.model, [token]: { shape: [rows, 8], data: first } };
    const made = await plainSteps(gamma, tensors, {
      taken: 0,
      isFrozen: true,
      peakLearningRate: joining.peakLearningRate,
      isCut: true,
    });
    assert.deepEqual(groupsOf(last)["local-gamma"][token].data, made[token].data);
    const body = "body.block.0.mlp.up.weight";
    assert.deepEqual(made[body].data, from.groups.model[body].data, "it is frozen");
  }));

Deno.test("pretrain() of GLOB: the first round of a source that joins begins with the table that it has trained", () =>
  withSources(async (sources, folder) => {
    const { from, goOn } = await twoSources("glob", sources, folder);
    const only = sources.slice(2);
    const alone = { rounds: 1, sourcesPerRound: 1 };
    const { last, start } = await pretrain(goOn(only, alone));
    assert.deepEqual(start!.left, ["alpha", "beta"]);
    const options = { isCut: false, peakLearningRate: joining.peakLearningRate };
    const frozen = await plainSteps(only[0], from.groups.model, {
      ...options,
      taken: 0,
      isFrozen: true,
    });
    const made = await plainSteps(
      only[0],
      { ...from.groups.model, [token]: frozen[token] },
      { ...options, taken: 12, isFrozen: false, peakLearningRate: inner.peakLearningRate }, // 3 steps of 4 windows
    );
    // One source: the average of a round is its result.
    const { groups: { model: trained, ...rest } } = plain(last);
    assert.deepEqual(trained, plain({ groups: { made }, state: {} }).groups.made);
    assert.deepEqual(rest, {}, "its table is part of the shared one now");
  }));

Deno.test("pretrain() that goes on reads the text of a source where the model stopped", () =>
  withSources(async (sources, folder) => {
    const { goOn } = await twoSources("trim", sources, folder);
    const { last } = await pretrain(goOn(sources, { sourcesPerRound: 3, rounds: 1 }));
    const known = last.state.sources as StartingModel["state"]["sources"];
    // alpha: 2 rounds of 3 steps of 4 windows before, one after; gamma: 3 steps alone and 3 of the round.
    const windows = Object.entries(known!).map(([name, { position, epochWindows }]) => {
      const { epoch, taken } = position as { epoch: number; taken: number };
      return [name, epoch * epochWindows! + taken];
    });
    assert.deepEqual(windows, [["alpha", 36], ["beta", 36], ["gamma", 24]]);
  }));

for (const id of ["std-t0", "local-sgd"]) {
  Deno.test(`pretrain() of ${id}: a source that joins has no table to train alone`, () =>
    withSources(async (sources, folder) => {
      const { before, goOn } = await twoSources(id, sources, folder);
      const { last, start } = await pretrain(goOn(sources, { rounds: 0 }));
      assert.deepEqual(start!.joined, ["gamma"]);
      assert.deepEqual(plain(last).groups, plain(before).groups);
    }));
}

for (const id of bySource) {
  Deno.test(`pretrain() of ${id} stopped or killed at any step of a source that joins, and gone on, has the bytes of a plain run`, () =>
    withSources(async (sources, folder) => {
      const { goOn } = await twoSources(id, sources, folder);
      const [, beta, gamma] = sources;
      const changes = { rounds: 1, checkpointEverySteps: 2, joining: { ...joining, steps: 4 } };
      const undisturbed = await pretrain(goOn([beta, gamma], changes));
      const options = goOn([beta, gamma], changes);
      const killed = new Error("killed by the test");
      for (let stops = 0;; stops++) {
        const controller = new AbortController();
        let left = 1 + stops % 3;
        const log = {
          ...silentLog,
          progress: () => {
            if (--left > 0) return;
            if (stops % 2 === 1) throw killed; // without a checkpoint of this moment
            controller.abort(new Error("stopped by the test"));
          },
        };
        try {
          const resumed = await pretrain({ ...options, log, signal: controller.signal });
          assert.deepEqual(plain(resumed.last), plain(undisturbed.last));
          assert.deepEqual(resumed.metrics, undisturbed.metrics);
          assert.ok(stops > 3, `${stops} stops`);
          break;
        } catch (error) {
          if (error !== killed && error !== controller.signal.reason) throw error;
        }
      }
    }));
}

Deno.test("pretrain() refuses a model that it cannot go on from", () =>
  withSources(async (sources, folder) => {
    const { from, goOn } = await twoSources("spec", sources, folder);
    const rejects = async (run: Parameters<typeof pretrain>[0], message: RegExp) =>
      await assert.rejects(pretrain(run), (error: Error) => {
        assert.ok(error instanceof StageError);
        assert.match(error.message, message);
        return true;
      });
    const wide = goOn(sources, { model: { ...model, dModel: 16 } });
    await rejects(wide, /expected the recipe's network \(dModel 16\), found dModel 8; set model/);
    const shared = { ...pretraining("glob", sources, folder, { joining }), from };
    await rejects(shared, /go on with glob .*expected a table of all sources, found one for each/);
    const [alpha, beta] = sources;
    const other = [{ ...beta, name: "alpha" }, { ...alpha, name: "beta" }];
    await rejects(goOn(other), /table of source "alpha": expected the text and tokenizer that it/);
    const glob = await twoSources("glob", sources, folder);
    const { groups: { model: tensors }, state } = glob.from;
    const fewer = { shape: [20, 8], data: tensors[token].data.slice(0, 160) };
    const cut = { state, groups: { model: { ...tensors, [token]: fewer } } };
    await rejects(
      { ...glob.goOn(sources), from: cut },
      /expected a table of the recipe's 24 pieces, found 20 rows; the model was trained with another/,
    );
  }));
