/**
 * Dropout: masks by hand, what share they drop, gradients under a fixed mask, and nothing at all where it is off.
 */
import assert from "node:assert/strict";
import {
  differentiate,
  dropoutFeeds,
  fineTuneGraph,
  type Graph,
  GraphBuilder,
  type ModelConfig,
  noDropoutFeeds,
  operators,
} from "../../model/mod.ts";
import { engine } from "../../engine/reference/mod.ts";
import { declareDropout } from "../../model/dropout.ts";
import { Random, seedOf } from "../../base/mod.ts";
import { assertGradients } from "../support/gradients.ts";

const config: ModelConfig = {
  nLayers: 2,
  dModel: 8,
  nHeads: 2,
  expansion: 2,
  seqLen: 6,
  vocabSize: 11,
  positions: "alibi",
  bias: true,
};
const task = {
  kind: "entailment",
  sequences: 1,
  nClasses: 3,
  batchSize: 2,
  seqLen: 5,
  hasDropout: true,
} as const;

Deno.test("DropoutMask by hand: a product's low 32 bits, as a signed number, are held against the limit", () => {
  const [mask] = operators.DropoutMask.evaluate(
    [ints([3, -1]), ints([2 ** 30 + 1, 5, -7]), ints([7]), {
      shape: [1],
      data: Float64Array.of(2),
    }],
    [],
    {},
  );
  // 3·(2³⁰ + 1) = 3221225475, which is −1073741821 in 32 bits; 15; −21
  // −(2³⁰ + 1); −5; 7, which reaches the limit
  assert.deepEqual([...mask], [0, 2, 0, 0, 0, 2]);
});

Deno.test("dropoutFeeds() gives a seed the same mask for ever", async () => {
  const found = await dropped(3, 10, 0.3, "by hand");
  // By Python 3 integers: xoshiro128** as published from SHA-256 of "1/by hand", words made odd, 3 of rows then 10 of columns.
  assert.deepEqual(Array.from(found, (value) => value === 0 ? "." : "#").join("").match(/.{10}/g), [
    "##########",
    "##..###..#",
    ".##.###.##",
  ]);
  // What is left is divided by 0.7, in single precision.
  assert.deepEqual(new Set(found), new Set([0, Math.fround(1 / 0.7)]));
});

for (const rate of [0.1, 0.5, 0.9]) {
  Deno.test(`dropoutFeeds() drops a share of ${rate}, in each place apart from the others`, async () => {
    const [rows, columns] = [300, 400];
    const count = rows * columns;
    const mask = await dropped(rows, columns, rate, `share ${rate}`);
    const at = (row: number, column: number) => mask[row * columns + column] === 0 ? 1 : 0;
    const variance = rate * (1 - rate);
    const gaps = Array.from(mask, (value) => (value === 0 ? 1 : 0) - rate);
    const mean = gaps.reduce((a, b) => a + b) / count;
    // √(p·(1 − p)/n), four of them
    assert.ok(Math.abs(mean) < 4 * Math.sqrt(variance / count), `${mean}`);
    // What is kept is made larger by as much as is dropped: the mean of a mask is 1.
    const kept = mask.reduce((a, b) => a + b) / count;
    assert.ok(Math.abs(kept - 1) < 4 * Math.sqrt(variance / count) / (1 - rate), `${kept}`);
    // Neighbours in a row and in a column, and the corners of squares: products of independent gaps have the mean 0.
    const products = (offsets: readonly (readonly [number, number])[]) => {
      let sum = 0;
      for (let row = 0; row + 1 < rows; row++) {
        for (let column = 0; column + 1 < columns; column++) {
          sum += offsets.reduce((all, [r, c]) => all * (at(row + r, column + c) - rate), 1);
        }
      }
      return sum / ((rows - 1) * (columns - 1)) / variance ** (offsets.length / 2);
    };
    const noise = 4 / Math.sqrt((rows - 1) * (columns - 1));
    assert.ok(Math.abs(products([[0, 0], [0, 1]])) < noise, "neighbours in a row");
    assert.ok(Math.abs(products([[0, 0], [1, 0]])) < noise, "neighbours in a column");
    assert.ok(Math.abs(products([[0, 0], [0, 1], [1, 0], [1, 1]])) < noise, "corners");
  });
}

Deno.test("fineTuneGraph() drops at each place of Radford et al. 2018: embeddings, attention, residuals, head", () => {
  const { inputs } = fineTuneGraph(config, task);
  const shapes = Object.entries(inputs).filter(([name]) => /^dropout\.\d/.test(name))
    .map(([name, { shape }]) => `${name} ${shape}`);
  const [N, C, T, H] = [2 * 5, 8, 5, 2];
  const block = [[2 * H * T, T], [N, C], [N, C]]; // attention weights, what attention adds, what the MLP adds
  const places = [[N, C], ...block, ...block, [2, C]];
  assert.deepEqual(
    shapes,
    places.flatMap(([rows, columns], i) => [
      `dropout.${i}.rows ${rows}`,
      `dropout.${i}.columns ${columns}`,
    ]),
  );
});

