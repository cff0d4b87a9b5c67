import assert from "node:assert/strict";
import fc from "fast-check";
import { wordEnd, wordPattern } from "../../tokenizers/unigram/words.ts";

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
