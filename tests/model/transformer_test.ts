import assert from "node:assert/strict";
import { engine, type Values } from "../../engine/reference/mod.ts";
import {
  fineTuneGraph,
  type FineTuneOptions,
  type Graph,
  initialiseBody,
  initialiseHead,
  initialiseTable,
  languageModelGraph,
  type ModelConfig,
  sizeOf,
} from "../../model/mod.ts";
import { Random, seedOf } from "../../base/mod.ts";
import { assertGradients } from "../support/gradients.ts";
import { assertTensorsClose } from "../support/tensors.ts";

const config: ModelConfig = {
  nLayers: 2,
  dModel: 12,
  nHeads: 3,
  expansion: 2,
  seqLen: 6,
  vocabSize: 11,
  positions: "alibi",
  bias: true,
};

const configs: Record<string, ModelConfig> = {
  "alibi": config,
  "learned positions": { ...config, positions: "learned" },
  "no bias": { ...config, bias: false },
  "rotary positions": { ...config, positions: "rotary", rotaryFraction: 1 },
  "the options of GPT-NeoX": {
    ...config,
    positions: "rotary",
    rotaryFraction: 0.5, // 2 of 4 channels
    parallelResidual: true,
    tiedEmbeddings: false,
  },
  "GELU by tanh, large epsilon": { ...config, gelu: "tanh", layerNormEps: 0.1 },
};

for (const [name, variant] of Object.entries(configs)) {
  Deno.test(`languageModelGraph() with ${name}: gradients meet central differences`, () => {
    const random = new Random(seedOf(2, name));
    const graph = languageModelGraph(variant, 2);
    assertGradients(graph, drawValues(graph, random), { entries: 6, random });
  });
}

Deno.test("languageModelGraph() with sequences shorter than the table: gradients meet central differences", () => {
  const random = new Random(seedOf(2, "short"));
  const learned: ModelConfig = { ...config, positions: "learned" };
  const graph = languageModelGraph(learned, 2, { sequenceLength: 4 });
  assertGradients(graph, drawValues(graph, random), { entries: 6, random });
});

const heads: readonly Pick<FineTuneOptions, "kind" | "sequences" | "nClasses">[] = [
  { kind: "classification", sequences: 1, nClasses: 2 },
  { kind: "entailment", sequences: 1, nClasses: 3 },
  { kind: "choice", sequences: 4, nClasses: 1 },
  { kind: "similarity", sequences: 2, nClasses: 1 },
];

for (const head of heads) {
  Deno.test(`fineTuneGraph() of kind ${head.kind}: gradients meet central differences`, () => {
    const random = new Random(seedOf(3, head.kind));
    const graph = fineTuneGraph(config, { ...head, batchSize: 2, seqLen: 5 });
    assertGradients(graph, drawValues(graph, random), { entries: 4, random });
  });
}

Deno.test("languageModelGraph() at once and a token at a time: the causal past is all that counts", async () => {
  for (const variant of Object.values(configs)) {
    const { program, feeds } = await compiled(languageModelGraph(variant, 2));
    const { nll } = await program.run(feeds);
    const changed = Int32Array.from(feeds.tokens as Int32Array);
    changed[3] = (changed[3] + 1) % variant.vocabSize; // position 3 of the first sequence
    const after = await program.run({ ...feeds, tokens: changed });
    const same = [0, 1, 2, 6, 7, 8, 9, 10, 11]; // before it, and the second sequence
    for (const i of same) assert.equal(after.nll[i], nll[i], `nll of position ${i}`);
    for (const i of [3, 4, 5]) assert.notEqual(after.nll[i], nll[i], `nll of position ${i}`);
  }
});

Deno.test("languageModelGraph() gives a prefix of a sequence the same nll at any length", async () => {
  for (const variant of Object.values(configs)) {
    const long = await compiled(languageModelGraph(variant, 1));
    const short = await compiled(languageModelGraph(variant, 1, { sequenceLength: 4 }));
    await short.program.write(await long.program.read());
    const cut = Object.fromEntries(
      Object.entries(long.feeds).map(([name, data]) => [name, data.slice(0, 4)]),
    );
    const { nll } = await long.program.run(long.feeds);
    // Fewer terms in no sum: float64 sums agree to a few units of single precision at most.
    assertTensorsClose("nll", (await short.program.run(cut)).nll, nll.slice(0, 4), [1, 4], {
      relative: 1e-6,
    });
  }
});

