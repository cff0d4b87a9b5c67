import assert from "node:assert/strict";
import fc from "fast-check";
import { UnigramEncoder } from "../../tokenizers/unigram/unigram_encoder.ts";
import { joinTexts } from "../../tokenizers/unigram/utf8.ts";
import { stretchEnd, wordEnd, wordPattern } from "../../tokenizers/unigram/words.ts";

function wordsOf(text: string): string[] {
  const bytes = new TextEncoder().encode(text);
  const words: string[] = [];
  for (let at = 0, to = 0; at < bytes.length; at = to) {
    to = wordEnd(bytes, at, bytes.length);
    words.push(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(at, to)));
  }
  return words;
}

Deno.test("wordEnd() gives a word the one space before it, and white space its own words", () => {
  assert.deepEqual(wordsOf("a bc  d"), ["a", " bc", " ", " d"]);
  assert.deepEqual(wordsOf("a\n    b"), ["a", "\n   ", " b"]);
  assert.deepEqual(wordsOf("a\n\nb\t c "), ["a", "\n\n", "b", "\t", " c", " "]);
  assert.deepEqual(wordsOf("\u00a0x \u3000y"), ["\u00a0x", " \u3000y"]); // other spaces are characters of words
});

Deno.test("wordEnd() cuts as the regular expression in our files does", () => {
  const pattern = new RegExp(wordPattern, "g");
  const text = fc.array(
    fc.constantFrom(" ", "  ", "\n", "\t", "\r", "a", "é", "山", "😀", "\0", "▁"),
  );
  fc.assert(
    fc.property(text, (parts) => {
      const joined = parts.join("");
      assert.deepEqual(wordsOf(joined), joined.match(pattern) ?? []);
    }),
    { seed: 1, numRuns: 300 },
  );
});

Deno.test("the encoder's words are those that are counted in training", () => {
  const pieces = {
    strings: joinTexts(["a"]),
    scores: Float64Array.of(-1),
    ids: Int32Array.of(1),
    unknownScore: -11,
    unknown: { id: 0 },
  };
  const rules = { "white-space": wordEnd, stretches: stretchEnd } as const;
  const text = fc.string({ unit: fc.constantFrom(" ", "\n", "\t", "\r", "a", "山", "\0") });
  for (const words of ["white-space", "stretches"] as const) {
    const encoder = new UnigramEncoder(pieces, { words });
    fc.assert(
      fc.property(text, (text) => {
        const bytes = new TextEncoder().encode(text);
        const ends: number[] = [];
        for (let at = 0; at < bytes.length;) {
          ends.push(at = rules[words](bytes, at, bytes.length));
        }
        assert.deepEqual(encoder.wordEnds(bytes, 0, bytes.length), ends);
      }),
      { seed: 1, numRuns: 300 },
    );
  }
});
