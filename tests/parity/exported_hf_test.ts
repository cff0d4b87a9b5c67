/**
 * Folders of the form `hf` in Debian's PyTorch: MPT and GPT-2 by hand, with the names and sums of Python's transformers, and the code
 * that travels in the folder. That library itself is not here.
 */
import { join } from "node:path";
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { hf } from "../../commands/exports/hf.ts";
import { logitsOf } from "../../commands/exports/read_back.ts";
import type { ModelConfig } from "../../model/mod.ts";
import { inventedDocuments } from "../instruments/awkward_lines.ts";
import { temporaryFolder } from "../support/command_line.ts";
import { kindName, networkKinds, randomModel } from "../support/exported_model.ts";
import { findPyTorch } from "../support/pytorch/pytorch.ts";
import { assertTensorsClose } from "../support/tensors.ts";
import { train } from "../tokenizers/support.ts";

const script = fileURLToPath(new URL("../support/pytorch/open_exported.py", import.meta.url));
const found = await findPyTorch();
if (typeof found === "string") console.warn(`skipped: ${found}`);

const [alibi] = networkKinds;
const kinds: readonly Omit<ModelConfig, "vocabSize">[] = [
  ...networkKinds,
  { ...alibi, bias: false, tiedEmbeddings: false, layerNormEps: 1e-3 },
  { ...alibi, positions: "learned", gelu: "tanh", tiedEmbeddings: false, layerNormEps: 1e-3 },
  { ...alibi, gelu: "tanh", parallelResidual: true, tiedEmbeddings: false, layerNormEps: 1e-3 },
  { ...alibi, positions: "rotary", rotaryFraction: 0.5, rotaryBase: 100, bias: false },
];

Deno.test({
  name: "hf: PyTorch computes our logits from every kind of exported network",
  ignore: typeof found === "string",
  async fn() {
    using folder = temporaryFolder();
    const tokenizer = await train(inventedDocuments(40), { vocabSize: 320 });
    const models = [];
    for (const [i, kind] of kinds.entries()) {
      const model = await randomModel(kind, tokenizer);
      const place = join(folder.path, `${i}`);
      Deno.mkdirSync(place);
      await hf.write(model, place);
      models.push(model);
    }
    const tokens = Int32Array.from({ length: 32 }, (_, i) => (i * 97 + 11) % tokenizer.vocabSize);
    const output = join(folder.path, "logits.json");
    const job = join(folder.path, "job.json");
    const folders = kinds.map((_, i) => join(folder.path, `${i}`));
    Deno.writeTextFileSync(job, JSON.stringify({ folders, tokens: [...tokens], output }));
    const { python } = found as Exclude<typeof found, string>;
    const { success, stderr } = await new Deno.Command(python, { args: [script, job] }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
    const theirs: number[][] = JSON.parse(Deno.readTextFileSync(output));
    for (const [i, model] of models.entries()) {
      const ours = await logitsOf(model, model, tokens);
      // Both in single precision, in other orders of summation.
      const shape = [tokens.length, tokenizer.vocabSize];
      assertTensorsClose(kindName(kinds[i]), ours, theirs[i], shape, { relative: 1e-5 });
    }
  },
});
