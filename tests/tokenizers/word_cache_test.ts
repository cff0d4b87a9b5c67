import assert from "node:assert/strict";
import { Random, seedOf } from "../../pipeline/base/mod.ts";
import {
  pieceKinds,
  type SentencePieceModel,
  SentencePieceTokenizer,
} from "../../tokenizers/sentencepiece/mod.ts";

const texts = ["▁", "a", "b", "é", ",", "▁a", "ab", "ba", "bab", "▁ba", "aba", "b,", "▁abab", "é,"];

const model: SentencePieceModel = {
  pieces: [
    { text: "<unk>", score: 0, kind: pieceKinds.unknown },
    // Many ways differ only in the order of their scores, and so in how their sums are rounded.
    ...texts.map((text, i) => ({
      text,
      score: Math.fround(-1.1 - (i % 5) * 0.7),
      kind: pieceKinds.normal,
    })),
  ],
  byteFallback: false,
  whitespaceIsSuffix: false,
  unknownSurface: " ⁇ ",
  normalizer: {
    name: "identity",
    charsmap: new Uint8Array(0),
    addDummyPrefix: true,
    removeExtraWhitespaces: true,
    escapeWhitespaces: true,
  },
  denormalizer: undefined,
  rest: new Uint8Array(0),
};

/** Lines of words of 1 to 20 letters, known and unknown characters, marks at their ends, spaces and control characters. */
function randomLines(count: number): string[] {
  const random = new Random(seedOf(11, "tests/word-cache"));
  const one = (of: string) => of[random.below(of.length)];
  const word = () =>
    Array.from({ length: 1 + random.below(1 + random.below(20)) }, () => one("aabbé")).join("");
  return Array.from({ length: count }, () =>
    Array.from(
      { length: random.below(30) },
      () => word() + one(",,,?X\0    ") + one("          \t"),
    ).join(" "));
}

for (const exactTies of [false, true]) {
  Deno.test(
    `encodeLines() gives words from its cache the ids they have without, ${
      exactTies ? "ties as in SentencePiece" : "ties by the word"
    }`,
    () => {
      const tokenizer = new SentencePieceTokenizer(model, { exactTies });
      const lines = randomLines(3000); // more words than the smallest table has entries
      const bytes = new TextEncoder().encode(lines.map((line) => line + "\n").join(""));
      for (let pass = 0; pass < 2; pass++) {
        const { ids, ends } = tokenizer.encodeLines(bytes);
        assert.equal(ends.length, lines.length);
        lines.forEach((line, i) => {
          // What `encodeWithOffsets` gives is found without the cache, in the line as a whole.
          const expected = tokenizer.encodeWithOffsets(line).ids;
          assert.deepEqual(ids.slice(ends[i - 1] ?? 0, ends[i]), expected, JSON.stringify(line));
        });
      }
    },
  );
}
