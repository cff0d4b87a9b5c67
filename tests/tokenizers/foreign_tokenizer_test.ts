import assert from "node:assert/strict";
import { join } from "node:path";
import { Tokenizer as NpmTokenizer } from "tokenizers";
import { StageError } from "../../pipeline/base/mod.ts";
import {
  openTokenizer,
  saveTokenizer,
  specialPieces,
  trainUnigram,
  unigramDefaults,
  UnigramTokenizer,
} from "../../tokenizers/mod.ts";
import { ForeignTokenizer } from "../../tokenizers/foreign/mod.ts";
import { fuzzLines } from "./fuzz.ts";
import { inventedDocuments, train } from "./support.ts";

/** A small BPE on bytes, laid out as GPT-NeoX's file. */
function bpeFile() {
  // GPT-2's characters for bytes: printable ones stand for themselves, the others come from U+0100 on.
  const printable = (b: number) => (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
  let next = 256;
  const characters = Array.from(
    { length: 256 },
    (_, b) => String.fromCodePoint(printable(b) ? b : next++),
  );
  const merges = [["Ġ", "l"], ["o", "w"], ["Ġl", "ow"], ["e", "r"], ["Ã", "©"]];
  const pieces = ["<|endoftext|>", ...characters, ...merges.map((pair) => pair.join(""))];
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [added(0, "<|endoftext|>")],
    normalizer: { type: "NFC" },
    pre_tokenizer: {
      type: "ByteLevel",
      add_prefix_space: false,
      trim_offsets: true,
      use_regex: true,
    },
    post_processor: null,
    decoder: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      vocab: Object.fromEntries(pieces.map((piece, id) => [piece, id])),
      merges,
    },
  };
}

function wordPieceFile() {
  const pieces = ["[UNK]", "[CLS]", "[SEP]", "low", "##er", "##est", "new", ",", "é"];
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [added(0, "[UNK]"), added(1, "[CLS]"), added(2, "[SEP]")],
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: false,
      lowercase: true,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: null,
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: {
      type: "WordPiece",
      unk_token: "[UNK]",
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(pieces.map((piece, id) => [piece, id])),
    },
  };
}

function added(id: number, content: string) {
  return {
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  };
}

Deno.test("openTokenizer() reads BPE of GPT-NeoX's kind through npm tokenizers", async () => {
  using folder = temporaryFolder();
  const path = folder.write("tokenizer.json", bpeFile());
  using tokenizer = await openTokenizer(folder.path);
  assert.equal(tokenizer.kind, "foreign");
  assert.equal(tokenizer.vocabSize, 262);
  const text = "slow lower é 😀<|endoftext|>\n";
  const direct = await NpmTokenizer.fromFile(path).encode(text, null, { addSpecialTokens: false });
  assert.deepEqual([...tokenizer.encode(text)], direct.getIds());
  const plain = text.replace("<|endoftext|>", "");
  const ids = tokenizer.encode(plain);
  assert.equal(tokenizer.decode(ids), plain);
  const bytes = ids.reduce((sum, id) => sum + tokenizer.byteLength(id), 0);
  assert.equal(bytes, new TextEncoder().encode(plain).length);
  assert.equal(tokenizer.byteLength(0), 0);
  assert.deepEqual(
    Array.from(tokenizer.encode(" lower"), (id) => tokenizer.piece(id)),
    ["Ġlow", "er"],
  );
  const offsets = tokenizer.encodeWithOffsets("😀 low");
  assert.equal("😀 low".slice(offsets.starts.at(-1), offsets.ends.at(-1)), " low");
  const lines = tokenizer.encodeLines(new TextEncoder().encode("low\n\nlower\n"));
  assert.deepEqual([...lines.ends], [2, 2, 5]);
  assert.throws(() => tokenizer.piece(262), /expected an id of ".*" \(0 to 261\)/);
  assert.throws(() => tokenizer.decode([262]), RangeError);
});