Deno.test("fineTuneGraph() with dropout: gradients meet central differences under a fixed mask", () => {
  const random = new Random(seedOf(3, "dropout"));
  const graph = fineTuneGraph(config, task);
  const values = { ...drawn(graph, random), ...float64(dropoutFeeds(graph, 0.3, seedOf(3, "m"))) };
  assertGradients(graph, values, { entries: 6, random });
});

Deno.test("noDropoutFeeds() and a rate of 0 leave every output and gradient as without dropout, bit for bit", async () => {
  const plain = differentiate(fineTuneGraph(config, { ...task, hasDropout: false }));
  const graph = differentiate(fineTuneGraph(config, task));
  assert.deepEqual(dropoutFeeds(plain, 0.1, seedOf(1, "x")), {});
  assert.deepEqual(noDropoutFeeds(plain), {});
  const values = drawn(plain, new Random(seedOf(4, "dropout")));
  const expected = await stepOf(plain, values, {});
  const some = await stepOf(graph, values, dropoutFeeds(graph, 0.1, seedOf(1, "x")));
  assert.notDeepEqual(some, expected);
  for (const off of [noDropoutFeeds(graph), dropoutFeeds(graph, 0, seedOf(1, "x"))]) {
    assert.deepEqual(await stepOf(graph, values, off), expected);
  }
});

Deno.test("DropoutMask refuses words that are floats, and a limit or a scale of another shape", () => {
  const word = { dtype: "int32", shape: [3] } as const;
  const one = { dtype: "int32", shape: [1] } as const;
  const scale = { dtype: "float32", shape: [1] } as const;
  const { infer } = operators.DropoutMask;
  assert.deepEqual(infer([word, word, one, scale], {}), [{ dtype: "float32", shape: [3, 3] }]);
  assert.throws(() => infer([scale, word, one, scale], {}), /words of rows of type int32/);
  assert.throws(() => infer([word, scale, one, scale], {}), /words of columns of type int32/);
  assert.throws(
    () => infer([word, word, word, scale], {}),
    /the limit of shape \[1\], found \[3\]/,
  );
  assert.throws(() => infer([word, word, one, word], {}), /the scale of type float32/);
  assert.throws(() => infer([word, word, one], {}), /expected 4 inputs, found 3/);
});

function ints(values: readonly number[]) {
  return { shape: [values.length], data: Int32Array.from(values) };
}

/** What dropout makes of a matrix of ones. */
async function dropped(
  rows: number,
  columns: number,
  rate: number,
  name: string,
): Promise<Float32Array> {
  const builder = new GraphBuilder();
  const x = builder.input("x", { dtype: "float32", shape: [rows, columns] });
  const graph = builder.build({ y: declareDropout(builder)(x) });
  const program = await engine.compile(graph, { threads: 1, precision: "fp32" });
  const feeds = dropoutFeeds(graph, rate, seedOf(1, name));
  const { y } = await program.run({ x: new Float32Array(rows * columns).fill(1), ...feeds });
  await program.dispose();
  return y;
}

/** Values of parameters and feeds, drawn; words of dropout are not among them. */
function drawn(graph: Graph, random: Random): Record<string, Float64Array | Int32Array> {
  const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
  const all = Object.entries({ ...graph.inputs, ...graph.parameters });
  return Object.fromEntries(
    all.filter(([name]) => !name.startsWith("dropout.")).map(([name, { dtype, shape }]) => [
      name,
      dtype === "int32"
        ? Int32Array.from({ length: size(shape) }, () => random.below(3))
        : Float64Array.from({ length: size(shape) }, () => 0.5 * random.normal()),
    ]),
  );
}

function float64(feeds: Record<string, Int32Array | Float32Array>) {
  return Object.fromEntries(
    Object.entries(feeds).map(([name, data]) => [
      name,
      data instanceof Int32Array ? data : Float64Array.from(data),
    ]),
  );
}

/** Outputs of a training step, and its gradients as first moments. */
async function stepOf(
  graph: Graph,
  values: Record<string, Float64Array | Int32Array>,
  feeds: Record<string, Int32Array | Float32Array>,
) {
  const optimizer = { beta1: 0, beta2: 0, epsilon: 1, weightDecay: 0 };
  const options = { threads: 1, precision: "fp32", optimizer } as const;
  const program = await engine.compileTraining(graph, options);
  const single = ([name, data]: [string, Float64Array | Int32Array]) =>
    [name, data instanceof Int32Array ? data : Float32Array.from(data)] as const;
  const entries = Object.entries(values).map(single);
  const isParameter = ([name]: readonly [string, unknown]) => name in graph.parameters;
  await program.write(
    Object.fromEntries(entries.filter(isParameter)) as Record<string, Float32Array>,
  );
  const fed = Object.fromEntries(entries.filter((entry) => !isParameter(entry)));
  const outputs = await program.accumulate({ ...fed, ...feeds });
  await program.update({ learningRate: 0, clipNorm: Infinity });
  const { moments } = await program.readOptimizer();
  await program.dispose();
  return { outputs, moments };
}
