import assert from "node:assert/strict";
import { engine as cpu } from "../../engine/onnxruntime/mod.ts";
import { engine as reference } from "../../engine/reference/mod.ts";
import { engineModule } from "../../engine/mod.ts";
import {
  initialiseBody,
  initialiseTable,
  languageModelGraph,
  withActivationNorms,
} from "../../model/mod.ts";
import type { Json } from "../../base/mod.ts";
import { silentLog } from "../../pipeline/stage.ts";
import { CheckpointStore, type MonitorRow, monitorStep, pretrain } from "../../training/mod.ts";
import {
  engineOptions,
  model,
  plain,
  pretraining,
  seed,
  vocabSize,
  withSources,
} from "./support.ts";

Deno.test("monitorStep() gives norms by layer, worked by hand", () => {
  const row = monitorStep({
    step: 7,
    lossNats: 2,
    learningRate: 0.1,
    gradientNorm: 13,
    gradientNorms: {
      "body.block.0.norm_1.weight": 3,
      "body.block.0.mlp.up.weight": 4,
      "body.norm_final.bias": 12,
      "embedding.token.weight": 0,
    },
    applied: true,
    outputs: [
      {
        "activation.mean.block.0": Float32Array.of(1),
        "activation.norm.block.0": Float32Array.of(4),
      },
      {
        "activation.mean.block.0": Float32Array.of(2),
        "activation.norm.block.0": Float32Array.of(8),
      },
    ],
    before: {
      "body.block.0.norm_1.weight": Float32Array.of(3, 1),
      "body.block.0.mlp.up.weight": Float32Array.of(0),
      "body.norm_final.bias": Float32Array.of(2),
      "embedding.token.weight": Float32Array.of(0, 0),
    },
    after: {
      "body.block.0.norm_1.weight": Float32Array.of(0, 1),
      "body.block.0.mlp.up.weight": Float32Array.of(4),
      "body.norm_final.bias": Float32Array.of(2),
      "embedding.token.weight": Float32Array.of(6, 8),
    },
  });
  assert.deepEqual(row.layers, {
    "block.0": { parameterNorm: Math.sqrt(17), gradientNorm: 5, updateNorm: 5 }, // 1 + 16; 9 + 16; 9 + 16
    "norm_final": { parameterNorm: 2, gradientNorm: 12, updateNorm: 0 },
    "embedding.token": { parameterNorm: 10, gradientNorm: 0, updateNorm: 10 },
  });
  assert.equal(row.parameterNorm, 11); // √(17 + 4 + 100)
  assert.equal(row.updateNorm, Math.sqrt(125));
  assert.deepEqual(row.activations, { "block.0": { mean: 1.5, norm: 6 } });
  assert.equal(row.activationMeanMax, 1.5);
});

Deno.test("withActivationNorms() looks at every module and changes no loss", async () => {
  const config = { ...model, vocabSize };
  const graph = languageModelGraph(config, 2);
  const monitored = withActivationNorms(graph);
  const modules = Object.keys(monitored.outputs).filter((name) =>
    name.startsWith("activation.norm.")
  );
  const block = ["norm_1", "attn.qkv", "attn.out", "norm_2", "mlp.up", "mlp.down"];
  assert.deepEqual(modules.map((name) => name.slice("activation.norm.".length)), [
    "embedding.token",
    ...block.map((module) => `block.0.${module}`),
    "block.0",
    "norm_final",
  ]);
  const ids = Int32Array.from({ length: 16 }, (_, i) => i);
  const feeds = { tokens: ids, targets: ids, weights: new Float32Array(16).fill(1 / 16) };
  const table = initialiseTable(vocabSize, model.dModel, seed("init/embedding/global"));
  const values = {
    "embedding.token.weight": table,
    ...initialiseBody(config, seed("init/body")),
  };
  for (const engine of [reference, cpu]) {
    const [plainLoss, found] = await Promise.all([graph, monitored].map(async (each) => {
      const program = await engine.compile(each, engineOptions);
      await program.write(values);
      const outputs = await program.run(feeds);
      await program.dispose();
      return outputs;
    }));
    assert.deepEqual(found.nll, plainLoss.nll);
    // The embedding of 16 positions is the first 16 rows of the table.
    let [sum, norms] = [0, 0];
    for (let row = 0; row < 16; row++) {
      const vector = table.subarray(row * model.dModel, (row + 1) * model.dModel);
      sum += vector.reduce((total, value) => total + value, 0);
      norms += Math.hypot(...vector);
    }
    const near = (found: number, expected: number, tolerance = 1e-6) =>
      assert.ok(Math.abs(found - expected) < tolerance, `${found}, expected ${expected}`);
    near(found["activation.mean.embedding.token"][0], sum / (16 * model.dModel));
    near(found["activation.norm.embedding.token"][0], norms / 16);
    near(found["activation.norm.norm_final"][0], Math.sqrt(model.dModel), 1e-4); // weight 1, bias 0; epsilon
  }
});

