/**
 * Vocabularies of others in a run: a local `tokenizer.json` or SentencePiece model with this project's ids.
 *
 * ```ts
 * import { UnigramTokenizer } from "../mod.ts";
 * import { saveSentencePiece, sentencePieceModelOf } from "../sentencepiece/mod.ts";
 * import { adoptTokenizer, openAdopted } from "./mod.ts";
 *
 * const folder = Deno.makeTempDirSync();
 * const given = new UnigramTokenizer([{ text: "the", logProb: -1 }, { text: " new", logProb: -2 }]);
 * saveSentencePiece(folder + "/spiece.model", sentencePieceModelOf(given));
 * console.log(await adoptTokenizer(folder + "/spiece.model", folder)); // rows of the vocabulary
 * using tokenizer = await openAdopted(folder);
 * console.log(Array.from(tokenizer.encode("the new"), (id) => tokenizer.piece(id))); // the, ▁new
 * ```
 */
export { adoptTokenizer, openAdopted } from "./adopted_tokenizer.ts";
export { keepTokenizer } from "./kept_tokenizer.ts";
// A worker runs it, and no import leads there. This export puts it and its package into the action key.
export * as library from "../foreign/foreign_library.ts";
