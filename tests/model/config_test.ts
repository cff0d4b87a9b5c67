import assert from "node:assert/strict";
import {
  countParameters,
  differentiate,
  flopsPerToken,
  languageModelGraph,
  type ModelConfig,
  parameterShapes,
  sizeOf,
} from "../../model/mod.ts";

const tiny: ModelConfig = {
  nLayers: 1,
  dModel: 4,
  nHeads: 2,
  expansion: 4,
  seqLen: 8,
  vocabSize: 10,
  positions: "alibi",
  bias: true,
};

/**
 * MPT models of the paper, beside what it prints. Bodies: nLayers·(12·C² + 13·C) + 2·C.
 * Source: DEPT tables 2 and 9, which print 38.6 (rounded) for the first table of embeddings and 51.4, 102.9 (cut off).
 */
const mpt = [
  { nLayers: 12, dModel: 768, nHeads: 12, body: 85_056_000, tableMillions: 38.5 },
  { nLayers: 24, dModel: 1024, nHeads: 16, body: 302_311_424, tableMillions: 51.4 },
  { nLayers: 24, dModel: 2048, nHeads: 16, body: 1_208_602_624, tableMillions: 102.9 },
];

for (const { nLayers, dModel, nHeads, body, tableMillions } of mpt) {
  Deno.test(`countParameters() gives the body of MPT ${nLayers} × ${dModel}`, () => {
    const positions = "learned";
    const size = { nLayers, dModel, nHeads, seqLen: 2048, vocabSize: 50257 };
    const counts = countParameters({ ...tiny, ...size, positions });
    assert.equal(counts.body, body);
    assert.equal(Math.floor(counts.tokenEmbedding / 1e5) / 10, tableMillions);
    assert.equal(counts.positionEmbedding, 2048 * dModel);
    assert.equal(counts.total, counts.body + counts.tokenEmbedding + counts.positionEmbedding);
    assert.equal(countParameters({ ...tiny, ...size }).positionEmbedding, 0);
  });
}

Deno.test("countParameters() by hand, with biases and without", () => {
  // Block: norms 4·4, qkv 12·4 + 12, out 4·4 + 4, up 16·4 + 16, down 4·16 + 4 = 244; final norm 8.
  assert.equal(countParameters(tiny).body, 252);
  // Without: norms 2·4, qkv 48, out 16, up 64, down 64 = 200; final norm 4.
  assert.equal(countParameters({ ...tiny, bias: false }).body, 204);
});

Deno.test("parameterShapes() has a stated order and [out, in] weights", () => {
  assert.deepEqual(Object.entries(parameterShapes({ ...tiny, positions: "learned" })), [
    ["embedding.token.weight", [10, 4]],
    ["embedding.position.weight", [8, 4]],
    ["body.block.0.norm_1.weight", [4]],
    ["body.block.0.norm_1.bias", [4]],
    ["body.block.0.attn.qkv.weight", [12, 4]],
    ["body.block.0.attn.qkv.bias", [12]],
    ["body.block.0.attn.out.weight", [4, 4]],
    ["body.block.0.attn.out.bias", [4]],
    ["body.block.0.norm_2.weight", [4]],
    ["body.block.0.norm_2.bias", [4]],
    ["body.block.0.mlp.up.weight", [16, 4]],
    ["body.block.0.mlp.up.bias", [16]],
    ["body.block.0.mlp.down.weight", [4, 16]],
    ["body.block.0.mlp.down.bias", [4]],
    ["body.norm_final.weight", [4]],
    ["body.norm_final.bias", [4]],
  ]);
  const names = Object.keys(parameterShapes({ ...tiny, bias: false }));
  assert.ok(!names.some((name) => name.endsWith(".bias")));
});

Deno.test("parameterShapes() has a table of its own for a head that is not tied, counted beside the tokens'", () => {
  const untied = { ...tiny, tiedEmbeddings: false } as const;
  const names = Object.keys(parameterShapes(untied));
  assert.deepEqual(names.slice(0, 2), ["embedding.token.weight", "embedding.output.weight"]);
  assert.deepEqual(parameterShapes(untied)["embedding.output.weight"], [10, 4]);
  assert.equal(countParameters(untied).tokenEmbedding, 2 * 10 * 4);
  assert.equal(countParameters(untied).body, countParameters(tiny).body);
});

const mistakes: readonly [Partial<ModelConfig>, string][] = [
  [{ nLayers: 0 }, "expected nLayers to be a whole number of 1 or more, found 0"],
  [{ vocabSize: 1.5 }, "expected vocabSize to be a whole number of 1 or more, found 1.5"],
  [
    { dModel: 768, nHeads: 10 },
    "Cannot build attention in body.block.0: expected dModel (768) to be a multiple of nHeads, found nHeads = 10",
  ],
  [{ expansion: 0 }, "found expansion = 0"],
  [{ expansion: 1.3 }, "found expansion = 1.3"],
  [
    { positions: "spiral" as "alibi" },
    'expected positions to be one of alibi, learned, rotary, found "spiral"',
  ],
  [{ gelu: "erf" as "exact" }, 'expected gelu to be one of exact, tanh, found "erf"'],
  [
    { tiedEmbeddings: 1 as unknown as true },
    "expected tiedEmbeddings to be true or false, found 1",
  ],
  [{ layerNormEps: 0 }, "expected layerNormEps above 0, found 0"],
  // Heads of two channels: one of them is no pair.
  [
    { positions: "rotary", rotaryFraction: 0.5 },
    "of an even number of the 2 channels of a head, 2 or more, found 0.5, which are 1",
  ],
  [{ positions: "rotary", rotaryFraction: 1.5 }, "found 1.5, which are 3"],
  [
    { positions: "rotary", rotaryFraction: 1, rotaryBase: 1 },
    "expected rotaryBase above 1, found 1",
  ],
];

for (const [change, message] of mistakes) {
  Deno.test(`validateConfig() refuses ${JSON.stringify(change)}`, () => {
    assert.throws(
      () => parameterShapes({ ...tiny, ...change }),
      (error: Error) => error instanceof RangeError && error.message.includes(message),
    );
  });
}

Deno.test("flopsPerToken() is what the products of the training graph cost", () => {
  const config = { ...tiny, nLayers: 2, dModel: 64, nHeads: 2, vocabSize: 512, seqLen: 32 };
  const tokens = 2 * 32;
  const { nodes, types } = differentiate(languageModelGraph(config, 2));
  let products = 0;
  for (const { operator: { name }, inputs, outputs, attributes } of nodes) {
    const shape = types[inputs[0]]?.shape ?? [];
    if (/MatMul|Gemm/.test(name)) {
      products += 2 * sizeOf(types[outputs[0]].shape) *
        shape.at(attributes.transA === 1 ? -2 : -1)!;
    } else if (name.startsWith("Attention")) { // two products, and four in its gradient
      products += (/Gradient$/.test(name) ? 8 : 4) * sizeOf(shape) * types[inputs[1]].shape.at(-2)!;
    } else if (name.startsWith("LinearCross")) { // its gradient has two products
      products += (/Gradient$/.test(name) ? 4 : 2) * sizeOf(shape) * types[inputs[1]].shape[0];
    }
  }
  const training = products / tokens;
  // Beside the large products there are those of row means of norms: under 2 % at this width.
  assert.ok(training >= flopsPerToken(config) && training < 1.02 * flopsPerToken(config));
});
