import assert from "node:assert/strict";
import fc from "fast-check";
import { firstByteId } from "../../tokenizers/mod.ts";
import { pieceTexts, segmentations, tokenizerOf } from "./support.ts";

Deno.test("encode() takes the segmentation with the highest sum of log probabilities", () => {
  const tokenizer = tokenizerOf({ a: 0.1, b: 0.1, ab: 0.02, " ": 0.2, " a": 0.05, c: 0.3 });
  assert.deepEqual(pieceTexts(tokenizer, "ab"), ["ab"]); // 0.02 > 0.1 × 0.1
  assert.deepEqual(pieceTexts(tokenizer, " ab"), ["▁a", "b"]); // 0.05 × 0.1 > 0.2 × 0.02
  assert.deepEqual(pieceTexts(tokenizer, "abcab"), ["ab", "c", "ab"]);
});

Deno.test("encode() agrees with all segmentations written out", () => {
  const alphabet = ["a", "é", "山", "😀"];
  const piece = fc.string({ unit: fc.constantFrom(...alphabet), minLength: 2, maxLength: 4 });
  // powers of two, so that sums of whole exponents decide and equal sums are exactly equal
  const exponents = fc.dictionary(piece, fc.integer({ min: 1, max: 12 }), { maxKeys: 12 });
  const text = fc.string({ unit: fc.constantFrom(...alphabet), minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(exponents, text, (pieces, text) => {
      const all: Record<string, number> = { ...pieces };
      for (const [i, character] of alphabet.entries()) all[character] = 3 + i;
      const tokenizer = tokenizerOf(
        Object.fromEntries(Object.entries(all).map(([p, e]) => [p, 2 ** -e])),
      );
      const exponentOf = (way: string[]) => way.reduce((total, p) => total + all[p], 0);
      const ways = segmentations(text, Object.keys(all));
      const least = Math.min(...ways.map(exponentOf));
      const found = pieceTexts(tokenizer, text);
      assert.equal(found.join(""), text);
      assert.equal(exponentOf(found), least);
    }),
    { seed: 4, numRuns: 100 },
  );
});

Deno.test("encode() breaks ties for the longer last piece, whatever stands before", () => {
  // ab, c and a, bc are both 1/16 × 1/4: sums of the same two logarithms
  const tokenizer = tokenizerOf({ a: 0.25, c: 0.25, ab: 0.0625, bc: 0.0625, x: 0.25 });
  assert.deepEqual(pieceTexts(tokenizer, "abc"), ["a", "bc"]);
  for (const before of ["x ", "xxxx\n", "x x x "]) {
    assert.deepEqual(pieceTexts(tokenizer, before + "abc").slice(-2), ["a", "bc"], before);
  }
});

Deno.test("encode() writes characters without a piece in bytes", () => {
  const tokenizer = tokenizerOf({ a: 0.5, "aé": 0.0001 });
  assert.deepEqual(pieceTexts(tokenizer, "a€"), ["a", "<0xE2>", "<0x82>", "<0xAC>"]);
  assert.deepEqual([...tokenizer.encode("é")], [firstByteId + 0xc3, firstByteId + 0xa9]);
  // "a" and an unknown character score ln 0.5 + (ln 0.0001 - 10): the piece wins
  assert.deepEqual(pieceTexts(tokenizer, "aé"), ["aé"]);
  assert.deepEqual(pieceTexts(tokenizer, "▁ a"), ["<0xE2>", "<0x96>", "<0x81>", "<0x20>", "a"]);
});

Deno.test("encode() gives a word the same ids from its cache, beside it, and in long words", () => {
  const tokenizer = tokenizerOf({ a: 0.2, b: 0.1, ab: 0.05, aba: 0.01, "\0": 0.01, " ": 0.1 });
  // words of 1 to 24 bytes: cached up to 16 bytes and 7 pieces; NUL bytes look like padding
  const words = Array.from({ length: 24 }, (_, n) => "ab\0ba".repeat(5).slice(0, n + 1));
  words.push("a", "a\0", "a\0\0", "ab\0", "b\0", "\0", "\0\0");
  const alone = words.map((word) => [
    ...tokenizerOf({ // a fresh tokenizer has an empty cache
      a: 0.2,
      b: 0.1,
      ab: 0.05,
      aba: 0.01,
      "\0": 0.01,
      " ": 0.1,
    }).encode(word),
  ]);
  for (let pass = 0; pass < 2; pass++) {
    words.forEach((word, i) => assert.deepEqual([...tokenizer.encode(word)], alone[i], word));
    assert.deepEqual(
      [...tokenizer.encode(words.join("\n"))].filter((id) => id !== firstByteId + 10),
      alone.flat(),
    );
  }
});
