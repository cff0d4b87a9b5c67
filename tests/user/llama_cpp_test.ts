/**
 * Files of the form `gguf` in the program that they are made for: llama.cpp opens them, reads text as the model does, and predicts it as
 * the model does but for what the card says.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { ExportedModel } from "../../commands/exports/export_format.ts";
import { gguf } from "../../commands/exports/gguf.ts";
import { measureEffects, withoutLost } from "../../commands/exports/gguf_effects.ts";
import type { ModelConfig } from "../../model/mod.ts";
import type { UnigramTokenizer } from "../../tokenizers/mod.ts";
import { inventedDocuments } from "../instruments/awkward_lines.ts";
import { train } from "../tokenizers/support.ts";
import { temporaryFolder } from "../support/command_line.ts";
import { randomModel } from "../support/exported_model.ts";
import { llamaCppMissing, useModels } from "../support/llama_cpp/llama_cpp.ts";
import { mean, predictions, sum } from "../support/llama_cpp/predictions.ts";
import { trainedNetwork } from "../support/trained_network.ts";

const base = {
  ...{ nLayers: 2, dModel: 24, nHeads: 6, expansion: 1.5, seqLen: 64, bias: true },
  positions: "alibi",
} as const;

const kinds: Readonly<Record<string, Omit<ModelConfig, "vocabSize">>> = {
  "ALiBi, biases": base,
  "ALiBi, no biases, expansion 4": { ...base, bias: false, expansion: 4 },
  "learned positions, biases": { ...base, positions: "learned" },
  "learned positions, no biases": { ...base, positions: "learned", bias: false },
  "rotary positions": {
    ...base,
    ...{ positions: "rotary", nHeads: 3, rotaryFraction: 0.5, parallelResidual: true },
    ...{ tiedEmbeddings: false, gelu: "tanh", bias: false },
  },
};

const missing = await llamaCppMissing();
const skipped = missing === undefined ? "" : ` (skipped: ${missing})`;
const documents = inventedDocuments(60).map(({ text }) => text);

Deno.test({
  name:
    `export --as gguf: llama.cpp predicts text as the model does, within 0.5 % of its perplexity, and as its measured GELU says${skipped}`,
  ignore: missing !== undefined,
  async fn() {
    using folder = temporaryFolder();
    const tokenizer = await train(inventedDocuments(50), { vocabSize: 340 });
    const trained = Int32Array.from(
      documents.slice(0, 50).flatMap((text) => withEnd(tokenizer, text)),
    );
    const tested = documents.slice(50).flatMap((text) => withEnd(tokenizer, text));
    const sequences = [0, 1, 2, 3].map((i) => tested.slice(64 * i, 64 * (i + 1)));
    const models: ExportedModel[] = [];
    for (const [name, kind] of Object.entries(kinds)) {
      const model = await randomModel(kind, tokenizer);
      const place = join(folder.path, name);
      Deno.mkdirSync(place);
      models.push({ ...model, tensors: await trainedNetwork(model.config, trained, 60) });
      await gguf.write(models.at(-1)!, place);
    }
    const starts = [sequences[0].slice(0, 8)];
    const asked = Object.keys(kinds).flatMap((name) => {
      const file = (type: string) => join(folder.path, name, `model-${type}.gguf`);
      const more = { texts: [], sequences, starts, most: 32 };
      return [
        { path: file("F32"), cache: "F32", flash: false, ...more } as const,
        { path: file("F16"), cache: "F16", flash: true, ...more } as const, // what it does unasked
      ];
    });
    const found = await useModels(asked);
    for (const [i, model] of models.entries()) {
      const name = Object.keys(kinds)[i];
      const [plain, small] = [found[2 * i], found[2 * i + 1]];
      const own = await predictions(model, sequences, starts[0], "own");
      const table = await predictions(model, sequences, starts[0], "llama.cpp");
      for (const { losses } of [plain, small]) {
        const ratio = Math.exp(mean(losses.flat()) - mean(own.losses));
        assert.ok(Math.abs(ratio - 1) < 0.005, `${name}: perplexity × ${ratio}`);
      }
      const furthest = Math.max(
        ...plain.losses.flat().map((loss, at) => Math.abs(loss - table.losses[at])),
      );
      // Sums in another order, and GELU's half-precision numbers turned over by them.
      assert.ok(furthest < 5e-4, `${name}: a log probability is off by ${furthest}`);
      assert.deepEqual(plain.answers[0], table.answer, name);
      const effects = await measureEffects(
        model,
        sequences.map((ids) => Int32Array.from(ids)),
        [],
        folder.path,
      );
      const bits = sum(plain.losses.flat()) / Math.LN2 / effects!.bytes;
      assert.ok(Math.abs(bits / effects!.table - 1) < 1e-4, `${bits}, not ${effects!.table}`);
    }
  },
});

Deno.test({
  name:
    `export --as gguf: llama.cpp's ids are the model's for text of its pieces and ASCII; other characters are <unk>${skipped}`,
  ignore: missing !== undefined,
  async fn() {
    using folder = temporaryFolder();
    const plain = await train(inventedDocuments(50), { vocabSize: 340 });
    const prefixed = await train(inventedDocuments(50), { vocabSize: 340, addDummyPrefix: true });
    const texts = [
      ...documents.flatMap((text) => text.split("\n")).slice(0, 200),
      "x = [3, 14]; # ~/\\{}|^`\n\t  y",
      " a", // a space in front, and behind
      "山\u{1f600}\u{1f600} 水é", // characters without a piece
    ];
    const names = ["plain", "prefixed"];
    const tokenizers = [plain, prefixed];
    for (const [i, tokenizer] of tokenizers.entries()) {
      const place = join(folder.path, names[i]);
      Deno.mkdirSync(place);
      await gguf.write(await randomModel(base, tokenizer), place);
    }
    const found = await useModels(names.map((name) => ({
      ...{ path: join(folder.path, name, "model-F32.gguf"), cache: "F32", flash: false },
      ...{ texts, sequences: [[2, 3]], starts: [[2]], most: 1 },
    })));
    const lost = new Set(Array.from({ length: 128 }, (_, byte) => 7 + 128 + byte));
    tokenizers.forEach((tokenizer, i) => {
      texts.forEach((text, at) => {
        // The card says it: with a space put in front of texts, one that begins with a space gets another.
        if (tokenizer === prefixed && text.startsWith(" ")) return;
        assert.deepEqual(found[i].ids[at], [...withoutLost(tokenizer.encode(text), lost)], text);
        if (at < texts.length - 1) assert.equal(found[i].decoded[at], text);
      });
    });
  },
});

function withEnd(tokenizer: UnigramTokenizer, text: string): number[] {
  return [...tokenizer.encode(text), 2];
}
