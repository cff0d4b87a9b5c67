/**
 * The form `onnx` of networks of every kind: which files, and that what was written is the model. Other programs open such a folder
 * in `tests/user/transformers_js_test.ts`.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { StageError } from "../../base/mod.ts";
import { modelCard } from "../../commands/exports/model_card.ts";
import { onnx, writeOnnx } from "../../commands/exports/onnx.ts";
import { readBackOnnx } from "../../commands/exports/onnx_read_back.ts";
import type { ModelConfig } from "../../model/mod.ts";
import { networkKinds, randomModel } from "../support/exported_model.ts";
import { temporaryFolder } from "../support/command_line.ts";
import { inventedDocuments } from "../instruments/awkward_lines.ts";
import { train } from "../tokenizers/support.ts";

const tokenizer = await train(inventedDocuments(40), { vocabSize: 320 });

const json = (folder: string, name: string) =>
  JSON.parse(Deno.readTextFileSync(join(folder, name)));

const rotary: Omit<ModelConfig, "vocabSize"> = {
  ...networkKinds[0],
  ...{ positions: "rotary", rotaryFraction: 0.5, parallelResidual: true, tiedEmbeddings: false },
};

Deno.test("onnx writes every kind of network, names its cache for other programs, and reads back the same logits", async () => {
  const types: string[] = [];
  for (const kind of [...networkKinds, rotary]) {
    using folder = temporaryFolder();
    const model = await randomModel(kind, tokenizer);
    const form = await onnx.write(model, folder.path);
    assert.match(form.checked, /logits of 32 tokens, .* the same \d+ likeliest tokens after them/);
    const names = [...Deno.readDirSync(folder.path)].map(({ name }) => name).sort();
    assert.deepEqual(names, [
      "config.json",
      "generation_config.json",
      "onnx",
      "special_tokens_map.json",
      "tokenizer.json",
      "tokenizer_config.json",
    ]);
    const config = json(folder.path, "config.json");
    types.push(config.model_type);
    const sizes = {
      mpt: [config.n_layers, config.n_heads, config.d_model],
      gpt2: [config.n_layer, config.n_head, config.n_embd],
      gpt_neox: [config.num_hidden_layers, config.num_attention_heads, config.hidden_size],
    }[config.model_type as string];
    assert.deepEqual(sizes, [kind.nLayers, kind.nHeads, kind.dModel]);
    assert.deepEqual(config["transformers.js_config"], { dtype: "fp32" });
    assert.equal(config.eos_token_id, 2);
  }
  assert.deepEqual(types, [
    ...new Array(4).fill("mpt"),
    ...new Array(4).fill("gpt2"),
    "gpt_neox",
  ]);
});

Deno.test("onnx puts tensors beside the graph where they are too many, and says how many files they are", async () => {
  using folder = temporaryFolder();
  const model = await randomModel(networkKinds[1], tokenizer);
  const limits = { inlineBytes: 1000, fileBytes: 40_000 };
  const form = await writeOnnx(model, folder.path, limits);
  const files = [...Deno.readDirSync(join(folder.path, "onnx"))].map(({ name }) => name).sort();
  assert.deepEqual(files, ["model.onnx", "model.onnx_data", "model.onnx_data_1"]);
  assert.deepEqual(json(folder.path, "config.json")["transformers.js_config"], {
    dtype: "fp32",
    use_external_data_format: { "model.onnx": 2 },
  });
  assert.ok(form.limits.some((limit) => limit.includes("model.onnx_data")));
});

Deno.test("readBackOnnx() refuses a graph in which a single weight is another", async () => {
  using folder = temporaryFolder();
  const model = await randomModel(networkKinds[4], tokenizer);
  await onnx.write(model, folder.path);
  const changed = { ...model.tensors };
  const name = "body.block.1.mlp.down.bias";
  const data = changed[name].data.slice();
  data[3] += 0.01;
  changed[name] = { ...changed[name], data };
  const graph = join(folder.path, "onnx", "model.onnx");
  await assert.rejects(
    readBackOnnx({ ...model, tensors: changed }, folder.path, graph),
    (error: Error) => {
      assert.match(error.message, /read back logit .* for token 0, piece \d+, found .*nothing was/);
      return error instanceof StageError;
    },
  );
});

Deno.test("onnx: the card has the lines to use the folder, and says where positions end", async () => {
  for (const kind of [networkKinds[0], networkKinds[4]]) {
    using folder = temporaryFolder();
    const model = await randomModel(kind, tokenizer);
    const card = await modelCard(model, await onnx.write(model, folder.path));
    assert.match(card, /^library_name: transformers.js$/m);
    assert.match(card, /generate\("<\/s>Once upon", \{ max_new_tokens: 32 \}\)/);
    assert.match(card, /pipeline\("text-generation", "FOLDER", \{ dtype: "fp32" \}\)/);
    assert.equal(card.includes("Positions end after 32 tokens"), kind.positions === "learned");
  }
});
