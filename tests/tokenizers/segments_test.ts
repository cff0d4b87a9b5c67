import assert from "node:assert/strict";
import { cutIntoSegments } from "../../tokenizers/unigram/segments.ts";
import { countsOf, noSpill } from "./support.ts";

const rules = {
  characterCoverage: 1,
  splitByScript: true,
  splitByNumber: true,
  splitDigits: false,
  maxSegmentCharacters: 2 ** 20,
};

function cut(
  words: Record<string, number>,
  changed: Partial<typeof rules> = {},
): Record<string, number> {
  const { alphabet, text, starts, counts } = cutIntoSegments(
    countsOf(words),
    { ...rules, ...changed },
    noSpill,
  );
  const texts = Array.from(counts, (_, s) => {
    const places = text.subarray(starts[s] + s, starts[s + 1] + s);
    return String.fromCodePoint(...Array.from(places, (place) => alphabet[place]));
  });
  return Object.fromEntries(texts.map((text, s) => [text, counts[s]]));
}

Deno.test("cutIntoSegments() cuts where the class of characters changes", () => {
  assert.deepEqual(cut({ " f(x1)=мир!": 2 }), {
    " f": 2, // the space goes with its word
    "(": 2,
    "x": 2,
    "1)=": 2, // digits, punctuation and symbols are one class
    "мир": 2,
    "!": 2,
  });
  assert.deepEqual(cut({ "日本のテーブル": 1 }), { "日本のテーブル": 1 });
  assert.deepEqual(cut({ "e\u0301te\u0301": 1 }), { "e\u0301te\u0301": 1 }); // combining marks join
  assert.deepEqual(cut({ "\n   ": 4 }), { "\n   ": 4 });
});

Deno.test("cutIntoSegments() counts what different words share once", () => {
  assert.deepEqual(cut({ "ab!": 2, "ab?": 3 }), { "ab": 5, "!": 2, "?": 3 });
});

Deno.test("cutIntoSegments() follows splitByScript and splitByNumber", () => {
  assert.deepEqual(cut({ "x1(ж": 1 }, { splitByNumber: false }), { "x1": 1, "(": 1, "ж": 1 });
  assert.deepEqual(cut({ "x1(ж": 1 }, { splitByScript: false }), { "x": 1, "1": 1, "(ж": 1 });
  assert.deepEqual(cut({ "x1(ж": 1 }, { splitByScript: false, splitByNumber: false }), {
    "x1(ж": 1,
  });
});

Deno.test("cutIntoSegments() covers the commonest characters and cuts at the rest", () => {
  // a 6 of 10, b 3, c 1: covering 0.9 takes a and b
  assert.deepEqual(cut({ "aca": 1, "aab": 2, "b": 1 }, { characterCoverage: 0.9 }), {
    "a": 2,
    "aab": 2,
    "b": 1,
  });
  // b and c are equally common: the lower code point is first
  assert.deepEqual(cut({ "aaacb": 1 }, { characterCoverage: 0.8 }), { "aaa": 1, "b": 1 });
});

Deno.test("cutIntoSegments() gives a literal ▁ no piece", () => {
  assert.deepEqual(cut({ "a▁b": 1 }), { "a": 1, "b": 1 });
});

Deno.test("cutIntoSegments() cuts very long segments, so that lattices stay small", () => {
  assert.deepEqual(cut({ ["z".repeat(150)]: 1 }), { ["z".repeat(64)]: 2, ["z".repeat(22)]: 1 });
});
