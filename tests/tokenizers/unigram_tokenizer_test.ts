import assert from "node:assert/strict";
import fc from "fast-check";
import { specialIds, specialPieces, UnigramTokenizer } from "../../tokenizers/mod.ts";
import { inventedDocuments, tokenizerOf, train } from "./support.ts";

Deno.test("decode(encode(text)) is the text, whatever it holds", async () => {
  const tokenizer = await train(inventedDocuments(60), { vocabSize: 500 });
  const awkward = fc.constantFrom(
    " ",
    "   ",
    "          ",
    "\n",
    "\t",
    "\r\n",
    "\0",
    "▁",
    "▁▁",
    "\u00a0",
    "\ufeff",
    "\u200f",
    "\u202e",
    "e\u0301",
    "👩‍👩‍👧‍👦",
    "🇮🇹",
    "\uffff",
    "\u{10ffff}",
    "</s>",
    "<0x0A>",
    "<unk>",
    "balo",
    "山水",
    "жало",
  );
  const text = fc.array(fc.oneof(awkward, fc.string({ unit: "binary", maxLength: 4 })), {
    maxLength: 12,
  });
  fc.assert(
    fc.property(text, (parts) => {
      const joined = parts.join("");
      const ids = tokenizer.encode(joined);
      assert.equal(tokenizer.decode(ids), joined);
      const bytes = ids.reduce((total, id) => total + tokenizer.byteLength(id), 0);
      assert.equal(bytes, new TextEncoder().encode(joined).length);
      assert.ok(ids.every((id) => id >= specialPieces.length), "no special piece");
    }),
    { seed: 5, numRuns: 500 },
  );
});

Deno.test("decode(encode(text)) is the text for very long words and runs", async () => {
  const tokenizer = await train(inventedDocuments(60), { vocabSize: 500 });
  for (const part of [" ", "a", "\n  ", "山水", "😀"]) {
    const text = part.repeat(50_000);
    assert.equal(tokenizer.decode(tokenizer.encode(text)), text);
  }
  assert.equal(tokenizer.encode("").length, 0);
});

Deno.test("encode() reads a lone surrogate as U+FFFD", () => {
  const tokenizer = tokenizerOf({ a: 0.5 });
  assert.equal(tokenizer.decode(tokenizer.encode("a\ud800b")), "a\ufffdb");
});

Deno.test("UnigramTokenizer lays out special, byte and learned pieces", () => {
  const tokenizer = tokenizerOf({ a: 0.5, " é": 0.25, b: 0.25 });
  assert.equal(tokenizer.vocabSize, specialPieces.length + 256 + 3);
  assert.deepEqual([0, 6, 7, 17, 262, 263, 264, 265].map((id) => tokenizer.piece(id)), [
    "<unk>",
    "<extract>",
    "<0x00>",
    "<0x0A>",
    "<0xFF>",
    "a",
    "▁é",
    "b", // equal scores: " " is before "b"
  ]);
  assert.deepEqual([0, 6, 7, 262, 263, 264].map((id) => tokenizer.byteLength(id)), [
    0,
    0,
    1,
    1,
    1,
    3,
  ]);
  assert.equal(tokenizer.decode([specialIds.begin, 263, 264, specialIds.end, 265]), "a éb");
});

Deno.test("UnigramTokenizer refuses ids and pieces that are none", () => {
  const tokenizer = tokenizerOf({ a: 0.5 });
  for (const id of [-1, 264, 1.5, NaN]) {
    assert.throws(() => tokenizer.piece(id), {
      name: "RangeError",
      message: `Cannot look up piece ${id}: expected an id from 0 to 263`,
    });
    assert.throws(() => tokenizer.decode([id]), RangeError);
  }
  const refuse = (pieces: { text: string; logProb: number }[], message: RegExp) =>
    assert.throws(() => new UnigramTokenizer(pieces), { name: "RangeError", message });
  refuse(
    [{ text: "a", logProb: -2 }, { text: "b", logProb: -1 }],
    /piece 1: expected pieces by descending/,
  );
  refuse(
    [{ text: "b", logProb: -1 }, { text: "a", logProb: -1 }],
    /piece 1: expected pieces by descending/,
  );
  refuse(
    [{ text: "a", logProb: -1 }, { text: "a", logProb: -2 }],
    /piece 1: expected pieces that differ, found "a" again/,
  );
  refuse([{ text: "", logProb: -1 }], /piece 0: expected a piece of well-formed text, found ""/);
  refuse([{ text: "▁a", logProb: -1 }], /well-formed text/);
  refuse([{ text: "\ud800", logProb: -1 }], /well-formed text/);
  refuse([{ text: "a", logProb: 0.5 }], /expected a log probability below 0, found 0.5/);
  refuse([{ text: "a", logProb: -Infinity }], /log probability/);
});
