import assert from "node:assert/strict";
import { llamaBpe } from "../../tokenizers/mod.ts";
import { bpeKinds, bpeTokenizerJson } from "../support/bpe_tokenizer.ts";

const texts = ["the cat, the hat", "the theme"];

function parsed(kind: string) {
  return JSON.parse(bpeTokenizerJson(texts, 3, bpeKinds[kind]));
}

Deno.test("llamaBpe() gives rows by id, merges in their order, and a name for how words are cut", () => {
  const { tokens, kinds, merges, pre, needsNfc } = llamaBpe(parsed("as of Pythia"), 265);
  // "t h" and "h e" are neighbours 4 times, then "t he", then "a t" and "Ġ the" twice; of equals the first by its text
  assert.deepEqual(merges, ["h e", "t he", "a t"]);
  assert.deepEqual([tokens[97], tokens[32], tokens[256]], ["a", "Ġ", "<|endoftext|>"]);
  assert.deepEqual(tokens.slice(257), [
    ...["he", "the", "at"],
    ...["  ", "   ", "     "],
    ...["[unused 263]", "[unused 264]"],
  ]);
  assert.deepEqual([...kinds.slice(255)], [1, 3, 1, 1, 1, 4, 4, 4, 5, 5]);
  assert.deepEqual([pre, needsNfc], ["trillion", true]);
  assert.equal(llamaBpe(parsed("as of GPT-2"), 260).needsNfc, false);
  assert.equal(llamaBpe(parsed("as of SmolLM"), 260).pre, "smollm");
  assert.equal(llamaBpe(parsed("as of Qwen2"), 260).pre, "qwen2");
});

Deno.test("llamaBpe() takes GPT-2's pattern written out, and merges as pairs", () => {
  const json = parsed("as of GPT-2");
  const Regex =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
  json.pre_tokenizer = {
    type: "Sequence",
    pretokenizers: [
      { type: "Split", pattern: { Regex }, behavior: "Isolated", invert: false },
      { type: "ByteLevel", add_prefix_space: false, use_regex: false },
    ],
  };
  json.model.merges = json.model.merges.map((pair: string) => pair.split(" "));
  const { merges, pre } = llamaBpe(json, 260);
  assert.deepEqual([merges, pre], [["h e", "t he", "a t"], "trillion"]);
});

type Edit = (json: ReturnType<typeof parsed>) => void;

const refused: Readonly<Record<string, readonly [Edit, RegExp]>> = {
  "another kind of model": [
    (json) => json.model.type = "Unigram",
    /model\.type .*"BPE".*"Unigram"/,
  ],
  "no model": [(json) => delete json.model, /model\.type .*found none/],
  "whole words before merges": [(json) => json.model.ignore_merges = true, /ignore_merges/],
  "marks of the ends of words": [
    (json) => json.model.end_of_word_suffix = "</w>",
    /end_of_word_suffix .*"<\/w>"/,
  ],
  "lower case": [(json) => json.normalizer = { type: "Lowercase" }, /normalizer .*"Lowercase"/],
  "a space in front": [(json) => json.pre_tokenizer.add_prefix_space = true, /pre_tokenizer/],
  "words cut by white space": [
    (json) => json.pre_tokenizer = { type: "Whitespace" },
    /pre_tokenizer/,
  ],
  "no cutting at all": [(json) => json.pre_tokenizer = null, /pre_tokenizer .*found null/],
  "a pattern of its own": [
    (json) =>
      json.pre_tokenizer = {
        type: "Sequence",
        pretokenizers: [
          { type: "Split", pattern: { Regex: "\\w+" }, behavior: "Isolated", invert: false },
          { type: "ByteLevel", add_prefix_space: false, use_regex: false },
        ],
      },
    /pre_tokenizer/,
  ],
  "another decoder": [(json) => json.decoder = { type: "Metaspace" }, /decoder .*"Metaspace"/],
  "a byte without a piece": [(json) => delete json.model.vocab["Ā"], /a piece for each byte.*"Ā"/],
  "a piece that is no bytes": [
    (json) => json.model.vocab["山"] = 259,
    /pieces of bytes, found "山"/,
  ],
  "an added piece that takes spaces": [
    (json) => json.added_tokens[0].lstrip = true,
    /added token "<\|endoftext\|>", lstrip/,
  ],
  "a piece beyond the table": [(json) => json.model.vocab["at"] = 260, /one below 260, found 260/],
};

for (const [name, [edit, message]] of Object.entries(refused)) {
  Deno.test(`llamaBpe() refuses ${name}`, () => {
    const json = parsed("as of GPT-2");
    edit(json);
    assert.throws(() => llamaBpe(json, 260), message);
  });
}
