/**
 * Names, shapes and config.json of other programs' layouts: both ways, and what is refused.
 */
import assert from "node:assert/strict";
import { Random, seedOf } from "../../base/mod.ts";
import {
  type ConfigJson,
  fromLayout,
  type Layout,
  layoutOf,
  layouts,
  type LayoutTensors,
  toLayout,
} from "../../model/layouts/mod.ts";
import { type ModelConfig, parameterShapes, sizeOf, validateConfig } from "../../model/mod.ts";

const config: ModelConfig = {
  nLayers: 2,
  dModel: 6,
  nHeads: 3,
  expansion: 4,
  seqLen: 5,
  vocabSize: 7,
  positions: "alibi",
  bias: false,
};

/** Options that a standard class has too, or ours alone. */
const optioned: readonly ModelConfig[] = [
  { ...config, layerNormEps: 1e-6, tiedEmbeddings: false },
  { ...config, positions: "learned", gelu: "tanh", tiedEmbeddings: false, layerNormEps: 1e-6 },
  { ...config, parallelResidual: true, gelu: "tanh" },
  { ...config, dModel: 24, positions: "rotary", rotaryFraction: 0.5, rotaryBase: 500 },
];

const networks: readonly ModelConfig[] = (["alibi", "learned"] as const).flatMap((positions) =>
  [true, false].flatMap((bias) =>
    [4, 1.5].map((expansion) => ({ ...config, positions, bias, expansion }))
  )
);

function randomTensors(network: ModelConfig): LayoutTensors {
  const random = new Random(seedOf(5, "layouts"));
  return Object.fromEntries(
    Object.entries(parameterShapes(network)).map(([name, shape]) => [
      name,
      { shape, data: Float32Array.from({ length: sizeOf(shape) }, () => random.normal()) },
    ]),
  );
}

Deno.test("layoutOf() finds the class that computes a network, and says what a standard one would need", () => {
  const found = networks.map((network) => {
    const { layout, misfit } = layoutOf(network);
    return [network.positions, network.bias, network.expansion, layout.modelType, misfit?.change];
  });
  assert.deepEqual(found, [
    ["alibi", true, 4, "dept", { bias: false }],
    ["alibi", true, 1.5, "dept", { bias: false, expansion: 4 }],
    ["alibi", false, 4, "mpt", undefined],
    ["alibi", false, 1.5, "dept", { expansion: 4 }],
    ["learned", true, 4, "gpt2", undefined],
    ["learned", true, 1.5, "gpt2", undefined],
    ["learned", false, 4, "gpt2", undefined],
    ["learned", false, 1.5, "gpt2", undefined],
  ]);
  const others = optioned.map((network) => layoutOf(network).layout.modelType);
  assert.deepEqual(others, ["mpt", "gpt2", "dept", "dept"]);
  assert.match(layoutOf(networks[1]).misfit!.why, /drops all biases.*, and .*4 times the width/);
});

Deno.test("every layout gives back a network's configuration and parameters, bit for bit", () => {
  for (const network of [...networks, ...optioned]) {
    const { layout } = layoutOf(network);
    const json = JSON.parse(JSON.stringify(layout.configJson(network)));
    assert.deepEqual(layout.readConfig(json), validateConfig(network), layout.modelType);
    const tensors = randomTensors(network);
    const there = toLayout(layout, network, tensors);
    for (const { theirs, shape } of layout.places(network)) {
      assert.deepEqual(there[theirs].shape, shape);
      assert.equal(there[theirs].data.length, sizeOf(shape));
    }
    assert.equal(new Set(Object.keys(there)).size, layout.places(network).length);
    const back = fromLayout(layout, network, there);
    assert.deepEqual(Object.keys(back), Object.keys(tensors)); // in our order
    assert.deepEqual(back, tensors);
  }
});

Deno.test("toLayout() names MPT's tensors as transformers does", () => {
  const there = toLayout(layouts.get("mpt")!, config, randomTensors(config));
  assert.deepEqual(Object.keys(there).filter((name) => !name.includes("blocks.1")), [
    "transformer.wte.weight",
    "transformer.blocks.0.norm_1.weight",
    "transformer.blocks.0.attn.Wqkv.weight",
    "transformer.blocks.0.attn.out_proj.weight",
    "transformer.blocks.0.norm_2.weight",
    "transformer.blocks.0.ffn.up_proj.weight",
    "transformer.blocks.0.ffn.down_proj.weight",
    "transformer.norm_f.weight",
  ]);
});

