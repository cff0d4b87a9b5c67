import assert from "node:assert/strict";
import { join } from "node:path";
import { Tokenizer as NpmTokenizer } from "tokenizers";
import { openTokenizer, UnigramTokenizer } from "../../tokenizers/mod.ts";
import {
  loadSentencePiece,
  modelJson,
  saveModelJson,
  saveSentencePiece,
  sentencePieceModelOf,
} from "../../tokenizers/sentencepiece/mod.ts";
import { temporaryFolder } from "../instruments/foreign_files.ts";
import { fuzzLines, inventedDocuments } from "../instruments/awkward_lines.ts";
import { lacksSpm, spmTrain } from "../support/spm.ts";
import { tokenizerOf, train } from "./support.ts";

const natural = inventedDocuments(65).map(({ text }) => text);

/** Saves a model as tokenizer.json and compares ids on lines. */
async function sameIds(path: string, lines: readonly string[]): Promise<void> {
  const ours = loadSentencePiece(path);
  const json = join(path, "..", "model.json");
  saveModelJson(json, ours.model);
  const theirs = NpmTokenizer.fromFile(json);
  for (const line of lines) {
    const expected = await theirs.encode(line, null, { addSpecialTokens: false });
    assert.deepEqual([...ours.encode(line)], expected.getIds(), JSON.stringify(line));
  }
  using opened = await openTokenizer(json); // through the same package, as any other file
  assert.equal(opened.kind, "foreign");
  assert.deepEqual(opened.encode(natural[0]), ours.encode(natural[0]));
  assert.equal(opened.decode(opened.encode(natural[0])), ours.decode(ours.encode(natural[0])));
}

Deno.test("modelJson() gives npm tokenizers the ids of a model of ours", async () => {
  using folder = temporaryFolder();
  const lines = [...fuzzLines(150), ...natural.slice(60)]
    .filter((line) => !/[▁\0]|<(?:unk|0x|\/?s|pad)/.test(line)); // signs of the file: see `model_json.ts`
  for (const flags of [{}, { addDummyPrefix: true, removeExtraWhitespaces: true }]) {
    const ours = await train(natural.map((text) => ({ text })), { vocabSize: 500, ...flags });
    const path = join(folder.path, "ours.model");
    saveSentencePiece(path, sentencePieceModelOf(ours));
    await sameIds(path, lines);
  }
});

Deno.test({
  name:
    "modelJson() gives npm tokenizers the ids of a model of SentencePiece, rules of normalisation included",
  ignore: lacksSpm,
  fn: async () => {
    using folder = temporaryFolder();
    const corpus = folder.write("corpus.txt", natural.join("\n") + "\n");
    const path = spmTrain(folder.path, "spm", corpus, "--vocab_size=150");
    await sameIds(path, [...natural, "ﬁne  ①②  Ｗｉｄｅ\u00a0x ", " é e\u0301 "]);
  },
});

Deno.test("text decodes to the same in npm tokenizers but for unknown pieces, which are dropped there", async () => {
  using folder = temporaryFolder();
  const { learned, settings } = tokenizerOf({ low: 0.2, " lo": 0.1, l: 0.05, o: 0.04, w: 0.03 });
  const own = new UnigramTokenizer(learned, { ...settings, byteFallback: false });
  const json = join(folder.path, "model.json");
  saveSentencePiece(join(folder.path, "own.model"), sentencePieceModelOf(own));
  const ours = loadSentencePiece(join(folder.path, "own.model"));
  saveModelJson(json, ours.model);
  const theirs = NpmTokenizer.fromFile(json);
  for (
    const [text, here, there] of [["low lo", "low lo", "low lo"], [
      "low?! lo",
      "low \u2047  lo",
      "low lo",
    ]]
  ) {
    const ids = [...ours.encode(text)];
    assert.deepEqual((await theirs.encode(text, null, { addSpecialTokens: false })).getIds(), ids);
    assert.equal(ours.decode(ids), here);
    assert.equal(await theirs.decode(ids, true), there);
  }
});

Deno.test("modelJson() refuses what the format cannot say", async () => {
  const ours = await train(inventedDocuments(60), {
    vocabSize: 500,
    userDefinedSymbols: ["<mask>"],
  });
  assert.throws(
    () => modelJson(sentencePieceModelOf(ours)),
    /expected a model that the format can say, found one with user-defined or unused pieces/,
  );
});
