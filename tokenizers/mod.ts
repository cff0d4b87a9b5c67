/**
 * Tokenizers: text to ids and back.
 *
 * ```ts
 * import { trainUnigram, unigramDefaults } from "./mod.ts";
 *
 * const documents = [{ text: "low lower lowest\nnew newer newest" }, { text: "wide wider widest" }];
 * const tokenizer = await trainUnigram(documents, { ...unigramDefaults, vocabSize: 280 });
 * const ids = tokenizer.encode("the newest");
 * console.log(Array.from(ids, (id) => tokenizer.piece(id)), tokenizer.decode(ids));
 * ```
 */
export { loadPieces } from "./adopted/adopted_file.ts";
export { adoptedVocabSize } from "./adopted/adopted_size.ts";
export { shiftedTokenizerJson } from "./adopted/shifted_file.ts";
export { type LlamaBpe, llamaBpe } from "./foreign/llama_bpe.ts";
export type { EncodedLines, OpenedTokenizer, TextsTokenizer } from "./opened_tokenizer.ts";
export {
  configFileNames,
  modelInputNames,
  readSpecialRoles,
  saveConfigFiles,
} from "./config_files.ts";
export { isForeign, openTokenizer, tokenizerFileOf } from "./open_tokenizer.ts";
export {
  firstByteId,
  type SpecialIds,
  specialIds,
  specialPieces,
  type Tokenizer,
} from "./tokenizer.ts";
export * from "./unigram/mod.ts";
