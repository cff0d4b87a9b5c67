import assert from "node:assert/strict";
import { join } from "node:path";
import { Random, seedOf, StageError } from "../../base/mod.ts";
import { loadTokenizer, saveTokenizer, tokenizerFile } from "../../tokenizers/mod.ts";
import { inventedDocuments } from "../instruments/awkward_lines.ts";
import { train } from "./support.ts";
import { temporaryFolder } from "../support/command_line.ts";

const documents = inventedDocuments(60);

Deno.test("saveTokenizer() and loadTokenizer() round trip byte for byte", async () => {
  using folder = temporaryFolder();
  const tokenizer = await train(documents, { vocabSize: 450 });
  saveTokenizer(folder.path, tokenizer);
  const saved = Deno.readTextFileSync(join(folder.path, tokenizerFile));
  const loaded = loadTokenizer(folder.path);
  assert.deepEqual(loaded.learned, tokenizer.learned); // every digit of every score
  for (const { text } of documents) assert.deepEqual(loaded.encode(text), tokenizer.encode(text));
  saveTokenizer(folder.path, loaded);
  assert.equal(Deno.readTextFileSync(join(folder.path, tokenizerFile)), saved);
  assert.deepEqual([...Deno.readDirSync(folder.path)].map(({ name }) => name), [tokenizerFile]);
});

Deno.test("saveTokenizer() writes the layout of Hugging Face's tokenizers", async () => {
  using folder = temporaryFolder();
  saveTokenizer(folder.path, await train(documents, { vocabSize: 450 }));
  const file = JSON.parse(Deno.readTextFileSync(join(folder.path, tokenizerFile)));
  // these keys and no others: that library refuses a file with a key it does not know
  assert.deepEqual(Object.keys(file), [
    "version",
    "truncation",
    "padding",
    "added_tokens",
    "normalizer",
    "pre_tokenizer",
    "post_processor",
    "decoder",
    "model",
  ]);
  assert.equal(file.model.type, "Unigram");
  assert.equal(file.model.vocab.length, 450);
  assert.deepEqual(file.model.vocab[17], ["<0x0A>", 0]);
  assert.ok(file.model.vocab.some(([piece]: [string]) => piece.startsWith("▁")));
});

Deno.test("loadTokenizer() names the file and the place of damage", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, tokenizerFile);
  saveTokenizer(folder.path, await train(documents, { vocabSize: 450 }));
  const text = Deno.readTextFileSync(path);
  type Vocab = [unknown, unknown][];
  const changed = (change: (file: { [key: string]: unknown; model: { vocab: Vocab } }) => void) => {
    const file = JSON.parse(text);
    change(file);
    return JSON.stringify(file);
  };
  const swap = (vocab: Vocab, a: number, b: number) => [vocab[a], vocab[b]] = [vocab[b], vocab[a]];
  const cases: [string, RegExp][] = [
    [text.slice(0, text.length / 2), /: expected JSON, found /],
    ["", /: expected JSON, found /],
    ["[]", /, the file: expected an object, found \[\]/],
    [changed((file) => file.version = "2.0"), /, version: expected "1.0", found "2.0"/],
    ...["", "\ud800", "<0x41>"].map((content): [string, RegExp] => [
      changed((file) => (file.added_tokens as object[]).push({ content, special: false })),
      /, added_tokens as userDefinedSymbols: expected a list of different texts, .*, found \["/,
    ]),
    [changed((file) => delete file.decoder), /, decoder: expected .*, found nothing/],
    [
      changed((file) => Object.assign(file.model, { type: "BPE" })),
      /, model.type: expected "Unigram", found "BPE"/,
    ],
    [
      changed(({ model }) => model.vocab = model.vocab.slice(0, 100)),
      /, model.vocab\[100\]: expected \["<0x5D>",0\], found nothing/,
    ],
    [
      changed(({ model }) => Object.assign(model, { vocab: {} })),
      /, model.vocab: expected a list of pieces, found \{\}/,
    ],
    [
      changed(({ model }) => swap(model.vocab, 1, 2)),
      /, model.vocab\[1\]: expected \["<s>",0\], found \["<\/s>",0\]/,
    ],
    [
      changed(({ model }) => swap(model.vocab, 263, 449)),
      /, model.vocab\[264\]: expected pieces by descending log probability/,
    ],
    [
      changed(({ model }) => model.vocab[300][1] = "-3"),
      /, model.vocab\[300\]: expected \[piece, log probability\]/,
    ],
    [
      changed(({ model }) => model.vocab[300][0] = "a b"),
      /, model.vocab\[300\]: expected spaces written as ▁, found "a b"/,
    ],
    [
      changed(({ model }) => model.vocab[301][0] = model.vocab[300][0]),
      /, model.vocab\[301\]: expected pieces that differ/,
    ],
  ];
  for (const [damaged, message] of cases) {
    Deno.writeTextFileSync(path, damaged);
    assert.throws(() => loadTokenizer(folder.path), (error: Error) => {
      assert.ok(error instanceof StageError, String(error));
      assert.ok(error.message.startsWith(`Cannot read tokenizer "${path}"`), error.message);
      assert.match(error.message, message);
      return true;
    });
  }
});

Deno.test("a file with bytes cut off or changed is read or refused, and its error names the file", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, tokenizerFile);
  saveTokenizer(folder.path, await train(documents, { vocabSize: 320 }));
  const whole = Deno.readFileSync(path);
  const random = new Random(seedOf(14, "mutations"));
  let refused = 0;
  for (let round = 0; round < 300; round++) {
    const bytes = whole.slice(0, round % 3 === 0 ? random.below(whole.length) : whole.length);
    for (let i = 0; round % 3 !== 0 && i < 2; i++) {
      bytes[random.below(bytes.length)] ^= 1 << random.below(8);
    }
    Deno.writeFileSync(path, bytes);
    try {
      const loaded = loadTokenizer(folder.path);
      assert.equal(loaded.decode(loaded.encode("balo 山")), "balo 山");
    } catch (error) {
      assert.ok(error instanceof StageError, String(error));
      assert.ok(error.message.startsWith(`Cannot read tokenizer "${path}"`), error.message);
      refused++;
    }
  }
  assert.ok(refused > 100, `${refused} refused`);
});
