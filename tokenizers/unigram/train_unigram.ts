/**
 * Documents to a tokenizer.
 */
import type { UnigramConfig } from "./config.ts";
import type { Documents, TrainingOptions } from "./training_options.ts";
import { trainPieces } from "./unigram_trainer.ts";
import { UnigramTokenizer } from "./unigram_tokenizer.ts";

/** Trains a unigram tokenizer of exactly `config.vocabSize` rows on documents. Throws as `trainPieces` does. */
export async function trainUnigram(
  documents: Documents,
  config: UnigramConfig,
  options: TrainingOptions = {},
): Promise<UnigramTokenizer> {
  return new UnigramTokenizer(await trainPieces(documents, config, options), config);
}
