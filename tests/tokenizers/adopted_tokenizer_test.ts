import assert from "node:assert/strict";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { Tokenizer as NpmTokenizer } from "tokenizers";
import { adoptTokenizer, openAdopted } from "../../tokenizers/adopted/mod.ts";
import {
  adoptedVocabSize,
  firstByteId,
  loadPieces,
  openTokenizer,
  saveTokenizer,
  shiftedTokenizerJson,
  specialIds,
  specialPieces,
  type Tokenizer,
} from "../../tokenizers/mod.ts";
import { saveSentencePiece, sentencePieceModelOf } from "../../tokenizers/sentencepiece/mod.ts";
import { bpeFile, temporaryFolder, wordPieceFile } from "../instruments/foreign_files.ts";
import { fuzzLines, inventedDocuments } from "../instruments/awkward_lines.ts";
import { train } from "./support.ts";

/** Adopts a file and opens what was written. */
async function adopted(
  path: string,
): Promise<{ folder: string; tokenizer: Tokenizer & Disposable }> {
  const folder = Deno.makeTempDirSync({ dir: join(path, "..") });
  const rows = await adoptTokenizer(path, folder);
  const tokenizer = await openAdopted(folder);
  assert.equal(tokenizer.vocabSize, rows);
  assert.equal(adoptedVocabSize(path), rows, "told from the file alone");
  specialPieces.forEach((piece, id) => {
    assert.deepEqual([tokenizer.piece(id), tokenizer.byteLength(id)], [piece, 0]);
  });
  const pieces = loadPieces(folder); // without the library that understands the file
  assert.equal(pieces.vocabSize, rows);
  for (let id = 0; id < rows; id++) {
    assert.equal(pieces.piece(id), tokenizer.piece(id));
    assert.equal(pieces.byteLength(id), tokenizer.byteLength(id));
  }
  assert.throws(() => pieces.piece(rows), /expected an id from 0 to/);
  return { folder, tokenizer };
}

Deno.test("shiftedTokenizerJson() is a tokenizer.json with the ids of the run, for every reader of the format", async () => {
  using folder = temporaryFolder();
  const lines = [...fuzzLines(200), "slow lower é 😀\n", "newest lower, é low", ""];
  for (const [name, file] of Object.entries({ bpe: bpeFile(), words: wordPieceFile() })) {
    const { folder: there, tokenizer } = await adopted(folder.write(`${name}.json`, file));
    using _end = tokenizer;
    const place = folder.write(`${name}-shifted.json`, JSON.parse(shiftedTokenizerJson(there)));
    using shifted = await openTokenizer(place);
    const theirs = NpmTokenizer.fromFile(place);
    for (const line of lines.filter((line) => !/<\/?s>|<unk>|\[SEP\]/.test(line))) {
      const ids = [...tokenizer.encode(line)];
      assert.deepEqual([...shifted.encode(line)], ids, JSON.stringify(line));
      const encoded = await theirs.encode(line, null, { addSpecialTokens: true });
      assert.deepEqual(encoded.getIds(), ids, JSON.stringify(line));
    }
    assert.equal(shifted.piece(specialIds.end), "</s>");
  }
  const model = { ...bpeFile(), added_tokens: [] };
  model.model.vocab["</s>"] = 500;
  const { folder: taken, tokenizer } = await adopted(folder.write("taken.json", model));
  tokenizer[Symbol.dispose]();
  assert.throws(() => shiftedTokenizerJson(taken), /expected no piece "<\/s>", .*, found one/);
});