Deno.test("pretrain() with monitors gives the weights of a run without, and a row every few steps", async () => {
  for (const name of ["reference", "cpu"]) {
    const { engine } = await import(engineModule(name));
    await withSources(async (sources, folder) => {
      const run = async (everySteps: number | null) => {
        const changes = {
          monitors: { everySteps },
          warnings: { activationGrowth: 0.5, epochs: Infinity, unknownShare: 0 },
        };
        const options = pretraining("trim", sources, folder, changes);
        return await pretrain({ ...options, engine });
      };
      const [off, on] = [await run(null), await run(2)];
      assert.deepEqual(plain(on.last), plain(off.last));
      assert.deepEqual(off.monitors, []);
      const rows = on
        .monitors as unknown as readonly (MonitorRow & { round: number; source: string })[];
      // Rounds of steps 0–2 and 3–5, two sources each.
      assert.deepEqual(rows.map(({ round, step }) => `${round}:${step}`), [
        "1:0",
        "1:2",
        "1:0",
        "1:2",
        "2:4",
        "2:4",
      ]);
      for (const row of rows) {
        const squares = Object.values(row.layers).reduce(
          (sum, { gradientNorm }) => sum + gradientNorm ** 2,
          0,
        );
        assert.ok(Math.abs(Math.sqrt(squares) - row.gradientNorm) < 1e-6 * row.gradientNorm);
      }
      const warnings = (rows: readonly Json[]) =>
        (rows as unknown as { kind: string; name: string; about: string }[])
          .filter(({ kind }) => kind === "warning").map(({ name, about }) => `${name} ${about}`);
      const grown = warnings(on.metrics).filter((text) => text.startsWith("activation-growth"));
      assert.equal(new Set(grown).size, grown.length); // once a participant
      assert.ok(grown.length > 0);
      assert.deepEqual(warnings(off.metrics), []);
    });
  }
});

Deno.test("pretrain() that was stopped at any step goes on with the rows and warnings of a plain run", () =>
  withSources(async (sources, folder) => {
    const changes = {
      monitors: { everySteps: 1 },
      warnings: { activationGrowth: 1, epochs: Infinity, unknownShare: 0 },
      guard: {
        nonFinite: "lower",
        spike: "lower",
        spikeNats: 0.001,
        spikeWindow: 1,
        lowerFactor: 0.5,
        attempts: 2,
      },
    } as const;
    const whole = await pretrain(pretraining("trim", sources, folder, changes));
    const leftOut = whole.metrics.filter((row) => "leftOut" in (row as object));
    assert.ok(leftOut.length > 0, "the guard has something to do");
    for (let at = 1; at <= 10; at += 3) {
      const options = pretraining("trim", sources, folder, changes);
      const controller = new AbortController();
      const log = {
        ...silentLog,
        progress: ({ done }: { done: number }) => done >= at && controller.abort(new Error("stop")),
      };
      await assert.rejects(pretrain({ ...options, log, signal: controller.signal }), /stop/);
      const resumed = await pretrain(options);
      assert.deepEqual(resumed.monitors, whole.monitors, `stopped at ${at}`);
      assert.deepEqual(resumed.metrics, whole.metrics);
      assert.deepEqual(plain(resumed.last), plain(whole.last));
    }
  }));

Deno.test("CheckpointStore says that it passes over a damaged one", () =>
  withSources(async (sources, folder) => {
    const options = pretraining("trim", sources, folder);
    await pretrain(options);
    const names = [...Deno.readDirSync(options.checkpointFolder)].map(({ name }) => name);
    const last = names.filter((name) => name.startsWith("checkpoint-")).sort().at(-1);
    const [, text] = Deno.readTextFileSync(`${options.checkpointFolder}/${last}`).split("\n");
    const shared = JSON.parse(text).held["state.shared"];
    Deno.truncateSync(`${options.checkpointFolder}/.parts/${shared}.safetensors`, 100);
    const warned: string[] = [];
    const log = { ...silentLog, warn: (message: string) => warned.push(message) };
    assert.ok(new CheckpointStore(options.checkpointFolder, log).latest());
    assert.equal(warned.length, 1);
    assert.match(
      warned[0],
      /Cannot read checkpoint "checkpoint-\d+": expected tensors in file "[0-9a-f]{64}.safetensors", found other bytes; going on from the one before/,
    );
  }));
