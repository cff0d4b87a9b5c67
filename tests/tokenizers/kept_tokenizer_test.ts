import assert from "node:assert/strict";
import { join } from "node:path";
import { keepTokenizer, openAdopted } from "../../tokenizers/adopted/mod.ts";
import { loadPieces, saveTokenizer, UnigramTokenizer } from "../../tokenizers/mod.ts";
import { temporaryFolder } from "../support/command_line.ts";
import { writeByteTokenizer, writeJson } from "../support/external_model.ts";

Deno.test("keepTokenizer() keeps ids, and rows without a piece stand for no text", async () => {
  using folder = temporaryFolder();
  writeByteTokenizer(folder.path);
  const kept = join(folder.path, "kept");
  Deno.mkdirSync(kept);
  const path = join(folder.path, "tokenizer.json");
  assert.equal(await keepTokenizer(path, kept, { rows: 264 }), 257);
  using tokenizer = await openAdopted(kept);
  // Byte b has id b; é is the bytes 195 and 169.
  assert.deepEqual([...tokenizer.encode("a é")], [97, 32, 195, 169]);
  assert.equal(tokenizer.decode([97, 263, 32, 195, 169]), "a é");
  assert.equal(tokenizer.vocabSize, 264);
  // Nothing of ours is in that vocabulary: the end of a text has all parts.
  assert.deepEqual(
    tokenizer.special,
    { unknown: -1, begin: 256, end: 256, pad: 256, start: 256, delimiter: 256, extract: 256 },
  );
  const pieces = loadPieces(kept);
  assert.deepEqual([97, 195, 256, 263].map((id) => pieces.byteLength(id)), [1, 1, 0, 0]);
  assert.equal(pieces.piece(263), "");
  assert.throws(() => pieces.piece(264), /expected an id from 0 to 263/);
});

Deno.test("keepTokenizer() refuses more pieces than rows, and a text without an end", async () => {
  using folder = temporaryFolder();
  writeByteTokenizer(folder.path);
  const path = join(folder.path, "tokenizer.json");
  await assert.rejects(
    keepTokenizer(path, folder.path, { rows: 256 }),
    /expected at most 256 pieces, a row of the model's table each, found 257/,
  );
  writeJson(folder.path, "tokenizer_config.json", {});
  await assert.rejects(
    keepTokenizer(path, folder.path, { rows: 264 }),
    /expected a piece that ends a text .*found none/,
  );
  await assert.rejects(
    keepTokenizer(path, folder.path, { rows: 264, endId: 260 }),
    /expected a piece that ends a text .*found id 260/,
  );
});

Deno.test("keepTokenizer() takes a tokenizer of ours as it is", async () => {
  using folder = temporaryFolder();
  const [given, kept] = ["given", "kept"].map((name) => join(folder.path, name));
  for (const path of [given, kept]) Deno.mkdirSync(path);
  const ours = new UnigramTokenizer([{ text: "the", logProb: -1 }, { text: " new", logProb: -2 }]);
  saveTokenizer(given, ours);
  const rows = ours.vocabSize;
  assert.equal(await keepTokenizer(join(given, "tokenizer.json"), kept, { rows }), rows);
  using tokenizer = await openAdopted(kept);
  assert.ok(tokenizer instanceof UnigramTokenizer);
});
