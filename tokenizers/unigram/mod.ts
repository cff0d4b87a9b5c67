/**
 * Unigram tokenizers: training, encoding and their file.
 */
export { type UnigramConfig, unigramConfigOf, unigramDefaults } from "./config.ts";
export { cutTokenizer } from "./cut_tokenizer.ts";
export { encodeBatches } from "./encode_batches.ts";
export { type UnigramPiece } from "./pieces.ts";
export { whyNotByteLevel } from "./byte_level_form.ts";
export {
  loadTokenizer,
  saveByteLevelTokenizer,
  saveTokenizer,
  tokenizerFile,
} from "./tokenizer_file.ts";
export { invalidUtf8At, textOfUtf8 } from "./invalid_utf8.ts";
export { UnigramTokenizer } from "./unigram_tokenizer.ts";
export { type TrainingLog, type TrainingOptions } from "./training_options.ts";
export { trainPieces, trainUnigram } from "./unigram_trainer.ts";
