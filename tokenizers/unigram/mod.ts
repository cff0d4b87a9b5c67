/**
 * Unigram tokenizers: training, encoding and their file.
 */
export { type UnigramConfig, unigramConfigOf, unigramDefaults } from "./config.ts";
export { type UnigramPiece } from "./pieces.ts";
export { loadTokenizer, saveTokenizer, tokenizerFile } from "./tokenizer_file.ts";
export { UnigramTokenizer } from "./unigram_tokenizer.ts";
export { type TrainingLog, type TrainingOptions, trainUnigram } from "./unigram_trainer.ts";
