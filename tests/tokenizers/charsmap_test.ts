import assert from "node:assert/strict";
import { join } from "node:path";
import { UnigramTokenizer } from "../../tokenizers/mod.ts";
import { Charsmap, follows, ruled } from "../../tokenizers/sentencepiece/charsmap.ts";
import { compileCharsmap } from "../../tokenizers/sentencepiece/charsmap_file.ts";
import { normalFormRules } from "../../tokenizers/sentencepiece/charsmap_rules.ts";
import {
  loadSentencePiece,
  saveSentencePiece,
  sentencePieceModelOf,
} from "../../tokenizers/sentencepiece/mod.ts";
import { ruleOf } from "../../tokenizers/unigram/normalizer.ts";
import { charsmapOf } from "./charsmaps.ts";
import { temporaryFolder } from "../instruments/foreign_files.ts";
import { fuzzLines } from "../instruments/awkward_lines.ts";
import { applierOf } from "../instruments/normal_forms.ts";
import { lacksSpm, spmEncode } from "../support/spm.ts";
import { tokenizerOf } from "./support.ts";

const forms = ["nfc", "nfkc", "nmt_nfkc"] as const;
const compiled = new Map(forms.map((form) => [form, compileCharsmap(normalFormRules(form))]));
/** What rules make of a text, by form. */
const applied = Object.fromEntries([...compiled].map(([form, map]) => [form, applierOf(map)]));

/** All ways to take `count` of the items, in every order, repetition included. */
function sequences(items: readonly string[], count: number): string[] {
  if (count === 0) return [""];
  const shorter = sequences(items, count - 1);
  return items.flatMap((item) => shorter.map((rest) => item + rest));
}

const range = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => String.fromCodePoint(from + i));
const jamo = [...range(0x1100, 0x1112), ...range(0x1161, 0x1175), ...range(0x11a8, 0x11c2)];

/** What is known by name to be as the whole text's normal form. */
const exact: Readonly<Record<string, readonly string[]>> = {
  "every character by itself": [...range(1, 0xd7ff), ...range(0xe000, 0x1ffff)],
  "a letter with two marks that compose with it": sequences([..."\u0300\u0302\u0306\u0323"], 2)
    .flatMap((marks) => [..."aAeEoｅ𝐨"].map((letter) => letter + marks)),
  "a composed letter with another mark": [..."\u0300\u0302\u0306\u0323\u031b"]
    .flatMap((mark) => [..."áâăạơéêẹ"].map((letter) => letter + mark)),
  "Greek with three marks": ["\u0313\u0301\u0345", "\u0313\u0345\u0301", "\u0345\u0313\u0301"]
    .flatMap((marks) => [..."αΑηω"].map((letter) => letter + marks)),
  "Hangul": [
    ...range(0x1100, 0x1112).flatMap((l) =>
      range(0x1161, 0x1175).flatMap((v) => ["", "\u11a8", "\u11c2"].map((t) => l + v + t))
    ),
    ...sequences([jamo[0], jamo[20], jamo[41], "가", "각", "ㄱ", "ㅏ", "ㄳ", "ﾡ", "ￂ", "ﾳ"], 4),
  ],
  "Hebrew and Arabic with three points": [
    ...sequences([..."\u05b0\u05b4\u05b7\u05bc\u05c1\u05c2"], 3).map((marks) => `ש${marks}ב`),
    ...sequences([..."\u064b\u064e\u064f\u0650\u0651\u0652\u0670"], 3).map((m) => `د${m}ا`),
    ...sequences([..."\u064e\u0651\u0654"], 2).map((marks) => `ا${marks}ي`),
  ],
  "kana": sequences([..."かはガハｶﾊﾞﾟ゛\u3099\u309a"], 3),
};

for (const form of forms) {
  Deno.test(`normalFormRules() give the normal form that whole texts have: ${form}`, () => {
    const normalize = ruleOf(form);
    for (const [kind, texts] of Object.entries(exact)) {
      const whole = texts.join("\n|");
      const found = applied[form](whole).split("|");
      const expected = normalize(whole).split("|");
      const at = expected.findIndex((text, i) => text !== found[i]);
      if (at >= 0) assert.equal(found[at], expected[at], `${kind}: ${codePoints(texts[at])}`);
      assert.equal(found.length, expected.length, kind);
    }
    assert.ok(compiled.get(form)!.length < 350_000, "small enough to go with every vocabulary");
  });
}