Deno.test("adoptTokenizer() gives BPE on bytes our ids: special pieces, bytes, then its pieces", async () => {
  using folder = temporaryFolder();
  const path = folder.write("neox.json", bpeFile());
  const { tokenizer } = await adopted(path);
  using _end = tokenizer;
  // 7 special pieces, 256 bytes, <|endoftext|>, 5 merged pieces.
  assert.equal(tokenizer.vocabSize, 7 + 256 + 1 + 5);
  const text = "slow lower é 😀\n";
  const ids = tokenizer.encode(text);
  using given = await openTokenizer(path);
  const pieces = (of: Tokenizer) => Array.from(of.encode(text), (id) => of.piece(id));
  assert.deepEqual(pieces(tokenizer), pieces(given));
  assert.equal(ids[0], firstByteId + "s".charCodeAt(0));
  assert.equal(ids[1], firstByteId + "l".charCodeAt(0));
  assert.equal(tokenizer.piece(ids[3]), "Ġlow");
  assert.ok(ids[3] >= firstByteId + 256);
  assert.equal(tokenizer.decode([specialIds.start, ...ids, specialIds.end]), text);
  const bytes = ids.reduce((sum, id) => sum + tokenizer.byteLength(id), 0);
  assert.equal(bytes, new TextEncoder().encode(text).length);
});

Deno.test("adoptTokenizer() makes WordPiece's unknown piece ours and leaves the rows of bytes unused", async () => {
  using folder = temporaryFolder();
  const { tokenizer } = await adopted(folder.write("bert.json", wordPieceFile()));
  using _end = tokenizer;
  assert.equal(tokenizer.vocabSize, 7 + 256 + 8); // 9 pieces, one of which is [UNK]
  const pieces = Array.from(tokenizer.encode("LOWER newest ξ"), (id) => tokenizer.piece(id));
  assert.deepEqual(pieces, ["low", "##er", "new", "##est", "<unk>"]);
  assert.equal(tokenizer.piece(firstByteId), "<0x00>");
  assert.equal(tokenizer.decode([...tokenizer.encode("newest"), firstByteId]), "newest");
});

Deno.test("adoptTokenizer() keeps the bytes of a SentencePiece model at their places, and our own files as they are", async () => {
  using folder = temporaryFolder();
  const ours = await train(inventedDocuments(60), { vocabSize: 500 });
  const model = join(folder.path, "spiece.model");
  saveSentencePiece(model, sentencePieceModelOf(ours));
  const { tokenizer } = await adopted(model);
  using _end = tokenizer;
  const [text] = inventedDocuments(61).slice(60).map(({ text }) => text);
  using given = await openTokenizer(model);
  assert.deepEqual(
    Array.from(tokenizer.encode(text + "ξ"), (id) => tokenizer.piece(id)),
    Array.from(given.encode(text + "ξ"), (id) => given.piece(id)),
  );
  const [first, second] = tokenizer.encode("ξ").slice(-2); // 0xCE 0xBE
  assert.deepEqual([first, second], [firstByteId + 0xce, firstByteId + 0xbe]);

  saveTokenizer(folder.path, ours);
  const own = Deno.makeTempDirSync({ dir: folder.path });
  const copy = join(folder.path, "own.json");
  copyFileSync(join(folder.path, "tokenizer.json"), copy);
  assert.equal(await adoptTokenizer(copy, own), 500);
  assert.equal(adoptedVocabSize(copy), 500);
  assert.deepEqual([...Deno.readDirSync(own)].map(({ name }) => name), ["tokenizer.json"]);
  assert.equal(
    Deno.readTextFileSync(join(own, "tokenizer.json")),
    Deno.readTextFileSync(join(folder.path, "tokenizer.json")),
  );
  using opened = await openAdopted(own);
  assert.deepEqual(opened.encode(text), ours.encode(text));
});

Deno.test("openAdopted() and loadPieces() say what is wrong with damaged rows", async () => {
  using folder = temporaryFolder();
  const { folder: made, tokenizer } = await adopted(folder.write("neox.json", bpeFile()));
  tokenizer[Symbol.dispose]();
  const path = join(made, "adopted.json");
  const whole = Deno.readTextFileSync(path);
  const rows = whole.replace(/\n\[\d+,/, '\n["7",');
  for (const damaged of ["{", "[1]", whole.replace('"format":1', '"format":2'), rows]) {
    assert.notEqual(damaged, whole);
    Deno.writeTextFileSync(path, damaged);
    assert.throws(() => loadPieces(made), /expected rows of a vocabulary, found /);
    await assert.rejects(openAdopted(made), /expected rows of a vocabulary, found /);
  }
});
