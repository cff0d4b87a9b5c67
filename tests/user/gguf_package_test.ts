/**
 * Files of the form `gguf` as the hub's pages see them: npm `@huggingface/gguf` reads keys and tensors.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { gguf } from "../../commands/exports/gguf.ts";
import { countParameters, parameterShapes } from "../../model/mod.ts";
import { ggufName } from "../../model/gguf/mod.ts";
import { inventedDocuments } from "../instruments/awkward_lines.ts";
import { train } from "../tokenizers/support.ts";
import { temporaryFolder } from "../support/command_line.ts";
import { networkKinds, randomModel } from "../support/exported_model.ts";
import { ggufPackageMissing, readByPackage } from "../support/gguf_package/gguf_package.ts";

const missing = await ggufPackageMissing();

Deno.test({
  name: `export --as gguf: npm @huggingface/gguf reads the keys and tensors that were written${
    missing === undefined ? "" : ` (skipped: ${missing})`
  }`,
  ignore: missing !== undefined,
  async fn() {
    using folder = temporaryFolder();
    const tokenizer = await train(inventedDocuments(40), { vocabSize: 320 });
    const model = await randomModel(networkKinds[4], tokenizer);
    await gguf.write(model, folder.path);
    const { metadata, tensorInfos, parameterCount } = await readByPackage(
      join(folder.path, "model-F16.gguf"),
    );
    assert.equal(metadata["general.architecture"], "mpt");
    assert.equal(metadata["mpt.embedding_length"], 24);
    assert.equal(metadata["tokenizer.ggml.add_eos_token"], false);
    const tokens = metadata["tokenizer.ggml.tokens"] as string[];
    assert.deepEqual([tokens.length, tokens[2]], [320, "</s>"]);
    const expected = Object.entries(parameterShapes(model.config)).map(([name, shape]) => ({
      name: ggufName(name),
      shape: [...shape].reverse(),
      dtype: shape.length > 1 ? 1 : 0,
    }));
    const found = tensorInfos.map(({ name, shape, dtype }) => ({ name, shape, dtype }));
    assert.deepEqual(found, expected);
    assert.equal(parameterCount, countParameters(model.config).total);
  },
});