Deno.test("toLayout() transposes GPT-2's matrices, and writes the biases that our network lacks as zeros", () => {
  const network: ModelConfig = {
    ...config,
    nLayers: 1,
    dModel: 2,
    nHeads: 1,
    positions: "learned",
  };
  const tensors = {
    ...randomTensors(network),
    "body.block.0.attn.out.weight": { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) },
  };
  const there = toLayout(layouts.get("gpt2")!, network, tensors);
  assert.deepEqual(there["transformer.h.0.attn.c_proj.weight"].data, Float32Array.of(1, 3, 2, 4));
  assert.deepEqual(there["transformer.h.0.attn.c_attn.weight"].shape, [2, 6]);
  assert.deepEqual(there["transformer.h.0.attn.c_attn.bias"].data, new Float32Array(6));
  assert.deepEqual(there["transformer.ln_f.bias"].data, new Float32Array(2));
  assert.equal(layouts.get("gpt2")!.configJson(network).no_bias, true);
});

Deno.test("fromLayout() takes files without the prefix, with masks and with a copy of the head, and refuses others", () => {
  const network: ModelConfig = { ...config, positions: "learned", bias: true };
  const layout = layouts.get("gpt2")!;
  const tensors = randomTensors(network);
  const there = toLayout(layout, network, tensors);
  const bare: LayoutTensors = Object.fromEntries(
    Object.entries(there).map(([name, tensor]) => [name.replace("transformer.", ""), tensor]),
  );
  const mask = { shape: [1, 1, 5, 5], data: new Float32Array(25) };
  const head = { ...there["transformer.wte.weight"] };
  const read = (found: LayoutTensors) => fromLayout(layout, network, found);
  assert.deepEqual(read({ ...bare, "h.0.attn.bias": mask, "lm_head.weight": head }), tensors);
  const other = { ...head, data: head.data.map((value) => value + 1) };
  assert.throws(() => read({ ...there, "lm_head.weight": other }), /a copy of the token embedding/);
  assert.throws(
    () => read({ ...there, "transformer.h.0.attn.rotary": mask }),
    /"transformer.h.0.attn.rotary": expected a tensor of GPT2LMHeadModel/,
  );
  const { "transformer.wpe.weight": _, ...without } = there;
  assert.throws(() => read(without), /"transformer.wpe.weight": expected \[5, 6\], found none/);
  assert.throws(
    () =>
      read({ ...there, "transformer.wpe.weight": { shape: [6, 5], data: new Float32Array(30) } }),
    /"transformer.wpe.weight": expected \[5, 6\], found \[6, 5\]/,
  );
  assert.throws(
    () => fromLayout(layout, { ...network, bias: false }, there),
    /ln_1.bias": expected zeros, since the model has no biases, found /,
  );
});

Deno.test("readConfig() refuses by its field's name what our network does not compute", () => {
  const [gpt2, mpt, dept] = ["gpt2", "mpt", "dept"].map((name) => layouts.get(name)!);
  const cases: [Layout, ConfigJson, RegExp][] = [
    [gpt2, { activation_function: "relu" }, /"gelu" or "gelu_new" or .*, found "relu"/],
    [gpt2, { n_embd: 7 }, /dModel \(7\) to be a multiple of nHeads/],
    [gpt2, { n_layer: -1 }, /n_layer to be a whole number of 1 or more, found -1/],
    [gpt2, { scale_attn_by_inverse_layer_idx: true }, /to be false, found true/],
    [mpt, { no_bias: false }, /MptForCausalLM: expected no_bias to be true/],
    [mpt, { expansion_ratio: 2 }, /expansion_ratio to be 4, found 2/],
    [mpt, { attn_config: { alibi: false } }, /attn_config.alibi to be true/],
    [mpt, { attn_config: { clip_qkv: 6 } }, /attn_config.clip_qkv to be null, found 6/],
    [mpt, { attn_config: 3 }, /attn_config to be an object, found 3/],
    [mpt, { d_model: "96" }, /d_model to be a whole number of 1 or more, found "96"/],
    [dept, { positions: "rope" }, /positions to be "alibi" or "learned" or "rotary"/],
    [dept, { positions: null }, /positions to be .*, found ""/],
    [dept, { layer_norm_eps: 0 }, /layer_norm_eps to be a number above 0, found 0/],
  ];
  for (const [layout, change, message] of cases) {
    const network = layout.modelType === "gpt2"
      ? { ...config, positions: "learned" as const }
      : config;
    assert.throws(() => layout.readConfig({ ...layout.configJson(network), ...change }), message);
  }
});
