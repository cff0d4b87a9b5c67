/**
 * Options of the commands of `tokenizer`: the one that all but `train` have, and those of the trainer.
 */
import type { Command } from "commander";
import type { UnigramConfig } from "../tokenizers/mod.ts";

/** Adds the options of every command that uses a tokenizer. */
export function addTokenizerOption(command: Command): Command {
  return command
    .requiredOption("-t, --tokenizer <path>", "folder, tokenizer.json, or SentencePiece .model");
}

/** What each option does, by the name of its field. */
export const trainingOptions: Readonly<Record<keyof UnigramConfig, string>> = {
  vocabSize: "pieces, special and byte pieces included; met exactly",
  characterCoverage: "share of the text's characters with a piece of their own",
  maxPieceLength: "longest piece, in characters",
  seedSize: "most candidates that training starts from",
  shrinkingFactor: "share of the candidates that survives a round of pruning",
  subIterations: "EM steps before each pruning",
  splitByScript: "no piece mixes scripts, or letters with punctuation",
  splitByNumber: "no piece mixes digits with letters",
  splitDigits: "every digit is a piece of its own",
  splitByWhitespace: "no piece continues after a space",
  byteFallback: "characters without a piece are written in bytes, not as <unk>",
  userDefinedSymbols: "texts that are one token each, wherever they occur",
  controlSymbols: "ids for the caller's own use, which no text gives",
  normalizationRule: "how text is normalised first: identity, nfc, nfkc or nmt_nfkc",
  removeExtraWhitespaces: "runs of spaces become one, those at both ends go",
  addDummyPrefix: "a text begins with a space",
  maxSegmentCharacters: "most characters of distinct words, cut at scripts, to learn from",
  maxTextBytes: "bytes of text to read; the rest of the files is left out",
};

/** `--vocab-size` for `vocabSize`. */
export function optionName(field: string): string {
  return "--" + field.replace(/[A-Z]/g, (letter) => "-" + letter.toLowerCase());
}
