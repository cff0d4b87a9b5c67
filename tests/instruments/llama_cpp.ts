/**
 * How far llama.cpp is from a trained model, on test text: exports it as GGUF and lets llama.cpp predict and encode what the model
 * does.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { UsageError } from "../../base/mod.ts";
import { project } from "../../commands/dept.ts";
import { exportedModel } from "../../commands/export.ts";
import { gguf } from "../../commands/exports/gguf.ts";
import { withoutLost } from "../../commands/exports/gguf_effects.ts";
import { openTrainedModels } from "../../commands/trained_model.ts";
import { llamaVocabulary, sentencePieceModelOf } from "../../tokenizers/sentencepiece/mod.ts";
import { temporaryFolder } from "../support/command_line.ts";
import { llamaCppMissing, useModels } from "../support/llama_cpp/llama_cpp.ts";
import { mean, predictions, sum } from "../support/llama_cpp/predictions.ts";

/** @throws UsageError where llama.cpp cannot be had, or the model has no test text in the store. */
export async function main(args: readonly string[]): Promise<void> {
  const { values, positionals: [target = "continue/glob/random"] } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      recipe: { type: "string", default: "sample" },
      store: { type: "string", default: ".artifacts" },
      source: { type: "string" },
      set: { type: "string", multiple: true },
    },
  });
  const missing = await llamaCppMissing();
  if (missing !== undefined) throw new UsageError(`Cannot compare with llama.cpp: ${missing}`);
  const options = { ...values, checkpoint: "best" };
  const models = await openTrainedModels(project, target, options);
  const model = await exportedModel(models, models.sourceOf(values.source), options);
  const windows = await model.testText();
  if (windows.length === 0) {
    throw new UsageError(`Cannot compare ${target}: expected its sources' test text in the store`);
  }
  using folder = temporaryFolder();
  await gguf.write(model, folder.path);
  const sequences = windows.map((ids) => [...ids]);
  const { tokenizer } = model;
  const texts = sequences.map((ids) => tokenizer.decode(ids));
  const more = { texts, sequences, starts: [], most: 0 };
  const path = (type: string) => join(folder.path, `model-${type}.gguf`);
  const [plain, wide, small] = await useModels([
    { path: path("F32"), cache: "F32", flash: false, ...more },
    { path: path("F32"), cache: "F16", flash: true, ...more },
    { path: path("F16"), cache: "F16", flash: true, ...more },
  ]);
  const own = await predictions(model, sequences, undefined, "own");
  const table = await predictions(model, sequences, undefined, "llama.cpp");
  const bytes = sum(sequences.flatMap((ids) => ids.slice(1).map((id) => tokenizer.byteLength(id))));
  const row = (name: string, losses: readonly number[]) => {
    const off = losses.map((loss, i) => Math.abs(loss - own.losses[i]));
    const figures = [
      Math.exp(mean(losses)).toFixed(5),
      (sum(losses) / Math.LN2 / bytes).toFixed(6),
      Math.max(...off).toExponential(1),
      Math.sqrt(mean(off.map((value) => value ** 2))).toExponential(1),
    ];
    console.log(name.padEnd(48), figures.map((text) => text.padStart(12)).join(""));
  };
  console.log(`${target}: ${own.losses.length} tokens of test text, ${bytes} bytes`);
  console.log(`${"".padEnd(49)}  perplexity  bits/byte    furthest         rms`);
  row("the model", own.losses);
  row("the model with llama.cpp's GELU", table.losses);
  row("llama.cpp, F32, keys and values in 32 bits", plain.losses.flat());
  row("llama.cpp, F32, as it runs unasked", wide.losses.flat());
  row("llama.cpp, F16, as it runs unasked", small.losses.flat());
  const lost = new Set(llamaVocabulary(sentencePieceModelOf(tokenizer)).lostIds);
  const read = texts.map((text) => Int32Array.from(tokenizer.encode(text)));
  const same = read.filter((ids, i) => `${plain.ids[i]}` === `${ids}`);
  const known = read.filter((ids, i) => `${plain.ids[i]}` === `${withoutLost(ids, lost)}`);
  const decoded = texts.filter((text, i) => plain.decoded[i] === text);
  console.log(
    `of ${texts.length} texts ${same.length} have the model's ids there, ${known.length} have them or <unk> where bytes are ` +
      `missing; ${decoded.length} come back as they were`,
  );
}
