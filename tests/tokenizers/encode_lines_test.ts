/**
 * Many lines at once give what each gives by itself: `encodeWithOffsets` normalises a line as a whole and finds its pieces
 * without known words.
 */
import assert from "node:assert/strict";
import { Random, seedOf } from "../../base/mod.ts";
import type { OpenedTokenizer } from "../../tokenizers/opened_tokenizer.ts";
import type { UnigramTokenizer } from "../../tokenizers/mod.ts";
import { joinTexts } from "../../tokenizers/parallel/mod.ts";
import { pieceKinds, type SentencePieceModel } from "../../tokenizers/sentencepiece/model_file.ts";
import { SentencePieceTokenizer } from "../../tokenizers/sentencepiece/sentencepiece_tokenizer.ts";
import type { UnigramSettings } from "../../tokenizers/unigram/settings.ts";
import { charsmapOf } from "./charsmaps.ts";
import { tokenizerOf } from "./support.ts";

const texts = ["▁", "a", "b", "é", ",", "▁a", "ab", "ba", "bab", "▁ba", "aba", "b,", "▁abab", "é,"];
const noRules = new Uint8Array(0);
const rules = charsmapOf({
  "b\u0301": "ab", // looks back to a character without a rule of its own
  "\u0301": "é,",
  "𝐚": "a",
  "！": "a,",
  "\u00a0": " ",
  "￼": "",
  "\t": " ",
  "ǆ": "ababababababababababababababababab", // longer than what may be written unlooked at
});

function modelWith(
  { charsmap, pieces = texts, byteFallback = false }: {
    charsmap: Uint8Array;
    pieces?: readonly string[];
    byteFallback?: boolean;
  },
): SentencePieceModel {
  const bytes = Array.from({ length: byteFallback ? 256 : 0 }, (_, byte) => ({
    text: `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`,
    score: 0,
    kind: pieceKinds.byte,
  }));
  return {
    pieces: [
      { text: "<unk>", score: 0, kind: pieceKinds.unknown },
      ...bytes,
      // Many ways differ only in the order of their scores, and so in how their sums are rounded.
      ...pieces.map((text, i) => ({
        text,
        score: Math.fround(-1.1 - (i % 5) * 0.7),
        kind: pieceKinds.normal,
      })),
    ],
    byteFallback,
    whitespaceIsSuffix: false,
    unknownSurface: " ⁇ ",
    normalizer: {
      name: "rules",
      charsmap,
      addDummyPrefix: true,
      removeExtraWhitespaces: true,
      escapeWhitespaces: true,
    },
    denormalizer: undefined,
    rest: new Uint8Array(0),
  };
}

function ours(settings: Partial<UnigramSettings>): UnigramTokenizer {
  const pieces = texts.map((text, i) => [text.replace("▁", " "), Math.exp(-1.1 - (i % 5) * 0.7)]);
  return tokenizerOf(Object.fromEntries(pieces), settings);
}

const tokenizers: Readonly<Record<string, () => OpenedTokenizer>> = {
  "words before spaces": () => new SentencePieceTokenizer(modelWith({ charsmap: noRules })),
  "words before spaces, exact ties": () =>
    new SentencePieceTokenizer(modelWith({ charsmap: noRules }), { exactTies: true }),
  "words and rules": () => new SentencePieceTokenizer(modelWith({ charsmap: rules })),
  "words, rules and bytes, exact ties": () =>
    new SentencePieceTokenizer(modelWith({ charsmap: rules, byteFallback: true }), {
      exactTies: true,
    }),
  "runs of spaces": () =>
    new SentencePieceTokenizer(modelWith({ charsmap: rules, pieces: [...texts, "▁▁a"] })),
  "lines, exact ties": () =>
    new SentencePieceTokenizer(modelWith({ charsmap: rules, pieces: [...texts, "a▁b"] }), {
      exactTies: true,
    }),
  "our words": () => ours({}),
  "our stretches": () => ours({ splitByWhitespace: false, byteFallback: false }),
};

const random = new Random(seedOf(11, "tests/encode-lines"));
const one = (of: readonly string[]) => of[random.below(of.length)];
const letters = [..."aaaabbbé"];
const odd = [..."X\0𝐚！ǆ￼▁", "b\u0301", "\u0301", "\u00a0", "\ufffd", "\u0085"];

/** Words of 1 to 20 letters, known and unknown characters, marks at their ends, spaces and control characters. */
function randomLine(): string {
  const word = () =>
    Array.from(
      { length: 1 + random.below(1 + random.below(20)) },
      () => random.below(100) === 0 ? one(odd) : one(letters),
    ).join("");
  const end = () => one([..."          \t,,,?\r"]);
  return Array.from({ length: random.below(30) }, () => word() + end()).join(" ");
}

/** More words than the smallest table has entries; more line ends, longer words and longer lines than there is room for. */
const lines = [
  ...Array.from({ length: 2500 }, randomLine),
  "a ".repeat(40_000) + "ǆ".repeat(3000),
  ...Array.from({ length: 9000 }, () => ""),
  ...Array.from({ length: 100 }, randomLine),
  "ab".repeat(40_000),
  "！".repeat(700),
  "a".repeat(100) + " " + "ǆ".repeat(9000),
  ...Array.from({ length: 100 }, randomLine),
];

for (const [name, make] of Object.entries(tokenizers)) {
  Deno.test(`encodeLines() gives lines the ids that each has by itself: ${name}`, () => {
    const tokenizer = make();
    const whole = lines.join("\n");
    const alone = make();
    const expected = lines.map((line) => alone.encodeWithOffsets(line).ids);
    const bytes = new TextEncoder().encode(whole);
    // The second time with words that are known; the third with a line feed behind the last line.
    for (const text of [bytes, bytes, new TextEncoder().encode(whole + "\n")]) {
      const { ids, ends } = tokenizer.encodeLines(text);
      assert.equal(ends.length, lines.length);
      lines.forEach((line, i) => {
        const found = ids.slice(ends[i - 1] ?? 0, ends[i]);
        assert.deepEqual(found, expected[i], `line ${i}, ${JSON.stringify(line.slice(0, 200))}`);
      });
    }
    const few = lines.slice(0, 300);
    const batch = tokenizer.encodeTexts(joinTexts(few));
    assert.deepEqual(
      few.map((_, i) => batch.ids.slice(batch.ends[i - 1] ?? 0, batch.ends[i])),
      expected.slice(0, 300),
    );
  });
}

Deno.test("a run of unknown characters goes on over spaces where these have no piece", () => {
  const model = modelWith({ charsmap: noRules, pieces: ["a", "b", "ab", "ba"] });
  for (const exactTies of [false, true]) {
    const tokenizer = new SentencePieceTokenizer(model, { exactTies });
    // What spm_encode 0.1.97 gives: ▁ a ▁X▁Y▁ b, and ▁XX▁YY▁ ab ▁ b a.
    assert.deepEqual([...tokenizer.encode("a X Y b")], [0, 1, 0, 2]);
    assert.deepEqual([...tokenizer.encode("XX YY ab ba")], [0, 3, 0, 2, 1]);
  }
});
