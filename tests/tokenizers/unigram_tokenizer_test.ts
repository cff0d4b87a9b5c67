import assert from "node:assert/strict";
import fc from "fast-check";
import { specialIds, specialPieces, UnigramTokenizer } from "../../tokenizers/mod.ts";
import { inventedDocuments } from "../instruments/awkward_lines.ts";
import { tokenizerOf, train } from "./support.ts";

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

/** A vocabulary of characters that normalises text, with symbols of its own. */
function normalising(userDefinedSymbols: string[] = []) {
  const { learned, settings } = tokenizerOf({
    f: 0.2,
    i: 0.15,
    é: 0.1,
    " é": 0.05,
    가: 0.04,
    A: 0.03,
  });
  return new UnigramTokenizer(learned, {
    ...settings,
    userDefinedSymbols,
    normalizationRule: "nmt_nfkc",
    removeExtraWhitespaces: true,
    addDummyPrefix: true,
  });
}

Deno.test("encodeWithOffsets() gives places in the text as it was before normalisation", () => {
  const tokenizer = normalising();
  const text = "  ﬁe\u0301  \u0007é\u1100\u1161Ａ😀 ";
  const { ids, starts, ends } = tokenizer.encodeWithOffsets(text);
  assert.deepEqual(ids, tokenizer.encode(text));
  const found = Array.from(ids, (id, i) => [tokenizer.piece(id), starts[i], ends[i]]);
  assert.deepEqual(found, [
    ["<0x20>", 2, 2], // put in front
    ["f", 2, 3], // both letters are all of ﬁ, as in Hugging Face's library
    ["i", 2, 3],
    ["é", 3, 5],
    ["▁é", 5, 9], // a run of spaces, a bell that goes, é
    ["가", 9, 11],
    ["A", 11, 12],
    ["<0xF0>", 12, 12], // the last byte stands for the character
    ["<0x9F>", 12, 12],
    ["<0x98>", 12, 12],
    ["<0x80>", 12, 14],
  ]);
});

Deno.test("encodeWithOffsets() gives the ids of encode() with normalisation and symbols, and places in order", () => {
  const tokenizer = normalising(["é", "<mask>", "ＡＡ"]);
  const piece = fc.constantFrom(..."fié가ＡﬁA<e\u0301\u0007 \t😀", "<mask>", "  ", "\ud800");
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (parts) => {
      const text = parts.join("");
      const { ids, starts, ends } = tokenizer.encodeWithOffsets(text);
      assert.deepEqual(ids, tokenizer.encode(text));
      for (let i = 0; i < ids.length; i++) {
        assert.ok(starts[i] <= ends[i] && ends[i] <= text.length, text);
        assert.ok(i === 0 || starts[i] >= starts[i - 1], text);
        if (tokenizer.piece(ids[i]) === "<mask>") {
          assert.equal(text.slice(starts[i], ends[i]), "<mask>");
        }
      }
    }),
    { seed: 7, numRuns: 500 },
  );
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
  refuse([{ text: "a", logProb: 0.5 }], /expected a log probability of at most 0, found 0.5/);
  refuse([{ text: "a", logProb: -Infinity }], /log probability/);
});
