/**
 * The options of training that have SentencePiece's names.
 */
import assert from "node:assert/strict";
import {
  trainPieces,
  trainUnigram,
  type UnigramConfig,
  unigramDefaults,
} from "../../tokenizers/mod.ts";
import { normalizerOf } from "../../tokenizers/unigram/normalizer.ts";
import { inventedDocuments } from "../instruments/awkward_lines.ts";
import { countsOf, noSpill, pieceTexts, train } from "./support.ts";
import { cutIntoSegments } from "../../tokenizers/unigram/segments.ts";

const documents = inventedDocuments(80);

async function textsOf(
  texts: readonly string[],
  config: Partial<UnigramConfig>,
): Promise<string[]> {
  const pieces = await trainPieces(texts.map((text) => ({ text })), {
    ...unigramDefaults,
    ...config,
  });
  return pieces.map(({ text }) => text);
}

Deno.test("splitDigits gives each digit a piece of its own", async () => {
  const texts = Array.from({ length: 200 }, (_, i) => `in ${1990 + i % 10} and x12y`);
  const whole = await textsOf(texts, { vocabSize: 300 });
  assert.ok(whole.some((text) => /\d\d/.test(text)));
  const split = await textsOf(texts, { vocabSize: 284, splitDigits: true });
  assert.deepEqual(split.filter((text) => /\d/.test(text)).sort(), [..."0123456789"]);
});

Deno.test("splitByWhitespace: false lets pieces hold several words of a line, not line ends", async () => {
  const texts = Array.from({ length: 300 }, (_, i) => `for i in range(${i}):\n    print(i)\n`);
  const config = { vocabSize: 310 };
  const split = await textsOf(texts, config);
  assert.ok(split.every((text) => !/\S /.test(text)));
  const joined = await textsOf(texts, { ...config, splitByWhitespace: false });
  assert.ok(joined.includes("for i in range"), joined.join("|"));
  assert.ok(joined.every((text) => !/\n./.test(text.replace(/\n+/g, "\n"))));
});

Deno.test("byteFallback: false leaves its 256 rows to what is learned", async () => {
  const fewer = await trainPieces(documents, { ...unigramDefaults, vocabSize: 400 });
  const config = { ...unigramDefaults, vocabSize: 400 - 256, byteFallback: false };
  assert.deepEqual(await trainPieces(documents, config), fewer);
});

Deno.test("userDefinedSymbols are one token each wherever they stand, and are not learned from", async () => {
  const symbols = ["<sep>", "ab", "abc.*"];
  const texts = Array.from({ length: 100 }, (_, i) => `abc.*de <sep>${i}deab fgab<sep>`);
  const learned = await textsOf(texts, { vocabSize: 282, userDefinedSymbols: symbols });
  assert.ok(learned.length === 282 - 263 - 3);
  assert.ok(learned.every((text) => !/[<>*bs]/.test(text)), learned.join("|"));
  const tokenizer = await train(texts.map((text) => ({ text })), {
    vocabSize: 282,
    userDefinedSymbols: symbols,
  });
  assert.equal(tokenizer.vocabSize, 282);
  const pieces = pieceTexts(tokenizer, "abc.*de<sep>deab");
  for (const symbol of symbols) assert.equal(pieces.filter((p) => p === symbol).length, 1, symbol);
});

Deno.test("controlSymbols take rows and never look like a learned piece", async () => {
  const texts = Array.from({ length: 60 }, () => "mask the mask of masks");
  const learned = await textsOf(texts, { vocabSize: 280, controlSymbols: ["mask", " mask"] });
  assert.equal(learned.length, 280 - 263 - 2);
  assert.ok(!learned.includes("mask") && !learned.includes(" mask"));
  const clash = textsOf(texts, { vocabSize: 280, controlSymbols: ["m"] });
  await assert.rejects(clash, {
    name: "StageError",
    message: /expected controlSymbols that are no characters of the text, found "m"/,
  });
});

Deno.test("trainPieces() refuses symbols that are special, empty or twice the same", async () => {
  for (const symbols of [["</s>"], ["<0x0A>"], [""], ["a", "a"], ["\ud800"]]) {
    for (const field of ["userDefinedSymbols", "controlSymbols"] as const) {
      await assert.rejects(textsOf(["a"], { [field]: symbols }), {
        name: "RangeError",
        message: new RegExp(`expected ${field} to be a list of different texts`),
      });
    }
  }
  const twice = { userDefinedSymbols: ["<a>"], controlSymbols: ["<b>", "<a>"] };
  await assert.rejects(textsOf(["a"], twice), {
    message: /expected controlSymbols to be .*, or in userDefinedSymbols, found \["<b>","<a>"\]/,
  });
});

