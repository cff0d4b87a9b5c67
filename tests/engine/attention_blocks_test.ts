import assert from "node:assert/strict";
import { expandAttention, queryBlocks } from "../../engine/attention_blocks.ts";
import {
  differentiate,
  float32,
  type Graph,
  GraphBuilder,
  languageModelGraph,
  operators,
  sizeOf,
} from "../../model/mod.ts";

const config = {
  nLayers: 2,
  dModel: 8,
  nHeads: 2,
  expansion: 4,
  seqLen: 256,
  vocabSize: 20,
  positions: "alibi",
  bias: true,
} as const;

Deno.test("queryBlocks() cuts causal queries once each, in order, with the keys up to their end", () => {
  assert.deepEqual(queryBlocks(3, 5, false), [{ from: 0, to: 3, keys: 5 }]);
  assert.deepEqual(queryBlocks(255, 255, true), [{ from: 0, to: 255, keys: 255 }]);
  assert.deepEqual(queryBlocks(257, 257, true), [
    { from: 0, to: 129, keys: 129 },
    { from: 129, to: 257, keys: 257 },
  ]);
  assert.equal(queryBlocks(4096, 4096, true).length, 4);
});

Deno.test("expandAttention() leaves a graph without attention as it is", () => {
  const builder = new GraphBuilder();
  const x = builder.input("x", float32([2]));
  const graph = builder.build({ y: builder.apply(operators.Neg, [x]) });
  assert.equal(expandAttention(graph), graph);
});

Deno.test("expandAttention() takes attention apart, and its outputs and gradients keep their names", () => {
  const graph = differentiate(languageModelGraph(config, 2));
  const expanded = expandAttention(graph);
  assert.ok(expanded.nodes.every(({ operator: { name } }) => !name.startsWith("Attention")));
  const made = new Set(expanded.nodes.flatMap(({ outputs }) => outputs));
  for (const { outputs } of graph.nodes) for (const output of outputs) assert.ok(made.has(output));
  assert.deepEqual(expanded.outputs, graph.outputs);
});

Deno.test("expandAttention() makes three quarters of the scores in two blocks, and probabilities once", () => {
  const graph = expandAttention(differentiate(languageModelGraph(config, 1)));
  // 128 · 128 and 128 · 256 of 256 · 256 scores, in each of 2 layers and 2 heads; softmax in the forward pass only.
  assert.equal(elementsOf(graph, "Softmax"), 2 * 2 * 0.75 * 256 ** 2);
});

Deno.test("expandAttention() gives layers one bias for each block", () => {
  const graph = expandAttention(languageModelGraph(config, 1));
  const biases = graph.nodes.filter(({ operator, inputs }) =>
    operator.name === "Add" && inputs.some((input) => input in graph.constants)
  );
  assert.equal(biases.length, 2);
});

/** Elements that all nodes of an operator make. */
function elementsOf({ nodes, types }: Graph, op: string): number {
  return nodes.filter(({ operator: { name } }) => name === op)
    .reduce((sum, { outputs: [output] }) => sum + sizeOf(types[output].shape), 0);
}
