/**
 * The tokenizer of a fine-tuned model: other programs put the pieces around texts that fine-tuning has put there.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Json, StageError, writeFileSynced } from "../../base/mod.ts";
import { configFileNames, modelInputNames } from "../../tokenizers/mod.ts";
import type { HeadedModel } from "./export_format.ts";
import { checkIds } from "./read_back.ts";
import { saveTokenizerFiles, specialOf, tokenizerLimits } from "./tokenizer_files.ts";

/** Whether the piece that fills texts up is one that no text ends in, so that the last token is the last that is no padding. */
export function hasPadding({ tokenizer }: HeadedModel): boolean {
  const { pad, start, delimiter, extract } = specialOf(tokenizer);
  return ![start, delimiter, extract].includes(pad);
}

/**
 * Writes the tokenizer's files, checks the ids of a text, then says in `tokenizer.json` what stands around texts:
 * `<start> text <extract>`, `<start> text <delimiter> text <extract>`.
 * @throws StageError where ids differ, and for a tokenizer without such a file
 */
export async function saveHeadTokenizer(model: HeadedModel, folder: string): Promise<void> {
  saveTokenizerFiles(model, folder);
  const path = join(folder, "tokenizer.json");
  if (!existsSync(path)) {
    throw new StageError(
      `Cannot export ${model.facts.target} as hf: expected a tokenizer.json, where the pieces around a text have a place, ` +
        "found another file of a tokenizer",
    );
  }
  await checkIds(model, folder);
  const file: Record<string, Json> = JSON.parse(Deno.readTextFileSync(path));
  writeFileSynced(path, JSON.stringify({ ...file, post_processor: template(model) }));
  const [configName] = configFileNames;
  const configPath = join(folder, configName);
  const config: Record<string, Json> = existsSync(configPath)
    ? JSON.parse(Deno.readTextFileSync(configPath))
    : {};
  const { pad_token, ...others } = config;
  const made = {
    ...others,
    ...(hasPadding(model) && pad_token !== undefined ? { pad_token } : {}),
    model_input_names: modelInputNames,
    model_max_length: model.head.seqLen,
    padding_side: "right",
    tokenizer_class: "PreTrainedTokenizerFast",
  };
  writeFileSynced(configPath, JSON.stringify(made, null, 2) + "\n");
}

/** The step of `tokenizer.json` that puts pieces around texts. */
function template({ tokenizer }: HeadedModel): Json {
  const special = specialOf(tokenizer);
  const ids = [special.start, special.delimiter, special.extract];
  const [start, delimiter, extract] = ids.map((id) => tokenizer.piece(id));
  const piece = (id: string) => ({ SpecialToken: { id, type_id: 0 } });
  const text = (id: "A" | "B") => ({ Sequence: { id, type_id: 0 } });
  return {
    type: "TemplateProcessing",
    single: [piece(start), text("A"), piece(extract)],
    pair: [piece(start), text("A"), piece(delimiter), text("B"), piece(extract)],
    special_tokens: Object.fromEntries(
      ids.map((id) => [tokenizer.piece(id), {
        id: tokenizer.piece(id),
        ids: [id],
        tokens: [tokenizer.piece(id)],
      }]),
    ),
  };
}

/** What other programs do otherwise with texts; each a sentence or more of Markdown. */
export function tokenizerOfHeadLimits(model: HeadedModel): string[] {
  const { kind } = model.head;
  return [
    hasPadding(model)
      ? "In a batch texts are filled up on the right. The score is that of the last token that is no padding."
      : "One text at a time: the piece that would fill texts up also ends them.",
    ...(kind === "classification" ? [] : [
      "Of two texts that are too long together the longer is cut first; which of two that are as long may lose one token more than here.",
    ]),
    ...tokenizerLimits(model),
  ];
}
