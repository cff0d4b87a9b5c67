/**
 * The tokenizer of a folder that leaves: `tokenizer.json`, `tokenizer_config.json`, `special_tokens_map.json`.
 */
import {
  saveByteLevelTokenizer,
  saveConfigFiles,
  saveTokenizer,
  type UnigramTokenizer,
  whyNotByteLevel,
} from "../../tokenizers/mod.ts";
import type { ExportedModel } from "./export_format.ts";

/** Writes the tokenizer's files, in the form that every reader encodes alike where there is one. */
export function saveTokenizerFiles({ tokenizer, config }: ExportedModel, folder: string): void {
  if (whyNotByteLevel(tokenizer.settings) === undefined) saveByteLevelTokenizer(folder, tokenizer);
  else saveTokenizer(folder, tokenizer);
  saveConfigFiles(folder, tokenizer, config.positions === "learned" ? config.seqLen : undefined);
}

/** What of the tokenizer other programs do differently; each a sentence of Markdown. */
export function tokenizerLimits({ settings }: UnigramTokenizer): string[] {
  const why = whyNotByteLevel(settings);
  return [
    "In a text that spells out a special piece, such as `</s>`, other programs take it for that piece; here it is text.",
    ...(why === undefined ? [] : [
      `\`tokenizer.json\` has the form with \`▁\` for spaces, since ${why}. A \`▁\` in a text is a space to other programs, and ` +
      "transformers.js gives other ids for characters without a piece.",
    ]),
    ...(settings.normalizationRule === "nmt_nfkc"
      ? ["Other programs make the full-width tilde `～` a `~`."]
      : []),
  ];
}
