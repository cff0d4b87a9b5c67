/**
 * What transformers.js encodes and decodes with (npm `@huggingface/tokenizers`) beside our encoder, on real text.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { Tokenizer as JsTokenizer } from "@huggingface/tokenizers";
import { saveByteLevelTokenizer, saveConfigFiles } from "../../tokenizers/mod.ts";
import { fuzzLines, inventedDocuments } from "../instruments/awkward_lines.ts";
import { temporaryFolder } from "../support/command_line.ts";
import { needsData, readTexts } from "../support/data.ts";
import { train } from "./support.ts";

function openJs(folder: string): JsTokenizer {
  const [tokenizer, config] = ["tokenizer.json", "tokenizer_config.json"].map((name) =>
    JSON.parse(Deno.readTextFileSync(join(folder, name)))
  );
  return new JsTokenizer(tokenizer, config);
}

const languages = ["en", "it", "la", "ms", "sr", "sw", "ur", "zh"];
const { path, ignore } = needsData("multilingual");

Deno.test({
  name:
    "saveByteLevelTokenizer(): transformers.js gives our ids and text on 1,000 lines of eight languages",
  ignore,
  async fn() {
    using folder = temporaryFolder();
    const data = join(path, "..");
    const texts = languages.map((language) =>
      readTexts(data, `multilingual/${language}`, "validation")
    );
    const documents = texts.flatMap((list) => list.slice(0, 150).map((text) => ({ text })));
    const ours = await train(documents, { vocabSize: 4000, maxTextBytes: 2 ** 21 });
    saveByteLevelTokenizer(folder.path, ours);
    saveConfigFiles(folder.path, ours);
    const theirs = openJs(folder.path);
    const lines = texts.flatMap((list) =>
      list.flatMap((text) => text.split("\n")).filter((line) => line !== "").slice(-125)
    );
    assert.equal(lines.length, 1000);
    for (const line of lines) {
      const ids = [...ours.encode(line)];
      assert.deepEqual(theirs.encode(line, { add_special_tokens: false }).ids, ids, line);
      assert.equal(theirs.decode(ids), line);
    }
  },
});

for (
  const [name, config] of Object.entries(
    {
      plain: {},
      normalised: { normalizationRule: "nfkc", removeExtraWhitespaces: true },
      prefixed: { addDummyPrefix: true },
      nmt: { normalizationRule: "nmt_nfkc", removeExtraWhitespaces: true, addDummyPrefix: true },
      lines: { splitByWhitespace: false },
      symbols: { userDefinedSymbols: ["<mask>", "ba"] },
    } as const,
  )
) {
  Deno.test(`saveByteLevelTokenizer(), ${name}: transformers.js gives our ids and text of awkward lines`, async () => {
    using folder = temporaryFolder();
    const ours = await train(inventedDocuments(60), { vocabSize: 500, ...config });
    saveByteLevelTokenizer(folder.path, ours);
    saveConfigFiles(folder.path, ours);
    const theirs = openJs(folder.path);
    // It takes special pieces in a text for these; the full-width tilde only we keep.
    const lines = fuzzLines(300, name).filter((line) =>
      !/<\/?s>|<(unk|pad|start|delimiter|extract)>/.test(line) &&
      !(name === "nmt" && line.includes("～"))
    );
    for (const line of lines) {
      const ids = [...ours.encode(line)];
      assert.deepEqual(
        theirs.encode(line, { add_special_tokens: false }).ids,
        ids,
        JSON.stringify(line),
      );
      if (ids.length > 0) assert.equal(theirs.decode(ids), ours.decode(ids), JSON.stringify(line));
    }
  });
}
