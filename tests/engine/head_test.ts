import assert from "node:assert/strict";
import { expandAttention } from "../../engine/attention_blocks.ts";
import { classPieces, expandHeads } from "../../engine/onnxruntime/head.ts";
import { lower } from "../../engine/onnxruntime/lowering.ts";
import { differentiate, languageModelGraph, sizeOf } from "../../model/mod.ts";

Deno.test("classPieces() covers all classes once, in order, whatever the numbers", () => {
  for (
    const [rows, classes, size] of [[1, 1, 1], [8, 100, 250], [1024, 50_257, 2 ** 22], [3, 5, 1]]
  ) {
    const pieces = classPieces(rows, classes, size);
    assert.equal(pieces[0].from, 0);
    assert.equal(pieces.at(-1)!.to, classes);
    pieces.slice(1).forEach(({ from }, i) => assert.equal(from, pieces[i].to));
    assert.ok(pieces.every(({ from, to }) => to > from));
  }
  assert.equal(classPieces(8, 100, 250).length, 4); // 800 logits / 250
  assert.equal(classPieces(512, 250_112, 2 ** 22).length, 31); // 128 M logits / 4 Mi
});

Deno.test("expandHeads() leaves a graph without a head's gradient as it is", () => {
  const graph = languageModelGraph(config, 2);
  assert.equal(expandHeads(graph), graph);
});

Deno.test("lower() makes a head's table gradient in pieces, each where its rows lie", () => {
  // 256 · 40,000 logits: three pieces.
  const graph = expandHeads(expandAttention(differentiate(languageModelGraph(config, 4))));
  const dense = graph.nodes.find(({ operator }) => operator.name === "HeadGradient")!.outputs[1];
  const pieces = lower(graph, [dense]).outputs;
  assert.deepEqual(pieces.map(({ offset }) => offset), [0, 13_334 * 8, 2 * 13_334 * 8]);
  const sizes = pieces.map(({ onnx }) => sizeOf(onnx.shape));
  assert.equal(sizes.reduce((sum, size) => sum + size), config.vocabSize * config.dModel);
});

const config = {
  nLayers: 1,
  dModel: 8,
  nHeads: 2,
  expansion: 4,
  seqLen: 64,
  vocabSize: 40_000,
  positions: "alibi",
  bias: true,
} as const;
