/**
 * Files of the form `gguf` with tokenizers of others: llama.cpp gives their ids and their text, and predicts as the model does.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { gguf } from "../../commands/exports/gguf.ts";
import type { ForeignModel } from "../../commands/exports/export_format.ts";
import { shiftedFiles } from "../../commands/exports/tokenizer_files.ts";
import { adoptTokenizer, openAdopted } from "../../tokenizers/adopted/mod.ts";
import { fuzzLines, inventedDocuments } from "../instruments/awkward_lines.ts";
import { bpeKinds, bpeTokenizerJson } from "../support/bpe_tokenizer.ts";
import { temporaryFolder } from "../support/command_line.ts";
import { foreignModel } from "../support/exported_model.ts";
import { externalNetworks } from "../support/external_model.ts";
import { llamaCppMissing, useModels } from "../support/llama_cpp/llama_cpp.ts";
import { mean, predictions } from "../support/llama_cpp/predictions.ts";

const missing = await llamaCppMissing();
const documents = inventedDocuments(40).map(({ text }) => text);
const endId = 256;
const networks = ["GPT-2", "GPT-NeoX", "MPT", "GPT-2"].map((name) =>
  externalNetworks[`${name} of width 24`].config
);

Deno.test({
  name:
    "export --as gguf: llama.cpp gives the ids, text and probabilities of a model with a BPE of others" +
    (missing === undefined ? "" : ` (skipped: ${missing})`),
  ignore: missing !== undefined,
  async fn() {
    using folder = temporaryFolder();
    const models: ForeignModel[] = [];
    for (const [i, [name, parts]] of Object.entries(bpeKinds).entries()) {
      const json = bpeTokenizerJson(documents, 200, parts);
      const model = await foreignModel(networks[i], json, join(folder.path, name), {
        ...{ rows: 470, endId },
      });
      models.push(model);
    }
    models.push(await adopted(models[0], join(folder.path, "adopted")));
    const texts = [
      ...documents.slice(0, 20),
      ...fuzzLines(400).filter((line) => line === line.normalize("NFC")),
      "It's , isn't it ? ' x ' . I'm !", // others leave spaces out here
      "a  b   c     d", // pieces of spaces
    ].filter((text) => !/<\/?s>|<unk>/.test(text));
    const sequences = models.map(({ tokenizer }) =>
      [...tokenizer.encode(documents[30])].slice(0, 40)
    );
    for (const [i, model] of models.entries()) {
      const place = join(folder.path, `${i}`);
      Deno.mkdirSync(place);
      const { limits } = await gguf.writeForeign!(model, place);
      const saysNfc = limits.some((limit) => limit.includes("form NFC first"));
      assert.equal(saysNfc, Object.values(bpeKinds)[i]?.normalizer !== undefined);
    }
    const found = await useModels(models.map((_, i) => ({
      ...{ path: join(folder.path, `${i}`, "model-F32.gguf"), cache: "F32", flash: false },
      ...{ texts, sequences: [sequences[i]], starts: [sequences[i].slice(0, 4)], most: 32 },
    })));
    for (const [i, model] of models.entries()) {
      const name = Object.keys(bpeKinds)[i] ?? "adopted";
      for (const [at, text] of texts.entries()) {
        const ids = [...model.tokenizer.encode(text)];
        assert.deepEqual(found[i].ids[at], ids, `${name}: ${JSON.stringify(text)}`);
        assert.equal(found[i].decoded[at], model.tokenizer.decode(ids), name);
      }
      const end = model.tokenizer.special?.end ?? 2;
      const start = sequences[i].slice(0, 4);
      const table = await predictions(model, [sequences[i]], start, "llama.cpp", end);
      const own = await predictions(model, [sequences[i]], undefined, "own");
      assert.deepEqual(found[i].answers[0], table.answer, name);
      const ratio = Math.exp(mean(found[i].losses[0]) - mean(own.losses));
      assert.ok(Math.abs(ratio - 1) < 0.005, `${name}: perplexity × ${ratio}`);
    }
    for (const { tokenizer } of models) tokenizer[Symbol.dispose]();
  },
});

/** The tokenizer of a model with the ids of a run: `vocabulary.global.file`. */
async function adopted(model: ForeignModel, folder: string): Promise<ForeignModel> {
  const given = join(folder, "given.json");
  Deno.mkdirSync(folder);
  Deno.writeTextFileSync(given, bpeTokenizerJson(documents, 200, bpeKinds["as of GPT-2"]));
  const vocabSize = await adoptTokenizer(given, folder);
  const tokenizer = await openAdopted(folder);
  const { "embedding.token.weight": table } = model.tensors;
  const [, width] = table.shape;
  const data = table.data.slice(0, vocabSize * width);
  return {
    ...model,
    config: { ...model.config, vocabSize },
    tensors: { ...model.tensors, "embedding.token.weight": { shape: [vocabSize, width], data } },
    tokenizer,
    tokenizerFiles: shiftedFiles(folder, tokenizer),
  };
}
