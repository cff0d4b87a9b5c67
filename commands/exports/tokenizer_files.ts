/**
 * The tokenizer of a folder that leaves: `tokenizer.json`, `tokenizer_config.json`, `special_tokens_map.json`.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { writeFileSynced } from "../../base/mod.ts";
import {
  configFileNames,
  modelInputNames,
  saveByteLevelTokenizer,
  saveConfigFiles,
  saveTokenizer,
  shiftedTokenizerJson,
  type SpecialIds,
  specialIds,
  type Tokenizer,
  whyNotByteLevel,
} from "../../tokenizers/mod.ts";
import type { AnyModel, ForeignModel } from "./export_format.ts";

/** Writes the tokenizer's files: one of ours in the form that every reader encodes alike where there is one, others as they came. */
export function saveTokenizerFiles(model: AnyModel, folder: string): void {
  if ("tokenizerFiles" in model) {
    for (const [name, content] of Object.entries(model.tokenizerFiles)) {
      writeFileSynced(join(folder, name), content);
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
    return [
      "The tokenizer is one of others. What it puts around a text elsewhere, if anything, training had not.",
    ];
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

/** Files of an imported tokenizer, as they came. @param folder Of the artifact */
export function keptFiles(folder: string): ForeignModel["tokenizerFiles"] {
  const names = ["tokenizer.json", "tokenizer.model", ...configFileNames];
  return Object.fromEntries(
    names.filter((name) => existsSync(join(folder, name)))
      .map((name) => [name, Deno.readFileSync(join(folder, name))]),
  );
}

/**
 * Files of an adopted tokenizer with the ids of the run.
 * @throws StageError for one whose file has no place for them
 */
export function shiftedFiles(folder: string, tokenizer: Tokenizer): ForeignModel["tokenizerFiles"] {
  const roles = {
    bos_token: tokenizer.piece(specialIds.begin),
    eos_token: tokenizer.piece(specialIds.end),
    pad_token: tokenizer.piece(specialIds.pad),
  };
  const [configName, mapName] = configFileNames;
  const config = {
    ...{ add_bos_token: false, add_eos_token: false },
    ...roles,
    ...{ clean_up_tokenization_spaces: false, model_max_length: 1e30 },
    model_input_names: modelInputNames,
    tokenizer_class: "PreTrainedTokenizerFast",
  };
  return {
    "tokenizer.json": shiftedTokenizerJson(folder),
    [configName]: JSON.stringify(config, null, 2) + "\n",
    [mapName]: JSON.stringify(roles, null, 2) + "\n",
  };
}
