/**
 * The form `hf` of networks of every kind: which class, which files, and that what was written is the model.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { StageError } from "../../base/mod.ts";
import { hf } from "../../commands/exports/hf.ts";
import { modelCard } from "../../commands/exports/model_card.ts";
import { readBack, readModel } from "../../commands/exports/read_back.ts";
import { validateConfig } from "../../model/mod.ts";
import { cutTokenizer } from "../../tokenizers/mod.ts";
import { kindName, networkKinds, randomModel } from "../support/exported_model.ts";
import { temporaryFolder } from "../support/command_line.ts";
import { inventedDocuments } from "../instruments/awkward_lines.ts";
import { train } from "../tokenizers/support.ts";

const tokenizer = await train(inventedDocuments(40), { vocabSize: 320 });

const json = (folder: string, name: string) =>
  JSON.parse(Deno.readTextFileSync(join(folder, name)));

Deno.test("hf writes every kind of network in the class that computes it, and reads back the same bits", async () => {
  const classes: string[] = [];
  for (const kind of networkKinds) {
    using folder = temporaryFolder();
    const model = await randomModel(kind, tokenizer);
    const form = await hf.write(model, folder.path);
    assert.match(form.checked, /tensors, and the logits of 32 tokens, equal .* bit for bit/);
    const config = json(folder.path, "config.json");
    classes.push(config.architectures[0]);
    assert.deepEqual(
      [config.bos_token_id, config.eos_token_id, config.pad_token_id, config.vocab_size],
      [1, 2, 3, 320],
    );
    const whole = validateConfig(model.config);
    assert.deepEqual(readModel(folder.path), { config: whole, tensors: model.tensors });
    const names = [...Deno.readDirSync(folder.path)].map(({ name }) => name).sort();
    assert.deepEqual(names, [
      "config.json",
      "generation_config.json",
      "model.safetensors",
      ...(config.model_type === "dept" ? ["modeling_dept.py"] : []),
      "special_tokens_map.json",
      "tokenizer.json",
      "tokenizer_config.json",
    ]);
    assert.equal(form.note !== undefined, config.model_type === "dept", kindName(kind));
    assert.equal("auto_map" in config, config.model_type === "dept");
  }
  assert.deepEqual(classes, [
    ...["DeptForCausalLM", "DeptForCausalLM", "MptForCausalLM", "DeptForCausalLM"],
    ...new Array(4).fill("GPT2LMHeadModel"),
  ]);
});

Deno.test("hf: model.safetensors says that its tensors are PyTorch's, aligned as the format wants", async () => {
  using folder = temporaryFolder();
  await hf.write(await randomModel(networkKinds[2], tokenizer), folder.path);
  const bytes = Deno.readFileSync(join(folder.path, "model.safetensors"));
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  assert.equal(length % 8, 0);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  assert.deepEqual(header.__metadata__, { format: "pt" });
  assert.equal(header["lm_head.weight"], undefined); // tied
  const ends = Object.entries(header).filter(([name]) => name !== "__metadata__")
    .map(([, tensor]) => (tensor as { data_offsets: number[] }).data_offsets[1]);
  assert.equal(8 + length + Math.max(...ends), bytes.length);
});

Deno.test("readBack() refuses a folder in which a single bit of a weight, or a setting, is another", async () => {
  using folder = temporaryFolder();
  const model = await randomModel(networkKinds[4], tokenizer);
  await hf.write(model, folder.path);
  const weights = join(folder.path, "model.safetensors");
  const bytes = Deno.readFileSync(weights);
  const changed = bytes.slice();
  changed[changed.length - 5] ^= 1;
  Deno.writeFileSync(weights, changed);
  const refuses = (message: RegExp) =>
    assert.rejects(readBack(model, folder.path), (error: Error) => {
      assert.ok(error instanceof StageError, String(error));
      assert.match(error.message, message);
      return true;
    });
  await refuses(/expected to read back the model's numbers as ".*", found others; nothing was exp/);
  Deno.writeFileSync(weights, bytes);
  const path = join(folder.path, "config.json");
  const config = json(folder.path, "config.json");
  const cases: [object, RegExp][] = [
    [{ n_head: 3 }, /expected to read back logit .* for token \d+, piece \d+, found /],
    [{ activation_function: "relu" }, /activation_function to be "gelu" or .*, found "relu"/],
    [
      { model_type: "bloom" },
      /expected model_type to be one of mpt, gpt2, gpt_neox, dept, found bloom/,
    ],
    [{ n_layer: 3 }, /"transformer.h.2.ln_1.weight": expected \[24\], found none/],
  ];
  for (const [change, message] of cases) {
    Deno.writeTextFileSync(path, JSON.stringify({ ...config, ...change }));
    await refuses(message);
  }
  Deno.writeTextFileSync(path, "{");
  await refuses(/Cannot read the model in ".*": /);
});

Deno.test("modelCard() gives the head that the hub reads, licences as the recipe gives them, and numbers with keys", async () => {
  using folder = temporaryFolder();
  const plain = await randomModel(networkKinds[0], tokenizer);
  const model = {
    ...plain,
    facts: {
      ...plain.facts,
      source: "it",
      cutFrom: 400,
      sources: [...plain.facts.sources, { name: "en", text: "hf://datasets/allenai/c4@1/en/*.gz" }],
      numbers: [{
        ...{
          measure: "bits per byte",
          source: "it",
          value: 1.23456,
          interval: [1.1, 1.3] as const,
        },
        ...{ instance: "evaluate/spec/pretraining", key: "abcdef0123456789" },
      }],
    },
  };
  const form = await hf.write(model, folder.path);
  const card = await modelCard(model, form);
  const [, head, text] = card.split(/^---$/m);
  const { parse } = await import("yaml");
  const read = parse(head);
  assert.deepEqual(read.tags, ["dept", "arxiv:2410.05021", "glob", "custom_code"]);
  assert.deepEqual(read.datasets, ["allenai/c4"]);
  assert.equal(read.library_name, "transformers");
  assert.deepEqual(read["model-index"][0].results[0].metrics, [
    { type: "bits_per_byte", value: 1.23456 },
  ]);
  assert.match(text, /\| it \| invented \| CC0-1.0 \|/);
  assert.match(text, /\| en \| hf:.* \| not said by the recipe \|/);
  assert.match(text, /1.235 \(1.100 to 1.300\) \| `evaluate\/spec\/pretraining`, abcdef012345 \|/);
  assert.match(text, /cut to the 320 of 400 pieces/);
  assert.match(text, /trust_remote_code=True/);
  assert.match(text, /Trained with `--set model.bias=false` a model needs none/);
});

Deno.test("cutTokenizer() keeps the pieces of rows in their order, and their segmentation where all are kept", () => {
  const all = Int32Array.from({ length: tokenizer.vocabSize }, (_, id) => id);
  const lines = inventedDocuments(45).slice(40).map(({ text }) => text);
  for (const line of lines) {
    const ids = tokenizer.encode(line);
    const used = new Set(ids);
    const rows = all.filter((id) => id < 263 || used.has(id) || id % 3 === 0);
    const cut = cutTokenizer(tokenizer, rows);
    assert.equal(cut.vocabSize, rows.length);
    assert.deepEqual(
      rows.map((id) => Number(tokenizer.piece(id) === cut.piece(rows.indexOf(id)))),
      rows.map(() => 1),
    );
    assert.deepEqual(cut.encode(line), ids.map((id) => rows.indexOf(id)));
  }
  assert.throws(() => cutTokenizer(tokenizer, all.slice(1)), /to stay, found 0 missing/);
  assert.throws(() => cutTokenizer(tokenizer, all.map((id) => id * 2 % 600)), RangeError);
});
