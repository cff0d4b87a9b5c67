import assert from "node:assert/strict";
import { join } from "node:path";
import { readSpecialRoles, saveConfigFiles, specialIds } from "../../tokenizers/mod.ts";
import { tokenizerOf } from "./support.ts";

Deno.test("saveConfigFiles() and readSpecialRoles() keep which piece has which part", () => {
  const folder = Deno.makeTempDirSync();
  try {
    const tokenizer = tokenizerOf({ a: 0.5 });
    const path = join(folder, "tokenizer.json");
    const idOf = (piece: string) => {
      const ids = Array.from({ length: tokenizer.vocabSize }, (_, id) => id);
      return ids.find((id) => tokenizer.piece(id) === piece);
    };
    assert.deepEqual(readSpecialRoles(path, idOf), {}); // no files
    saveConfigFiles(folder, tokenizer);
    const { unknown, begin, end, pad } = specialIds;
    assert.deepEqual(readSpecialRoles(path, idOf), { unknown, begin, end, pad });
    const config = JSON.parse(Deno.readTextFileSync(join(folder, "tokenizer_config.json")));
    assert.equal(config.added_tokens_decoder[6].content, "<extract>");

    // tokens as objects, as other writers have them; the config wins over the map
    const file = join(folder, "tokenizer_config.json");
    Deno.writeTextFileSync(file, JSON.stringify({ eos_token: { content: "a" }, pad_token: null }));
    assert.deepEqual(readSpecialRoles(path, idOf), { unknown, begin, end: 263, pad });
    Deno.writeTextFileSync(file, JSON.stringify({ eos_token: "zzz" }));
    assert.throws(
      () => readSpecialRoles(path, idOf),
      /tokenizer_config.json", eos_token: expected a piece of the vocabulary, found "zzz"/,
    );
    Deno.writeTextFileSync(file, "{");
    assert.throws(() => readSpecialRoles(path, idOf), /tokenizer_config.json": expected JSON/);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
