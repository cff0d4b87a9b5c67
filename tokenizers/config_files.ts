/**
 * The files beside a `tokenizer.json` that say which pieces have which part: `tokenizer_config.json` and
 * `special_tokens_map.json`, as Hugging Face's libraries read and write them.
 */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { StageError, writeFileAtomic } from "../base/mod.ts";
import type { SpecialRoles } from "./opened_tokenizer.ts";
import { specialPieces } from "./tokenizer.ts";
import { readJsonFile } from "./read_files.ts";
import { addedTokens } from "./unigram/file_form.ts";
import type { UnigramTokenizer } from "./unigram/unigram_tokenizer.ts";

const roleKeys = {
  unknown: "unk_token",
  begin: "bos_token",
  end: "eos_token",
  pad: "pad_token",
} as const satisfies Readonly<Record<keyof SpecialRoles, string>>;

const configFile = "tokenizer_config.json";
const mapFile = "special_tokens_map.json";

/** What a tokenizer gives a model: without it transformers adds `token_type_ids`, which GPT-2 there would embed. */
export const modelInputNames = ["input_ids", "attention_mask"];

/** Names of the files beside a `tokenizer.json`. */
export const configFileNames = [configFile, mapFile] as const;

/**
 * Writes both files beside a `tokenizer.json` of ours. The same tokenizer gives the same bytes.
 * @param maxLength Tokens that the model takes at most; none without it
 */
export function saveConfigFiles(
  folder: string,
  { settings }: UnigramTokenizer,
  maxLength = 1e30, // as that library writes "no limit"
): void {
  const [unknown, begin, end, pad, ...others] = specialPieces;
  const roles = {
    bos_token: begin,
    eos_token: end,
    pad_token: pad,
    unk_token: unknown,
    additional_special_tokens: [...others, ...settings.controlSymbols],
  };
  const config = {
    add_bos_token: false,
    add_eos_token: false,
    added_tokens_decoder: Object.fromEntries(
      addedTokens(settings).map((
        { id, content, lstrip, normalized, rstrip, single_word, special },
      ) => [
        id,
        { content, lstrip, normalized, rstrip, single_word, special },
      ]),
    ),
    ...roles,
    clean_up_tokenization_spaces: false,
    model_input_names: modelInputNames,
    model_max_length: maxLength,
    tokenizer_class: "PreTrainedTokenizerFast",
  };
  const write = (name: string, content: unknown) =>
    writeFileAtomic(join(folder, name), JSON.stringify(content, null, 2) + "\n");
  write(configFile, config);
  write(mapFile, roles);
}

/**
 * The parts that the files beside a `tokenizer.json` give to pieces; none where there are no such files.
 *
 * @param idOf the id of a piece, if the vocabulary has it
 * @throws StageError with the place of anything that is not as expected
 */
export function readSpecialRoles(
  tokenizerPath: string,
  idOf: (piece: string) => number | undefined,
): SpecialRoles {
  const named: Record<string, unknown> = {};
  for (const name of [mapFile, configFile]) {
    const path = join(dirname(tokenizerPath), name);
    if (!existsSync(path)) continue;
    const content = readJsonFile(path, "JSON").value;
    for (const key of Object.values(roleKeys)) {
      const token = (content as Record<string, unknown> | null)?.[key] ?? undefined;
      // A token is its text, or an object that holds it.
      const text = typeof token === "object" ? (token as { content?: unknown }).content : token;
      if (text === undefined) continue;
      if (typeof text !== "string" || idOf(text) === undefined) {
        throw new StageError(
          `Cannot read "${path}", ${key}: expected a piece of the vocabulary, found ${
            JSON.stringify(text)
          }`,
        );
      }
      named[key] = idOf(text);
    }
  }
  return Object.fromEntries(
    Object.entries(roleKeys).filter(([, key]) => named[key] !== undefined)
      .map(([role, key]) => [role, named[key]]),
  );
}
