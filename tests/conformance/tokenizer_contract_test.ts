/**
 * What every kind of tokenizer keeps that `openTokenizer` opens: a row of `kinds` each.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { openTokenizer, saveTokenizer } from "../../tokenizers/mod.ts";
import { joinTexts } from "../../tokenizers/parallel/mod.ts";
import { saveSentencePiece, sentencePieceModelOf } from "../../tokenizers/sentencepiece/mod.ts";
import { inventedDocuments } from "../instruments/awkward_lines.ts";
import { bpeFile, temporaryFolder, wordPieceFile } from "../instruments/foreign_files.ts";
import { train } from "../tokenizers/support.ts";

type Folder = ReturnType<typeof temporaryFolder>;

interface Kind {
  /** Writes the file and gives its path. */
  write(folder: Folder): Promise<string> | string;
  /** What is lost when text goes there and back; without it nothing is. */
  readonly loses?: string;
}

const trained = () => train(inventedDocuments(40), { vocabSize: 500 });

const kinds: Readonly<Record<string, Kind>> = {
  "unigram, tokenizer.json": {
    async write({ path }) {
      saveTokenizer(path, await trained());
      return path;
    },
  },
  "SentencePiece, .model": {
    async write({ path }) {
      const file = join(path, "spiece.model");
      saveSentencePiece(file, sentencePieceModelOf(await trained()));
      return file;
    },
  },
  "BPE on bytes, tokenizer.json": { write: (folder) => folder.write("bpe.json", bpeFile()) },
  "WordPiece, tokenizer.json": {
    write: (folder) => folder.write("wordpiece.json", wordPieceFile()),
    loses: "what is not in its nine pieces",
  },
};

const texts = [
  "slow lower é 😀",
  "a",
  "",
  "new, newer, newest",
  "日本語 और हिन्दी",
  "tabs\tand  two spaces",
];

for (const [name, { write, loses }] of Object.entries(kinds)) {
  Deno.test(`${name}: ids, texts and places agree with each other`, async () => {
    using folder = temporaryFolder();
    using tokenizer = await openTokenizer(await write(folder));
    for (const text of texts) {
      const ids = tokenizer.encode(text);
      for (const id of ids) {
        assert.ok(id >= 0 && id < tokenizer.vocabSize, `${id} of ${tokenizer.vocabSize}`);
        assert.equal(typeof tokenizer.piece(id), "string");
      }
      if (loses === undefined) assert.equal(tokenizer.decode(ids), text);
      const { ids: same, starts, ends } = tokenizer.encodeWithOffsets(text);
      assert.deepEqual(same, ids);
      assert.equal(starts.length, ids.length);
      starts.forEach((start, i) => {
        assert.ok(start <= ends[i] && ends[i] <= text.length, `piece ${i} of "${text}"`);
        assert.ok(i === 0 || start >= starts[i - 1], "places go forward");
      });
    }
  });

  Deno.test(`${name}: texts at once have the ids of each by itself`, async () => {
    using folder = temporaryFolder();
    using tokenizer = await openTokenizer(await write(folder));
    const alone = texts.map((text) => Array.from(tokenizer.encode(text)));
    const cut = ({ ids, ends }: { ids: Int32Array; ends: Int32Array }) =>
      Array.from(ends, (end, i) => Array.from(ids.subarray(i === 0 ? 0 : ends[i - 1], end)));
    assert.deepEqual(cut(tokenizer.encodeTexts(joinTexts(texts))), alone);
    const lines = new TextEncoder().encode(texts.map((text) => `${text}\n`).join(""));
    assert.deepEqual(cut(tokenizer.encodeLines(lines)), alone);
  });

  Deno.test(`${name}: the same file opened again gives the same ids`, async () => {
    using folder = temporaryFolder();
    const path = await write(folder);
    using first = await openTokenizer(path);
    using second = await openTokenizer(path);
    assert.equal(second.vocabSize, first.vocabSize);
    for (const text of texts) assert.deepEqual(second.encode(text), first.encode(text));
  });
}
