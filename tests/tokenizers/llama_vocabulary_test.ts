/**
 * A vocabulary as llama.cpp reads it. What llama.cpp makes of it is compared in `tests/user/llama_cpp_test.ts`.
 */
import assert from "node:assert/strict";
import { unigramDefaults, UnigramTokenizer } from "../../tokenizers/mod.ts";
import { llamaVocabulary, sentencePieceModelOf } from "../../tokenizers/sentencepiece/mod.ts";

const pieces = [
  { text: " ", logProb: -1 },
  { text: "a", logProb: -2 },
  { text: "é", logProb: -2.5 },
  { text: "#", logProb: -3 },
];

Deno.test("llamaVocabulary() writes bytes of ASCII as text, but for characters that have a piece", () => {
  const tokenizer = new UnigramTokenizer(pieces);
  const { tokens, scores, kinds, lostIds } = llamaVocabulary(sentencePieceModelOf(tokenizer));
  const at = (id: number) => [tokens[id], scores[id], kinds[id]];
  const byte = (character: string) => 7 + character.charCodeAt(0);
  assert.deepEqual(at(0), ["<unk>", 0, 2]);
  assert.deepEqual(at(2), ["</s>", 0, 3]);
  assert.deepEqual(at(byte("\n")), ["\n", -13, 1]); // the lowest, −3, less 10
  assert.deepEqual(at(byte("b")), ["b", -13, 1]);
  assert.deepEqual(at(byte("a")), ["<0x61>", 0, 6]); // "a" stands there already
  assert.deepEqual(at(byte(" ")), ["<0x20>", 0, 6]);
  assert.deepEqual(at(7), ["<0x00>", 0, 6]);
  assert.deepEqual(at(7 + 0xc3), ["<0xC3>", 0, 6]);
  assert.deepEqual(at(7 + 256), ["▁", -1, 1]);
  assert.equal(new Set(tokens).size, tokens.length); // llama.cpp ends the process at two equal ones
  assert.deepEqual(lostIds, [7, ...Array.from({ length: 128 }, (_, i) => 7 + 128 + i)]);
});

Deno.test("llamaVocabulary() writes a space without a piece as the mark of spaces", () => {
  const tokenizer = new UnigramTokenizer(pieces.slice(1));
  const { tokens } = llamaVocabulary(sentencePieceModelOf(tokenizer));
  assert.equal(tokens[7 + 0x20], "▁");
});

Deno.test("llamaVocabulary() keeps symbols of the user, normalisation and what it does to spaces", () => {
  const settings = {
    ...unigramDefaults,
    userDefinedSymbols: ["b"],
    addDummyPrefix: true,
  } as const;
  const tokenizer = new UnigramTokenizer(pieces, settings);
  const model = sentencePieceModelOf(tokenizer);
  const charsmap = Uint8Array.of(4, 0, 0, 0);
  const found = llamaVocabulary({ ...model, normalizer: { ...model.normalizer, charsmap } });
  assert.deepEqual([found.tokens[7 + 256], found.kinds[7 + 256]], ["b", 4]);
  assert.equal(found.tokens[7 + 0x62], "<0x62>");
  assert.equal(found.charsmap, charsmap);
  assert.deepEqual([found.addsSpacePrefix, found.removesExtraWhitespaces], [true, false]);
});