Deno.test("languageModelGraph() with ALiBi takes sequences longer than seqLen, with a table it refuses", () => {
  const options = { sequenceLength: 8 };
  assert.deepEqual(languageModelGraph(config, 1, options).inputs.tokens.shape, [1, 8]);
  assert.throws(
    () => languageModelGraph({ ...config, positions: "learned" }, 1, options),
    /at most seqLen = 6 tokens with learned positions, found 8/,
  );
});

Deno.test("languageModelGraph() weighs: loss is Σ weights·nll", async () => {
  const { program, feeds } = await compiled(languageModelGraph(config, 2));
  const { loss, nll } = await program.run(feeds);
  const weights = feeds.weights as Float32Array;
  const sum = nll.reduce((total, value, i) => total + weights[i] * value, 0);
  // The sum here starts from nll rounded to single.
  assert.ok(Math.abs(loss[0] - sum) <= 1e-5 * Math.abs(sum), `${loss[0]} and ${sum}`);
});

Deno.test("languageModelGraph() without layers' influence is a unigram guess", async () => {
  const { program, feeds } = await compiled(languageModelGraph(config, 2));
  await program.write({ "embedding.token.weight": new Float32Array(11 * 12) });
  const { nll } = await program.run(feeds);
  // A table of zeros makes every logit zero: each token costs log 11 nats.
  const expected = new Float32Array(12).fill(Math.log(11));
  assertTensorsClose("nll", nll, expected, [2, 6], { relative: 1e-7 });
});

Deno.test("fineTuneGraph() scores the state of the extract token, and both orders of a pair alike", async () => {
  const options: FineTuneOptions = {
    kind: "similarity",
    batchSize: 1,
    seqLen: 5,
    sequences: 2,
    nClasses: 1,
    hasLanguageModelLoss: false,
  };
  const graph = fineTuneGraph(config, options);
  assert.deepEqual(Object.keys(graph.inputs), ["tokens", "select", "labels", "labelWeights"]);
  const { program, feeds } = await compiled(graph);
  const select = new Float32Array(2 * 10);
  select[2] = select[10 + 8] = 1; // position 2 of the first, 3 of the second
  const labels = Float32Array.of(0.25);
  const labelWeights = Float32Array.of(2);
  const tokens = Int32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
  const { logits, loss } = await program.run({ ...feeds, tokens, select, labels, labelWeights });
  const expected = 2 * (logits[0] - 0.25) ** 2;
  assert.ok(Math.abs(loss[0] - expected) <= 1e-6 * expected, `${loss[0]} and ${expected}`);

  const swapped = Int32Array.of(6, 7, 8, 9, 10, 1, 2, 3, 4, 5);
  const places = new Float32Array(2 * 10);
  places[3] = places[10 + 7] = 1;
  const other = await program.run({ tokens: swapped, select: places, labels, labelWeights });
  assertTensorsClose("logits", other.logits, logits, [1], { relative: 1e-6 });

  const later = tokens.with(4, 9); // behind the extract token
  const unseen = await program.run({ tokens: later, select, labels, labelWeights });
  assert.equal(unseen.logits[0], logits[0]);
});

const wrong: readonly [Partial<FineTuneOptions>, RegExp][] = [
  [{ sequences: 2 }, /kind classification: expected 1 sequences an example, found 2/],
  [{ kind: "similarity" }, /kind similarity: expected 2 sequences an example, found 1/],
  [{ kind: "choice" }, /kind choice: expected 2 or more sequences an example, found 1/],
  [{ nClasses: 1 }, /kind classification: expected nClasses of 2 or more, found 1/],
  [{ batchSize: 0 }, /expected batchSize to be a whole number of 1 or more, found 0/],
];

