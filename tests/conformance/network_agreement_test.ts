/**
 * Whole networks on every engine give the losses and gradients, and in training the weights, that the reference engine gives.
 */
import assert from "node:assert/strict";
import type { Engine, Feeds } from "../../engine/mod.ts";
import {
  differentiate,
  dropoutFeeds,
  fineTuneGraph,
  type Graph,
  headShapes,
  initialiseHead,
  languageModelGraph,
  type ModelConfig,
} from "../../model/mod.ts";
import { seedOf } from "../../base/mod.ts";
import {
  adamW,
  config,
  initialValues,
  keeper,
  languageFeeds,
  nearAll,
  networkTest,
  options,
  others,
  probe,
  reference,
  steps,
  unit,
} from "./engines.ts";

const stepOf = keeper<Awaited<ReturnType<typeof stepThrough>>>();
const trainingOf = keeper<{ losses: Float32Array; values: Record<string, Float32Array> }>();

for (const [name, engine] of others) {
  const networks: Record<string, () => [Graph, Feeds, Record<string, Float32Array>]> = {
    "alibi": () => languageNetwork(config),
    "learned positions": () => languageNetwork({ ...config, positions: "learned" }),
    "no biases": () => languageNetwork({ ...config, bias: false }),
    "rotary positions, parallel residual, a head of its own": () =>
      languageNetwork({
        ...config,
        positions: "rotary",
        rotaryFraction: 0.5,
        parallelResidual: true,
        tiedEmbeddings: false,
      }),
    "rotary positions of whole heads, GELU by tanh": () =>
      languageNetwork({ ...config, positions: "rotary", rotaryFraction: 1, gelu: "tanh" }),
    "learned positions, short sequences": () =>
      languageNetwork({ ...config, positions: "learned" }, 8),
    "classification": () => fineTuneNetwork("classification", 1),
    "entailment": () => fineTuneNetwork("entailment", 1),
    "choice": () => fineTuneNetwork("choice", 3),
    "similarity": () => fineTuneNetwork("similarity", 2),
    "entailment, dropout": () => fineTuneNetwork("entailment", 1, 0.1),
    "choice, dropout": () => fineTuneNetwork("choice", 3, 0.5),
  };
  for (const [title, network] of Object.entries(networks)) {
    networkTest(name, `loss, outputs and gradients agree with reference: ${title}`, async () => {
      const [graph, feeds, values] = network();
      const expected = await stepOf(title, () => stepThrough(reference, graph, feeds, values));
      const found = await stepThrough(engine, graph, feeds, values);
      for (const output of Object.keys(graph.outputs)) {
        nearAll(found.outputs[output], expected.outputs[output], 16 * unit, output);
      }
      for (const parameter of Object.keys(graph.gradients)) {
        // A gradient passes some forty operators in a row, each good to a unit of its largest value. One that is zero but
        // for rounding (the bias of keys or of choices, to which softmax is blind) is a sum of terms below 1.
        const moment = `${parameter}.m`;
        nearAll(found.moments[moment], expected.moments[moment], 32 * unit, moment, unit);
      }
    });
  }

  Deno.test(`${name}: 50 AdamW steps agree with reference`, async () => {
    const graph = differentiate(languageModelGraph(config, 2));
    // Adam divides a gradient by its own size: one that is zero but for rounding (the bias of keys, to which softmax is
    // blind) becomes a step of full length. An epsilon above that noise makes trajectories comparable.
    const optimizer = { ...adamW, epsilon: 1e-4 };
    const train = async (each: Engine) => {
      const program = await each.compileTraining(graph, { ...options, optimizer });
      await program.write(initialValues(config));
      const first = await steps(program, 0, 10);
      const early = await program.read();
      const losses = Float32Array.of(...first, ...await steps(program, 10, 40));
      const values = await program.read();
      if (each !== reference) {
        await program.write(initialValues(config));
        await program.resetOptimizer();
        await steps(program, 0, 10);
        assert.deepEqual(await program.read(), early, "the same bytes when run again");
      }
      await program.dispose();
      return { losses, values };
    };
    const expected = await trainingOf("50 steps", () => train(reference));
    const found = await train(engine);
    assert.ok(expected.losses[49] < expected.losses[0]);
    nearAll(found.losses, expected.losses, 16 * unit, "losses");
    for (const [parameter, value] of Object.entries(expected.values)) {
      // 50 steps of at most 0.01, each off by at most 1e-4 of its length.
      nearAll(found.values[parameter], value, 0, parameter, 50 * 0.01 * 1e-4);
    }
  });
}

/** Outputs of a step, and its gradients as first moments. */
async function stepThrough(
  engine: Engine,
  graph: Graph,
  feeds: Feeds,
  values: Record<string, Float32Array>,
) {
  const program = await engine.compileTraining(graph, { ...options, optimizer: probe });
  await program.write(values);
  const outputs = await program.accumulate(feeds);
  await program.update({ learningRate: 0, clipNorm: Infinity });
  const { moments } = await program.readOptimizer();
  await program.dispose();
  return { outputs, moments };
}

function languageNetwork(
  of: ModelConfig,
  sequenceLength = of.seqLen,
): [Graph, Feeds, Record<string, Float32Array>] {
  const graph = differentiate(languageModelGraph(of, 2, { sequenceLength }));
  return [graph, languageFeeds(of, 2, 0, sequenceLength), initialValues(of)];
}

function fineTuneNetwork(
  kind: "classification" | "entailment" | "choice" | "similarity",
  sequences: number,
  dropout = 0,
): [Graph, Feeds, Record<string, Float32Array>] {
  const hasDropout = dropout > 0;
  const shape = { batchSize: 2, seqLen: config.seqLen, sequences, hasDropout };
  const task = { ...shape, kind, nClasses: 3 } as const;
  const graph = differentiate(fineTuneGraph(config, task));
  const rows = task.batchSize * sequences;
  const select = new Float32Array(rows * rows * config.seqLen);
  for (let row = 0; row < rows; row++) {
    const extract = row * config.seqLen + config.seqLen - 1 - row;
    select[row * rows * config.seqLen + extract] = 1;
  }
  const feeds = {
    ...languageFeeds(config, rows, 1),
    select,
    labels: kind === "similarity" ? Float32Array.of(0.25, 4) : Int32Array.of(2, 0),
    labelWeights: Float32Array.of(0.5, 0.5),
    ...dropoutFeeds(graph, dropout, seedOf(1, "finetune/test/0/dropout/0")),
  };
  const head = initialiseHead(config, task, seedOf(1, "finetune/test/0"));
  assert.deepEqual(Object.keys(head), Object.keys(headShapes(config, task)));
  return [graph, feeds, { ...initialValues(config), ...head }];
}
