/**
 * The tokenizer of a folder that leaves: `tokenizer.json`, `tokenizer_config.json`, `special_tokens_map.json`.
 */
import { basename, join } from "node:path";
import { writeFileSynced } from "../../base/mod.ts";
import {
  saveByteLevelTokenizer,
  saveConfigFiles,
  saveTokenizer,
  type SpecialIds,
  specialIds,
  type Tokenizer,
  whyNotByteLevel,
} from "../../tokenizers/mod.ts";
import type { AnyModel } from "./export_format.ts";

/** Writes the tokenizer's files: one of ours in the form that every reader encodes alike where there is one, others as they came. */
export function saveTokenizerFiles(model: AnyModel, folder: string): void {
  if ("tokenizerFiles" in model) {
    for (const path of model.tokenizerFiles) {
      writeFileSynced(join(folder, basename(path)), Deno.readFileSync(path));
    }
    return;
  }
  const { tokenizer, config } = model;
  if (whyNotByteLevel(tokenizer.settings) === undefined) saveByteLevelTokenizer(folder, tokenizer);
  else saveTokenizer(folder, tokenizer);
  saveConfigFiles(folder, tokenizer, config.positions === "learned" ? config.seqLen : undefined);
}

/** Ids of special pieces. */
export function specialOf({ special = specialIds }: Tokenizer): SpecialIds {
  return special;
}

/** Ids of special pieces, as configurations name them. */
export function idFields({ tokenizer }: AnyModel) {
  const special = specialOf(tokenizer);
  return { bos_token_id: special.begin, eos_token_id: special.end, pad_token_id: special.pad };
}

/** The piece that ends a text. */
export function endPiece({ tokenizer }: AnyModel): string {
  return tokenizer.piece(specialOf(tokenizer).end);
}

/** How texts begin and end for this model: a sentence of Markdown. */
export function endsOfTexts(model: AnyModel): string {
  const end = endPiece(model);
  return `Documents end in \`${end}\`, and each began after that of another: a prompt that begins a document begins with ` +
    `\`${end}\`, which \`deno task pipeline generate\` puts there. Nothing else stands in front of a prompt.`;
}

/** What of the tokenizer other programs do differently; each a sentence of Markdown. */
export function tokenizerLimits(model: AnyModel): string[] {
  if ("tokenizerFiles" in model) {
    return ["The tokenizer's files are those that the model came with."];
  }
  const { settings } = model.tokenizer;
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
