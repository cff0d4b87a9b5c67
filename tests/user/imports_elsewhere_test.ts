/**
 * Models of others that come in and leave again for the programs that others use: transformers.js and llama.cpp.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { project } from "../../commands/dept.ts";
import { exportModel } from "../../commands/export.ts";
import { type Engine, engineModule } from "../../engine/mod.ts";
import { openTokenizer } from "../../tokenizers/mod.ts";
import { fuzzLines, inventedDocuments } from "../instruments/awkward_lines.ts";
import { bpeKinds, bpeTokenizerJson } from "../support/bpe_tokenizer.ts";
import { pipeline, temporaryFolder, tinyRecipe } from "../support/command_line.ts";
import { externalNetworks, writeExternalModel } from "../support/external_model.ts";
import { likeliest } from "../support/likeliest.ts";
import * as llamaCpp from "../support/llama_cpp/llama_cpp.ts";
import { referenceLogits } from "../support/random_network.ts";
import { assertTensorsClose } from "../support/tensors.ts";
import * as transformersJs from "../support/transformers_js/transformers_js.ts";

const rows = 470;
const endId = 256;
const documents = inventedDocuments(40).map(({ text }) => text);
const given = {
  neox: { network: "GPT-NeoX of width 24", tokenizer: "as of Pythia" },
  gpt2: { network: "GPT-2 of width 24", tokenizer: "as of GPT-2" },
  mpt: { network: "MPT of width 24", tokenizer: "as of GPT-2" },
} as const;

const missing = await transformersJs.transformersJsMissing() ?? await llamaCpp.llamaCppMissing();

Deno.test({
  name:
    "export --as onnx,gguf of imports: transformers.js and llama.cpp give their ids, logits and likeliest text" +
    (missing === undefined ? "" : ` (skipped: ${missing})`),
  ignore: missing !== undefined,
  async fn() {
    using folder = temporaryFolder();
    const at = (name: string) => join(folder.path, name);
    const models = Object.entries(given).map(([name, { network, tokenizer }]) => {
      Deno.mkdirSync(at(name));
      const { type, config } = externalNetworks[network];
      const own = { type, config: { ...config, vocabSize: rows } };
      const tokenizerJson = bpeTokenizerJson(documents, 200, bpeKinds[tokenizer]);
      return { name, ...own, tensors: writeExternalModel(at(name), own, { tokenizerJson }) };
    });
    const set = models.map(({ name }) => `external.${name}.from=${at(name)}`);
    const plan = { recipe: tinyRecipe, store: at("store"), set, checkpoint: "best" };
    const words = set.flatMap((one) => ["--set", one]);
    const options = ["--recipe", tinyRecipe, "--store", plan.store, ...words];
    const run = await pipeline(["run", "external", ...options]);
    assert.equal(run.code, 0, run.stdout + run.stderr);
    Deno.mkdirSync(at("out"));
    for (const { name } of models) {
      await exportModel(project, `external/${name}`, at(`out/${name}`), {
        ...plan,
        as: ["onnx,gguf"],
      });
    }

    const texts = [...documents.slice(0, 20), ...fuzzLines(100)].map((line) =>
      line.normalize("NFC")
    );
    const tokenizers = await Promise.all(models.map(({ name }) => openTokenizer(at(name))));
    const starts = tokenizers.map((one) => [endId, ...one.encode(documents[30]).subarray(0, 5)]);
    const tokens = tokenizers.map((one) => [...one.encode(documents[31]).subarray(0, 40)]);
    const most = 32;
    const inBrowsers = await transformersJs.useModels(
      at("out"),
      models.map(({ name }, i) => ({
        ...{ folder: `${name}/onnx`, tokens: tokens[i], start: starts[i], most, texts },
        prompt: "Once upon",
      })),
    );
    const inLlamaCpp = await llamaCpp.useModels(models.map(({ name }, i) => ({
      ...{ path: at(`out/${name}/gguf/model-F32.gguf`), cache: "F32", flash: false, texts },
      ...{ sequences: [tokens[i]], starts: [starts[i]], most },
    })));
    const { engine } = await import(engineModule("cpu")) as { engine: Engine };
    const engineOptions = { threads: 1, precision: "fp32" } as const;
    for (const [i, { name, config, tensors }] of models.entries()) {
      const logits = await referenceLogits(config, tensors, tokens[i]);
      const shape = [tokens[i].length, rows];
      assertTensorsClose(name, inBrowsers[i].logits, logits, shape, { absolute: 1e-4 });
      const model = { config, tensors, engine, engineOptions };
      const answer = await likeliest(model, starts[i], most, endId);
      assert.deepEqual(inBrowsers[i].withCache, answer, name);
      assert.deepEqual(inBrowsers[i].withoutCache, answer, name);
      assert.match(inBrowsers[i].continued, /^Once upon/);
      for (const [j, text] of texts.entries()) {
        const ids = [...tokenizers[i].encode(text)];
        assert.deepEqual(inBrowsers[i].ids[j], ids, `${name}: ${JSON.stringify(text)}`);
        assert.deepEqual(inLlamaCpp[i].ids[j], ids, `${name}: ${JSON.stringify(text)}`);
        assert.equal(inLlamaCpp[i].decoded[j], tokenizers[i].decode(ids));
      }
      inLlamaCpp[i].losses[0].forEach((loss, t) => {
        const row = logits.subarray(t * rows, (t + 1) * rows);
        const own = Math.log(row.reduce((sum, logit) => sum + Math.exp(logit), 0)) -
          row[tokens[i][t + 1]];
        assert.ok(Math.abs(loss - own) < 2e-2, `${name}, token ${t}: ${loss}, not ${own}`); // its GELU
      });
    }
    for (const tokenizer of tokenizers) tokenizer[Symbol.dispose]();
  },
});