for (const [change, message] of wrong) {
  Deno.test(`fineTuneGraph() refuses ${JSON.stringify(change)}`, () => {
    const options = {
      kind: "classification",
      batchSize: 2,
      seqLen: 4,
      sequences: 1,
      nClasses: 2,
    } as const;
    assert.throws(() => fineTuneGraph(config, { ...options, ...change }), message);
  });
}

Deno.test("initialiseBody() draws with the deviations of the paper's code", () => {
  const wide: ModelConfig = { ...config, nLayers: 3, dModel: 96, nHeads: 4, expansion: 4 };
  const body = initialiseBody(wide, seedOf(17, "init/body"));
  const deviations = {
    "attn.qkv.weight": Math.sqrt(2 / 96),
    "attn.out.weight": Math.sqrt(2 / 96) / Math.sqrt(6),
    "mlp.up.weight": Math.sqrt(2 / 96),
    "mlp.down.weight": Math.sqrt(2 / 384) / Math.sqrt(6),
  };
  for (const [name, deviation] of Object.entries(deviations)) {
    const values = body[`body.block.2.${name}`];
    const found = Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length);
    // The relative error of a deviation from n draws is 1/√(2n) ≤ 0.7 % for 9,216; five times that.
    assert.ok(Math.abs(found / deviation - 1) < 0.035, `${name}: ${found}, expected ${deviation}`);
  }
  assert.ok(body["body.block.0.norm_1.weight"].every((x) => x === 1));
  assert.ok(body["body.block.0.attn.qkv.bias"].every((x) => x === 0));
  assert.ok(Object.keys(body).every((name) => name.startsWith("body.")));
});

Deno.test("initialiseBody() depends on neither vocabulary nor positions", () => {
  const seed = seedOf(17, "init/body");
  const other: ModelConfig = { ...config, vocabSize: 99, positions: "learned" };
  assert.deepEqual(initialiseBody(config, seed), initialiseBody(other, seed));
});

Deno.test("initialiseTable() is a prefix of a longer table", () => {
  const seed = seedOf(17, "init/embedding/global");
  const long = initialiseTable(20, 12, seed);
  assert.deepEqual(initialiseTable(7, 12, seed), long.slice(0, 7 * 12));
  assert.notDeepEqual(initialiseTable(20, 12, seedOf(18, "init/embedding/global")), long);
});

Deno.test("initialiseHead() has a row per class, one where options are scored", () => {
  const seed = seedOf(17, "finetune/sst-2/1");
  const classes = initialiseHead(config, { kind: "entailment", nClasses: 3 }, seed);
  assert.equal(classes["head.weight"].length, 36);
  assert.deepEqual(classes["head.bias"], new Float32Array(3));
  const score = initialiseHead(config, { kind: "choice", nClasses: 3 }, seed);
  assert.deepEqual(score["head.weight"], classes["head.weight"].slice(0, 12));
});

/** Draws for every input and parameter: ids anywhere in the smallest range, numbers around zero, norms around one. */
function drawValues(graph: Graph, random: Random): Record<string, Float64Array | Int32Array> {
  const values: Record<string, Float64Array | Int32Array> = {};
  for (const [name, { dtype, shape }] of Object.entries({ ...graph.inputs, ...graph.parameters })) {
    const length = { length: sizeOf(shape) };
    const centre = name.includes("norm") && name.endsWith("weight") ? 1 : 0;
    const ids = name === "labels" ? 2 : config.vocabSize;
    values[name] = dtype === "int32"
      ? Int32Array.from(length, () => random.below(ids))
      : Float64Array.from(length, () => centre + 0.5 * random.normal());
  }
  return values;
}

async function compiled(graph: Graph) {
  const program = await engine.compile(graph, { threads: 1, precision: "fp32" });
  const values: Values = drawValues(graph, new Random(seedOf(4, "values")));
  const single = (names: readonly string[]) =>
    Object.fromEntries(names.map((name) => {
      const data = values[name];
      return [name, data instanceof Int32Array ? data : Float32Array.from(data)];
    }));
  await program.write(single(Object.keys(graph.parameters)) as Record<string, Float32Array>);
  return { program, feeds: single(Object.keys(graph.inputs)) };
}