Deno.test("normalizerOf() follows each rule", () => {
  const normal = (rule: UnigramConfig["normalizationRule"], text: string, flags = {}) =>
    normalizerOf({ ...unigramDefaults, normalizationRule: rule, ...flags })(text);
  assert.equal(normal("identity", "ﬁ e\u0301\t"), "ﬁ e\u0301\t");
  assert.equal(normal("nfc", "ﬁ e\u0301\t"), "ﬁ é\t");
  assert.equal(normal("nfkc", "ﬁ e\u0301\t～Ａ"), "fi é\t~A");
  // What Debian's spm_normalize 0.1.97 gives, but for the white space at the end.
  assert.equal(normal("nmt_nfkc", "ﬁ\t～Ａ\u0007\u200b①\u3000\u200d"), "fi ～A 1 \u200d");
  const flags = { removeExtraWhitespaces: true, addDummyPrefix: true };
  assert.equal(normal("identity", "  a   b ", flags), " a b");
  assert.equal(normal("identity", "   ", flags), "");
  assert.equal(normal("identity", "  a ", { addDummyPrefix: true }), "  a ");
});

Deno.test("normalizationRule shows in what is learned", async () => {
  const texts = ["ＡＢＣ ＡＢＣ abc ①".repeat(30)];
  assert.ok((await textsOf(texts, { vocabSize: 274 })).some((text) => text.includes("Ａ")));
  const learned = await textsOf(texts, { vocabSize: 274, normalizationRule: "nfkc" });
  assert.ok(learned.every((text) => /^[ ABCabc1]+$/.test(text)), learned.join("|"));
});

Deno.test("userDefinedSymbols are cut before text is normalised, as in encoding", async () => {
  // NFKC would make "½" of the symbol three characters, and learn them.
  const documents = Array.from(
    { length: 20 },
    (_, i) => ({ text: `low½lower ${"new ".repeat(i)}` }),
  );
  const config = {
    ...unigramDefaults,
    vocabSize: 275,
    characterCoverage: 1,
    normalizationRule: "nfkc",
    userDefinedSymbols: ["½"],
  } as const;
  const tokenizer = await trainUnigram(documents, config);
  assert.equal(tokenizer.learned.some(({ text }) => /[12⁄]/.test(text)), false);
  assert.deepEqual(
    Array.from(tokenizer.encode("½"), (id) => tokenizer.piece(id)),
    ["½"],
  );
});

Deno.test("maxSegmentCharacters keeps the commonest segments, and a sample of equally common ones", () => {
  const words: Record<string, number> = { often: 9, twice: 2 };
  for (let i = 0; i < 2000; i++) {
    words[`w${i.toString(9).replace(/\d/g, (d) => "abcdefghi"[+d])}`] = 1;
  }
  const counts = countsOf(words);
  const rules = { ...unigramDefaults, characterCoverage: 1, splitByScript: false };
  const lengthOf = (most: number) => {
    const cut = cutIntoSegments(counts, { ...rules, maxSegmentCharacters: most }, noSpill);
    const characters = cut.text.filter((character) => character >= 0);
    assert.equal(characters.length, cut.starts.at(-1));
    assert.equal(new Set(characters).size, cut.alphabet.length, "each character is held");
    return { length: characters.length, counts: [...cut.counts] };
  };
  // 5 + 5 characters and no room for more; a, b, d, g and h are in neither, and each alone
  assert.deepEqual(lengthOf(12).counts.toSorted(), [1, 1, 1, 1, 1, 2, 9]);
  const { length, counts: kept } = lengthOf(500);
  assert.ok(length <= 500 + 8 && length > 300, `${length}`);
  assert.ok(kept.includes(9) && kept.includes(2));
});

Deno.test("trainPieces() says what is wrong with a corpus too small, and takes one of one character", async () => {
  await assert.rejects(textsOf([], { vocabSize: 300 }), {
    name: "StageError",
    message: /at most 263, the largest possible for this text .* found 300; the text is empty/,
  });
  assert.deepEqual(await textsOf(["a"], { vocabSize: 264 }), ["a"]);
  await assert.rejects(textsOf(["a"], { vocabSize: 265 }), /at most 264/);
  await assert.rejects(textsOf(["a b c"], { vocabSize: 265 }), {
    name: "StageError",
    message: /at least 267 \(4 characters with a piece each/,
  });
  assert.ok(await textsOf(["a".repeat(300_000)], { vocabSize: 270 }), "one letter without end");
});
