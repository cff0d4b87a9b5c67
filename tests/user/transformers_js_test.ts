/**
 * Folders of the form `onnx` in the program that they are made for: transformers.js opens them, and says what the model says.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { ExportedModel } from "../../commands/exports/export_format.ts";
import { writeOnnx } from "../../commands/exports/onnx.ts";
import type { ModelConfig } from "../../model/mod.ts";
import { specialIds } from "../../tokenizers/mod.ts";
import { fuzzLines, inventedDocuments } from "../instruments/awkward_lines.ts";
import { train } from "../tokenizers/support.ts";
import { temporaryFolder } from "../support/command_line.ts";
import { needsData, readTexts } from "../support/data.ts";
import { randomModel } from "../support/exported_model.ts";
import { likeliest } from "../support/likeliest.ts";
import { referenceLogits } from "../support/random_network.ts";
import { assertTensorsClose } from "../support/tensors.ts";
import { transformersJsMissing, useModels } from "../support/transformers_js/transformers_js.ts";

const base = {
  ...{ nLayers: 2, dModel: 24, nHeads: 6, expansion: 1.5, seqLen: 96, bias: true },
  positions: "alibi",
} as const;

/** A network of each way to place tokens, as transformers.js has three classes for their caches; one with tensors in files apart. */
const kinds: Readonly<Record<string, Omit<ModelConfig, "vocabSize">>> = {
  alibi: base,
  learned: { ...base, positions: "learned", bias: false },
  rotary: { ...base, positions: "rotary", nHeads: 3, rotaryFraction: 0.5, parallelResidual: true },
  external: { ...base, bias: false },
};

const missing = await transformersJsMissing();

Deno.test({
  name:
    "export --as onnx: transformers.js gives the model's logits, and its likeliest text with and without cache" +
    (missing === undefined ? "" : ` (skipped: ${missing})`),
  ignore: missing !== undefined,
  async fn() {
    using folder = temporaryFolder();
    const tokenizer = await train(inventedDocuments(40), { vocabSize: 320 });
    const tokens = tokenizer.encode("Once upon a time, in 1984: x = [3, 14];\n").slice(0, 40);
    const start = [specialIds.end, ...tokens.subarray(0, 5)];
    const models: ExportedModel[] = [];
    for (const [name, kind] of Object.entries(kinds)) {
      const place = join(folder.path, name);
      Deno.mkdirSync(place);
      const model = await randomModel(kind, tokenizer);
      await writeOnnx(model, place, name === "external" ? { inlineBytes: 0, fileBytes: 2e4 } : {});
      models.push(model);
    }
    const texts = linesOfText();
    const found = await useModels(
      folder.path,
      Object.keys(kinds).map((name) => ({
        ...{ folder: name, tokens: [...tokens], start, most: 64 },
        ...{ texts: name === "alibi" ? texts : [], prompt: "Once upon" },
      })),
    );
    for (const [i, { config, tensors }] of models.entries()) {
      const expected = await referenceLogits(config, tensors, [...tokens]);
      const name = Object.keys(kinds)[i];
      const shape = [tokens.length, config.vocabSize];
      assertTensorsClose(name, found[i].logits, expected, shape, { absolute: 1e-4 });
      const answer = await likeliest(models[i], start, 64, specialIds.end);
      assert.ok(answer.length === 64 || answer.at(-1) === specialIds.end);
      assert.deepEqual(found[i].withCache, answer, name);
      assert.deepEqual(found[i].withoutCache, answer, name);
      assert.match(found[i].continued, /^Once upon/);
    }
    for (const [i, text] of texts.entries()) {
      assert.deepEqual(found[0].ids[i], [...tokenizer.encode(text)], JSON.stringify(text));
      assert.equal(found[0].decoded[i], text);
    }
  },
});

/** 125 lines of each of eight languages where there is real text, and awkward ones. Most characters have no piece here. */
function linesOfText(): string[] {
  const { path, ignore } = needsData("multilingual");
  const real = ignore
    ? []
    : ["en", "it", "la", "ms", "sr", "sw", "ur", "zh"].flatMap((language) =>
      readTexts(join(path, ".."), `multilingual/${language}`, "validation")
        .flatMap((text) => text.split("\n")).filter((line) => line !== "").slice(0, 125)
    );
  // It takes special pieces in a text for these.
  return [...real, ...fuzzLines(200).filter((line) => !/<\/?s>|<unk>/.test(line))];
}
