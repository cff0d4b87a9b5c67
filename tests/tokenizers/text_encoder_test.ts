import assert from "node:assert/strict";
import fc from "fast-check";
import { joinTexts } from "../../tokenizers/parallel/mod.ts";
import { segmentations, tokenizerOf } from "./support.ts";

const probabilities = {
  a: 0.25,
  b: 0.25,
  c: 0.25,
  ab: 0.0625,
  bc: 0.125,
  abc: 0.03125,
  " a": 0.125,
  " ": 0.25,
};

Deno.test("encode() gives the best of all segmentations", () => {
  const tokenizer = tokenizerOf(probabilities);
  const text = fc.string({ unit: fc.constantFrom("a", "b", "c", " "), minLength: 1, maxLength: 7 });
  fc.assert(
    fc.property(text, (text) => {
      // words of `words.ts` are written apart
      const words = text.match(/ ?[^ ]+| +(?= [^ ])| +/g)!;
      const ways = words.map((word) => segmentations(word, Object.keys(probabilities)))
        .reduce((all, some) => all.flatMap((way) => some.map((more) => [...way, ...more])));
      const scoreOf = (way: readonly string[]) =>
        way.reduce((sum, p) => sum + Math.log(probabilities[p as "a"]), 0);
      const ids = tokenizer.encode(text);
      assert.equal(tokenizer.decode(ids), text);
      const found = Array.from(ids, (id) => tokenizer.piece(id).replaceAll("▁", " "));
      const best = Math.max(...ways.map(scoreOf));
      assert.ok(Math.abs(scoreOf(found) - best) < 1e-9, `${found}`); // other order of a few sums
    }),
    { seed: 8, numRuns: 200 },
  );
});

Deno.test("encodeWithOffsets() covers the text, whatever it holds", () => {
  const tokenizer = tokenizerOf({ a: 0.5, "é": 0.1, "😀": 0.05, " a": 0.1 });
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 12 }), (text) => {
      const { ids, starts, ends } = tokenizer.encodeWithOffsets(text);
      assert.deepEqual(ids, tokenizer.encode(text));
      const surfaces = Array.from(ids, (_, i) => text.slice(starts[i], ends[i]));
      assert.equal(surfaces.join(""), text);
    }),
    { seed: 9, numRuns: 300 },
  );
  const { starts, ends } = tokenizer.encodeWithOffsets("a€😀");
  assert.deepEqual([...starts], [0, 1, 1, 1, 2]); // of the three bytes of € the last stands for it
  assert.deepEqual([...ends], [1, 1, 1, 2, 4]);
});

Deno.test("encodeLines() and encodeTexts() give what encode() gives for each text", () => {
  const tokenizer = tokenizerOf({ a: 0.5, b: 0.2, ab: 0.1, " a": 0.1 });
  const texts = ["", "ab", " ab  a\tb", "x€", "", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa a"];
  const ids = texts.flatMap((text) => [...tokenizer.encode(text)]);
  const ends = texts.map((_, i) =>
    texts.slice(0, i + 1).reduce((sum, text) => sum + tokenizer.encode(text).length, 0)
  );
  const bytes = (text: string) => new TextEncoder().encode(text);
  for (const lines of [texts.join("\n"), texts.join("\n") + "\n"]) {
    const found = tokenizer.encodeLines(bytes(lines));
    assert.deepEqual([...found.ids], ids);
    assert.deepEqual([...found.ends], ends);
  }
  const batch = tokenizer.encodeTexts(joinTexts(texts));
  assert.deepEqual([[...batch.ids], [...batch.ends]], [ids, ends]);
  assert.deepEqual(tokenizer.encodeLines(new Uint8Array(0)).ends.length, 0);
  assert.deepEqual([...tokenizer.encodeLines(bytes("\n\n")).ends], [0, 0]);
});

Deno.test("encodeLines() names the offset of bytes that are not UTF-8, or replaces them", () => {
  const tokenizer = tokenizerOf({ a: 0.5 });
  const bytes = Uint8Array.of(0x61, 0x0a, 0x61, 0xc3, 0x61, 0xed, 0xa0, 0x80);
  assert.throws(() => tokenizer.encodeLines(bytes), {
    name: "SyntaxError",
    message: /expected UTF-8, found the bytes c3 61 ed a0 at offset 3/,
  });
  const { ids, ends } = tokenizer.encodeLines(bytes, "replace");
  assert.equal(tokenizer.decode(ids.subarray(ends[0])), "a\ufffda\ufffd\ufffd\ufffd");
});
