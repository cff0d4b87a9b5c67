/**
 * SentencePiece's unigram models: the same ids from the same file.
 *
 * ```ts
 * import { UnigramTokenizer } from "../mod.ts";
 * import { loadSentencePiece, saveSentencePiece, sentencePieceModelOf } from "./mod.ts";
 *
 * const ours = new UnigramTokenizer([{ text: "the", logProb: -1 }, { text: " new", logProb: -2 }]);
 * const path = Deno.makeTempDirSync() + "/tokenizer.model";
 * saveSentencePiece(path, sentencePieceModelOf(ours));
 * const same = loadSentencePiece(path, { exactTies: true });
 * console.log(same.encode("the new"), ours.encode("the new")); // twice 263, 264
 * ```
 */
export { type LlamaVocabulary, llamaVocabulary } from "./llama_vocabulary.ts";
export {
  loadSentencePiece,
  saveSentencePiece,
  saveVocabulary,
  sentencePieceModelOf,
} from "./model_tokenizer_file.ts";
export { SentencePieceTokenizer } from "./sentencepiece_tokenizer.ts";
