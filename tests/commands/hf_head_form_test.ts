/**
 * Fine-tuned models in the form `hf`: which class, which pieces around a text, and that what was written is the model.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { StageError } from "../../base/mod.ts";
import { hf } from "../../commands/exports/hf.ts";
import { readBackHead } from "../../commands/exports/head_read_back.ts";
import { modelCard } from "../../commands/exports/model_card.ts";
import { encodeExample } from "../../training/mod.ts";
import { inventedDocuments } from "../instruments/awkward_lines.ts";
import { bpeKinds, bpeTokenizerJson } from "../support/bpe_tokenizer.ts";
import { temporaryFolder } from "../support/command_line.ts";
import { foreignModel, networkKinds } from "../support/exported_model.ts";
import { headedModel, taskKinds } from "../support/headed_model.ts";
import { train } from "../tokenizers/support.ts";

const tokenizer = await train(inventedDocuments(40), { vocabSize: 320 });
const json = (folder: string, name: string) =>
  JSON.parse(Deno.readTextFileSync(join(folder, name)));

const [alibi, , mpt] = networkKinds;
const gpt2 = networkKinds[4];
const neox = { ...alibi, positions: "rotary", nHeads: 3, rotaryFraction: 0.5 } as const;

Deno.test("hf writes a fine-tuned model in a standard class where its head has no bias, else in one of ours", async () => {
  const classes: string[] = [];
  for (const hasBias of [false, true]) {
    for (const kind of [mpt, gpt2, neox, alibi]) {
      using folder = temporaryFolder();
      const form = await hf.writeHead!(
        await headedModel(kind, tokenizer, taskKinds[1], hasBias),
        folder.path,
      );
      const config = json(folder.path, "config.json");
      classes.push(config.architectures[0]);
      assert.equal(form.note !== undefined, config.model_type === "dept");
      assert.equal(form.note?.includes("--set finetune.headBias=false") ?? false, hasBias);
      assert.equal(form.note?.includes("--set model.bias=false") ?? false, kind === alibi);
      assert.deepEqual(Object.keys(config.id2label), ["0", "1", "2"]);
      assert.equal(config.pad_token_id, 3);
      assert.equal(config.problem_type, "single_label_classification");
      assert.match(form.checked, /with those of the head, .*equal those of the model bit/);
    }
  }
  assert.deepEqual(classes, [
    "MptForSequenceClassification",
    "GPT2ForSequenceClassification",
    "GPTNeoXForSequenceClassification",
    ...new Array(5).fill("DeptForSequenceClassification"),
  ]);
});

Deno.test("hf: the card of a fine-tuned model says how a task of its kind is scored", async () => {
  const lines = [
    /scores\("A text"\)\.argmax/,
    /scores\("A premise", "a hypothesis"\)\.argmax/,
    /max\(options, key=lambda option: scores\("What comes before", option\)/,
    /\(scores\(a, b\) \+ scores\(b, a\)\)\[0\]\.item\(\) \* 1\.5 \+ 2\.5/,
  ];
  for (const [i, description] of taskKinds.entries()) {
    using folder = temporaryFolder();
    const model = await headedModel(gpt2, tokenizer, description, true);
    const card = await modelCard(model, await hf.writeHead!(model, folder.path));
    assert.match(card, lines[i]);
    assert.match(card, /^pipeline_tag: text-classification$/m);
    assert.match(card, new RegExp(`Fine-tuned on the task \`invented\` \\(${description.kind}\\)`));
    const { problem_type } = json(folder.path, "config.json");
    assert.equal(problem_type === "regression", i > 1);
  }
});

Deno.test("hf: tokenizer.json of a fine-tuned model puts the pieces of fine-tuning around texts", async () => {
  using folder = temporaryFolder();
  const model = await headedModel(mpt, tokenizer, taskKinds[1], false);
  await hf.writeHead!(model, folder.path);
  const { Tokenizer } = await import("tokenizers");
  const theirs = Tokenizer.fromString(Deno.readTextFileSync(join(folder.path, "tokenizer.json")));
  const encoded = async (text: string, pair: string | null = null) =>
    Array.from((await theirs.encode(text, pair, { addSpecialTokens: true })).getIds(), Number);
  const ours = (
    kind: "classification" | "entailment",
    texts: string[],
  ) => [...encodeExample({ kind, nClasses: 2 }, { texts, label: 0 }, tokenizer, 48).sequences[0]];
  assert.deepEqual(await encoded("ba lo 1"), ours("classification", ["ba lo 1"]));
  assert.deepEqual(await encoded("ba lo", " mi, x"), ours("entailment", ["ba lo", " mi, x"]));
  const config = json(folder.path, "tokenizer_config.json");
  assert.deepEqual(
    [config.model_max_length, config.padding_side, config.model_input_names, config.pad_token],
    [24, "right", ["input_ids", "attention_mask"], "<pad>"],
  );
});

Deno.test("hf: where the end of a text is also its padding, a fine-tuned import reads one text at a time", async () => {
  using folder = temporaryFolder();
  const out = join(folder.path, "out");
  Deno.mkdirSync(out);
  const { head } = await headedModel(gpt2, tokenizer, taskKinds[0], false);
  const text = bpeTokenizerJson(["the cat"], 1, bpeKinds["as of GPT-2"]);
  const model = await foreignModel(gpt2, text, folder.path, { rows: 258, endId: 256 });
  using _ = model.tokenizer;
  const { limits } = await hf.writeHead!({ ...model, head }, out);
  assert.ok(limits.some((limit) => limit.startsWith("One text at a time")));
  assert.equal(json(out, "config.json").pad_token_id, null);
  const { single } = json(out, "tokenizer.json").post_processor;
  assert.deepEqual(
    single.map((part: Record<string, { id: string }>) => Object.values(part)[0].id),
    [
      "<|endoftext|>",
      "A",
      "<|endoftext|>",
    ],
  );
});

Deno.test("readBackHead() finds a single bit that is another, in the head and in the network", async () => {
  using folder = temporaryFolder();
  const model = await headedModel(mpt, tokenizer, taskKinds[3], true);
  await hf.writeHead!(model, folder.path);
  const path = join(folder.path, "model.safetensors");
  const bytes = Deno.readFileSync(path);
  const header = JSON.parse(
    new TextDecoder().decode(bytes.subarray(8, 8 + new DataView(bytes.buffer).getUint32(0, true))),
  );
  const start = 8 + new DataView(bytes.buffer).getUint32(0, true);
  for (const name of ["score.bias", "score.weight", "embedding.token.weight"]) {
    const damaged = bytes.slice();
    damaged[start + header[name].data_offsets[0]] ^= 1;
    Deno.writeFileSync(path, damaged);
    await assert.rejects(readBackHead(model, folder.path), StageError);
  }
});
