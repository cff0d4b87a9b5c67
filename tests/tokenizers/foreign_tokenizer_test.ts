import assert from "node:assert/strict";
import { join } from "node:path";
import { Tokenizer as NpmTokenizer } from "tokenizers";
import { StageError } from "../../base/mod.ts";
import {
  openTokenizer,
  saveTokenizer,
  specialPieces,
  trainUnigram,
  unigramDefaults,
  UnigramTokenizer,
} from "../../tokenizers/mod.ts";
import { ForeignTokenizer } from "../../tokenizers/foreign/mod.ts";
import { bpeFile, temporaryFolder, wordPieceFile } from "../instruments/foreign_files.ts";
import { fuzzLines, inventedDocuments } from "../instruments/awkward_lines.ts";
import { train } from "./support.ts";

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

Deno.test("a tokenizer.json of others says what is wrong with its file, its text, and its use after its end", async () => {
  using folder = temporaryFolder();
  const damaged = folder.write("damaged.json", { ...bpeFile(), added_tokens: 5 });
  await assert.rejects(openTokenizer(damaged), (error: Error) => {
    assert.ok(error instanceof StageError, `${error}`);
    assert.match(error.message, /expected a file that the npm package "tokenizers" takes, found /);
    return true;
  });
  const opened = await openTokenizer(folder.write("neox.json", bpeFile()));
  const bytes = Uint8Array.of(0x61, 0x0a, 0xe2, 0x82, 0x62);
  assert.throws(() => opened.encodeLines(bytes), /found the bytes e2 82 62 at offset 2/);
  const { ids, ends } = opened.encodeLines(bytes, "replace");
  assert.equal(opened.decode(ids.subarray(ends[0])), "\ufffd\ufffdb");
  opened[Symbol.dispose]();
  assert.throws(() => opened.encode("a"), /found it was closed/); // and does not wait for an answer
});
