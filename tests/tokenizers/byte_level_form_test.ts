/**
 * The form of `tokenizer.json` whose pieces are bytes: the same ids and text in the Rust library, and our loader reads it.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { Tokenizer as NpmTokenizer } from "tokenizers";
import {
  openTokenizer,
  saveByteLevelTokenizer,
  saveTokenizer,
  whyNotByteLevel,
} from "../../tokenizers/mod.ts";
import { fuzzLines, inventedDocuments } from "../instruments/awkward_lines.ts";
import { temporaryFolder } from "../support/command_line.ts";
import { tokenizerOf, train } from "./support.ts";

const variants = {
  plain: {},
  normalised: { normalizationRule: "nfkc", removeExtraWhitespaces: true },
  prefixed: { addDummyPrefix: true },
  trimmed: { normalizationRule: "nfc", removeExtraWhitespaces: true, addDummyPrefix: true },
  nmt: { normalizationRule: "nmt_nfkc", addDummyPrefix: true },
  lines: { splitByWhitespace: false },
  symbols: { userDefinedSymbols: ["<mask>", "ba", "山水 ☃"], controlSymbols: ["<cls>"] },
} as const;

/** What other programs take for signs of the file, and the full-width tilde, which only we keep. */
const signs = /<\/?s>|<(unk|pad|start|delimiter|extract|cls)>/;

for (const [name, config] of Object.entries(variants)) {
  Deno.test(`saveByteLevelTokenizer(), ${name}: npm tokenizers gives our ids and our text`, async () => {
    using folder = temporaryFolder();
    const ours = await train(inventedDocuments(60), { vocabSize: 500, ...config });
    saveByteLevelTokenizer(folder.path, ours);
    const theirs = NpmTokenizer.fromFile(join(folder.path, "tokenizer.json"));
    using opened = await openTokenizer(folder.path);
    assert.equal(opened.kind, "unigram");
    const count = name === "plain" ? 4000 : 600;
    const lines = [
      ...fuzzLines(count, name),
      ...["▁", "a ▁b", "<0x0A>", "", " ", "  two  spaces  ", "\n", "\tx\n\n y", "\0", "é́"],
    ].filter((line) => !signs.test(line) && !(name === "nmt" && line.includes("～")));
    for (const line of lines) {
      const ids = ours.encode(line);
      assert.deepEqual(opened.encode(line), ids);
      const encoded = await theirs.encode(line, null, { addSpecialTokens: false });
      assert.deepEqual(encoded.getIds(), [...ids], JSON.stringify(line));
      if (ids.length === 0) continue;
      assert.equal(await theirs.decode([...ids], true), ours.decode(ids), JSON.stringify(line));
    }
    for (let id = 7; id < ours.vocabSize; id++) {
      if (ours.byteLength(id) === 0) continue; // a control symbol
      assert.equal(await theirs.decode([id], true), ours.decode([id]), `id ${id}`);
    }
    // Saved again it has the same bytes, also after it went through the other form.
    const first = Deno.readTextFileSync(join(folder.path, "tokenizer.json"));
    saveTokenizer(folder.path, opened as typeof ours);
    using again = await openTokenizer(folder.path);
    saveByteLevelTokenizer(folder.path, again as typeof ours);
    assert.equal(Deno.readTextFileSync(join(folder.path, "tokenizer.json")), first);
  });
}

Deno.test("saveByteLevelTokenizer() writes pieces as GPT-2's letters, and lets a character cost the same however many bytes it has", () => {
  using folder = temporaryFolder();
  const ours = tokenizerOf({ " the": 0.5, "é": 0.25, a: 0.125 });
  saveByteLevelTokenizer(folder.path, ours);
  const { model } = JSON.parse(Deno.readTextFileSync(join(folder.path, "tokenizer.json")));
  const lowest = Math.log(0.125);
  assert.deepEqual(model.vocab.slice(263), [
    ["Ġthe", Math.log(0.5)],
    ["Ã©", Math.log(0.25)],
    ["a", lowest],
  ]);
  assert.deepEqual(model.vocab[7 + 0x61], ["a", lowest - 10]); // a byte at its id; its name stands again at 265
  assert.deepEqual(model.vocab[7 + 0x20], ["Ġ", lowest - 10]);
  assert.deepEqual(model.vocab[7 + 0xc3], ["Ã", lowest - 10]);
  assert.deepEqual(model.vocab[7 + 0xa9], ["©", 0]); // it goes on with a character
  assert.ok(model.vocab[2][1] < 4 * (lowest - 10)); // "</s>" in four bytes is better
});

Deno.test("saveByteLevelTokenizer() refuses a vocabulary without bytes, and symbols that readers would take for bytes", () => {
  using folder = temporaryFolder();
  const settings = { byteFallback: false };
  assert.throws(
    () => saveByteLevelTokenizer(folder.path, tokenizerOf({ a: 0.5 }, settings)),
    /Cannot write a tokenizer on bytes: the vocabulary has no pieces for bytes/,
  );
  const { settings: symbols } = tokenizerOf({ a: 0.5 }, { userDefinedSymbols: ["ok", "été"] });
  assert.match(whyNotByteLevel(symbols)!, /the symbol "été" is written in letters that stand/);
});

Deno.test("openTokenizer() names the place of damage in a file of bytes", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "tokenizer.json");
  saveByteLevelTokenizer(folder.path, tokenizerOf({ " the": 0.5, "é": 0.25, a: 0.125 }));
  const file = Deno.readTextFileSync(path);
  const cases: [string, string, RegExp][] = [
    ['"Ġthe"', '" the"', /model.vocab\[263\]: expected letters that stand for bytes, found " the"/],
    ['"Ã©"', '"©Ã"', /model.vocab\[264\]: expected letters that stand for well-formed text/],
    ['["©",0]', '["©",-1]', /model.vocab\[176\]: expected \["©",0\], found \["©",-1\]/],
    ['"decoder":{"add_prefix_space":false', '"decoder":{"add_prefix_space":true', /decoder: expe/],
    ['"use_regex":false}]', '"use_regex":true}]', /pre_tokenizer: expected /],
    ['"byte_fallback":false', '"byte_fallback":true', /model.byte_fallback: expected false/],
  ];
  for (const [from, to, message] of cases) {
    assert.ok(file.includes(from), from);
    Deno.writeTextFileSync(path, file.replace(from, to));
    await assert.rejects(openTokenizer(path), message);
  }
});

Deno.test("openTokenizer() reads files of the first versions, which left the prefix in front of decoded text", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "tokenizer.json");
  const ours = await train(inventedDocuments(40), { vocabSize: 320, addDummyPrefix: true });
  saveTokenizer(folder.path, ours);
  const theirs = NpmTokenizer.fromFile(path);
  const ids = ours.encode("balo mi");
  assert.equal(await theirs.decode([...ids], true), "balo mi");
  const file = JSON.parse(Deno.readTextFileSync(path));
  assert.deepEqual(file.decoder.decoders.pop(), { type: "Strip", content: " ", start: 1, stop: 0 });
  Deno.writeTextFileSync(path, JSON.stringify(file));
  using opened = await openTokenizer(path);
  assert.deepEqual(opened.encode("balo mi"), ids);
});