Deno.test("openTokenizer() reads WordPiece through npm tokenizers", async () => {
  using folder = temporaryFolder();
  using tokenizer = await openTokenizer(folder.write("word-piece.json", wordPieceFile()));
  const pieces = Array.from(tokenizer.encode("LOWER newest, é x"), (id) => tokenizer.piece(id));
  assert.deepEqual(pieces, ["low", "##er", "new", "##est", ",", "é", "[UNK]"]);
  assert.equal(tokenizer.decode([3, 4, 6, 5]), "lower newest");
  assert.deepEqual([3, 4, 8, 0].map((id) => tokenizer.byteLength(id)), [3, 2, 2, 0]);
});

Deno.test("ForeignTokenizer says why a file is refused", () => {
  using folder = temporaryFolder();
  const refuse = (path: string, message: RegExp) =>
    assert.throws(() => new ForeignTokenizer(path), (error: Error) => {
      assert.ok(error instanceof StageError, String(error));
      assert.match(error.message, message);
      return true;
    });
  refuse(join(folder.path, "none.json"), /expected a tokenizer.json, found nothing there/);
  refuse(folder.write("bad.json", "{"), /expected a tokenizer.json, found /);
  refuse(
    folder.write("odd.json", { ...bpeFile(), model: { type: "XYZ" } }),
    /expected a file that the npm package "tokenizers" takes, found /,
  );
});

Deno.test("openTokenizer() says what it expects where there is no tokenizer", async () => {
  using folder = temporaryFolder();
  await assert.rejects(openTokenizer(join(folder.path, "none")), /found nothing there/);
  await assert.rejects(
    openTokenizer(folder.path),
    /expected one of tokenizer.json, .* in the folder/,
  );
  folder.write("tokenizer.json", bpeFile());
  await assert.rejects(
    openTokenizer(folder.path, { exactTies: true }),
    /expected a SentencePiece .model/,
  );
  await assert.rejects(openTokenizer(folder.write("x.json", "[1")), /expected JSON/);
});

Deno.test("npm tokenizers gives our ids from our tokenizer.json", async () => {
  using folder = temporaryFolder();
  const variants = {
    plain: {},
    normalised: { normalizationRule: "nfkc", removeExtraWhitespaces: true, addDummyPrefix: true },
    lines: { splitByWhitespace: false },
    symbols: { userDefinedSymbols: ["<mask>", "ba"], controlSymbols: ["<cls>"] },
  } as const;
  for (const [name, config] of Object.entries(variants)) {
    const ours = await train(inventedDocuments(60), { vocabSize: 500, ...config });
    saveTokenizer(folder.path, ours);
    using opened = await openTokenizer(folder.path);
    assert.equal(opened.kind, "unigram");
    const theirs = NpmTokenizer.fromFile(join(folder.path, "tokenizer.json"));
    // What looks like the file's own signs is another matter (`tokenizer_file.ts`).
    const lines = [...fuzzLines(150), ...inventedDocuments(65).slice(60).map(({ text }) => text)]
      .filter((line) => !/[▁\0]|<(?:unk|0x|\/?s)/.test(line));
    for (const line of lines) {
      const expected = await theirs.encode(line, null, { addSpecialTokens: false });
      assert.deepEqual(
        [...ours.encode(line)],
        expected.getIds(),
        `${name}: ${JSON.stringify(line)}`,
      );
      assert.deepEqual(opened.encode(line), ours.encode(line));
    }
    assert.equal(ours.vocabSize, 500);
  }
});

Deno.test("UnigramTokenizer without byte pieces gives <unk>, and keeps its settings in its file", async () => {
  using folder = temporaryFolder();
  const config = { ...unigramDefaults, vocabSize: 300, byteFallback: false, characterCoverage: 1 };
  const ours = await trainUnigram(inventedDocuments(60), config);
  assert.ok(ours instanceof UnigramTokenizer);
  assert.equal(ours.piece(specialPieces.length).startsWith("<0x"), false);
  assert.deepEqual([...ours.encode("ξξba")].slice(0, 1), [0]);
  assert.equal([...ours.encode("ξξξ")].length, 1);
  saveTokenizer(folder.path, ours);
  using opened = await openTokenizer(folder.path);
  for (const line of fuzzLines(50)) assert.deepEqual(opened.encode(line), ours.encode(line));
});

function temporaryFolder() {
  const path = Deno.makeTempDirSync();
  return {
    path,
    write(name: string, content: unknown): string {
      const file = join(path, name);
      Deno.writeTextFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
      return file;
    },
    [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }),
  };
}