Deno.test("normalFormRules() leave what their file says they do not know", () => {
  const unknown = {
    "three marks in the wrong order": "x\u0301\u0327\u0323",
    "a mark across another that does not compose": "r\u0316\u0301",
    "a mark behind a character that stands for several": "ﬁ\u0301",
  };
  for (const [kind, text] of Object.entries(unknown)) {
    assert.notEqual(applied.nfkc(text), text.normalize("NFKC"), kind);
  }
  const acrossControl = "e\u0007\u0301";
  assert.equal(ruleOf("nmt_nfkc")(acrossControl), "é");
  assert.equal(applied.nmt_nfkc(acrossControl), "e\u0301");
});

Deno.test("Charsmap finds the longest rule of those that were compiled", () => {
  const rules = { "a": "b", "ab": "c", "é": "e", "山水": "", "\u0301": "'", "a\u0301": "á" };
  const charsmap = new Charsmap(charsmapOf(rules));
  const found = { from: 0, to: 0, length: 0 };
  for (const [key, value] of Object.entries(rules)) {
    const bytes = new TextEncoder().encode(key + "x");
    assert.ok(charsmap.match(bytes, 0, bytes.length, found), key);
    const replacement = charsmap.texts.subarray(found.from, found.to);
    assert.deepEqual([new TextDecoder().decode(replacement), found.length], [
      value,
      bytes.length - 1,
    ]);
  }
  for (const text of ["山b", "\0a", "\0"]) {
    const none = new TextEncoder().encode(text);
    assert.equal(charsmap.match(none, 0, none.length, found), false);
  }
  const { special } = charsmap.survey();
  const marked = [...special.keys()].filter((codePoint) => special[codePoint] !== 0);
  // 山 alone is no rule; b, 水 and the accent, which has a rule too, stand behind others.
  assert.deepEqual(
    marked.map((codePoint) => [String.fromCodePoint(codePoint), special[codePoint]]),
    [["a", ruled], ["b", follows], ["é", ruled], ["\u0301", ruled | follows], ["水", follows]],
  );
});

for (const form of forms) {
  Deno.test({
    name: `a saved .model normalises in spm_encode as our vocabulary does: ${form}`,
    ignore: lacksSpm,
    fn() {
      using folder = temporaryFolder();
      const letters = [...new Set([..."abcdefghijklmnoprstuvwy áéộựのばガ각한글שמלאحمد1,.fiｆﬁ"])];
      const { learned, settings } = tokenizerOf(
        // no two sums alike
        Object.fromEntries(letters.map((letter, i) => [letter, 1 / (letters.length + i * i)])),
      );
      const tokenizer = new UnigramTokenizer(learned, {
        ...settings,
        normalizationRule: form,
        removeExtraWhitespaces: true,
        addDummyPrefix: true,
      });
      const path = join(folder.path, "own.model");
      saveSentencePiece(path, sentencePieceModelOf(tokenizer));
      const written = [
        "ﬁne ｆｕｌｌ　ｗｉｄｔｈ，１ ①② Å ㎏ ½ … ﷺ 豈更車 ～",
        "Tiếng Việt: ước, ộ, ự; été, Ἀχιλλεύς, ᾂ, ǖ",
        "한글 각 ㄱㅏ ﾡￂ がぎぐ ｶﾞｷﾞ ハ\u309aガ שָׁלוֹם שַּׁבָּת مُحَمَّد أَ ؤ ئ",
        "x \0a\u0308 \0¨ no\u00a0break\u2003space\ttab\u200bnone\u00adhyphen\u0007bell",
      ];
      const lines = [
        ...["NFC", "NFD", "NFKC", "NFKD"].flatMap((f) => written.map((line) => line.normalize(f))),
        ...written,
        ...fuzzLines(300).filter((line) => !line.includes("▁")),
      ].map((line) => line.replace(/^\s+/, ""));
      const file = folder.write("text.txt", lines.join("\n") + "\n");
      const expected = spmEncode(path, file);
      const read = loadSentencePiece(path, { exactTies: true });
      lines.forEach((line, i) => {
        assert.equal(read.encode(line).join(" "), expected[i], `read again: ${codePoints(line)}`);
        assert.equal(tokenizer.encode(line).join(" "), expected[i], codePoints(line));
      });
    },
  });
}

function codePoints(text: string): string {
  return Array.from(text, (c) => c.codePointAt(0)!.toString(16)).join(" ");
}
