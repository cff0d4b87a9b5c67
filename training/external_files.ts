/**
 * The files of a model as other programs publish it: which of a folder's belong to it.
 */
import { StageError } from "../base/mod.ts";
import { isObject } from "./checkpoint.ts";

export const configName = "config.json";
const singleName = "model.safetensors";
export const indexName = "model.safetensors.index.json";

/** Files of a tokenizer, the first that is there; and those beside it that say which pieces are special. */
const tokenizerNames = ["tokenizer.json", "spiece.model", "tokenizer.model"];
const besideNames = ["tokenizer_config.json", "special_tokens_map.json"];

/** More parts than any model has. */
const mostParts = 10_000;

export interface ExternalNames {
  readonly tokenizer: string;
  /** Those beside the tokenizer's file that are there. */
  readonly beside: readonly string[];
  /** The file of all weights, or the index that names several. */
  readonly weights: string;
}

/**
 * The files of a model among those of its folder.
 * @param weights Its name, where a file was named and not the folder.
 * @throws StageError when one is missing; weights in other forms are not read, since some of them are programs
 */
export function externalNames(
  names: readonly string[],
  place: string,
  weights?: string,
): ExternalNames {
  const has = (name: string) => names.includes(name);
  const fail = (expected: string, found: readonly string[]): never => {
    const some = found.slice(0, 6).join(", ") || "nothing";
    throw new StageError(`Cannot import "${place}": expected ${expected}, found ${some}`);
  };
  if (!has(configName)) fail(configName, names);
  const tokenizer = tokenizerNames.find(has) ?? fail(tokenizerNames.join(" or "), names);
  const chosen = weights ?? [singleName, indexName].find(has);
  if (chosen === undefined || !has(chosen)) {
    const others = names.filter((name) => /\.(bin|pt|pth|ckpt|h5|msgpack|gguf|onnx)$/.test(name));
    return fail(
      `${weights ?? singleName} (only safetensors are read)`,
      others.length > 0 ? others : names,
    );
  }
  return { tokenizer, beside: besideNames.filter(has), weights: chosen };
}

/** The files that an index names, each once, sorted. @throws StageError for what is no plain file name beside the index */
export function partNames(text: string, file: string): readonly string[] {
  const fail = (expected: string, found: string): never => {
    throw new StageError(`Cannot read "${file}": expected ${expected}, found ${found}`);
  };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return fail("JSON", "other text");
  }
  const map = isObject(value) ? value.weight_map : undefined;
  if (!isObject(map)) return fail("a weight_map of tensors and files", "none");
  const names = new Set<string>();
  for (const [tensor, name] of Object.entries(map)) {
    if (typeof name !== "string" || !/^[\w-][\w.-]*\.safetensors$/.test(name)) {
      fail(
        `the name of a safetensors file beside it for tensor "${tensor}"`,
        JSON.stringify(name) ?? "none",
      );
    }
    names.add(name as string);
  }
  if (names.size === 0 || names.size > mostParts) {
    fail(`1 to ${mostParts} files`, `${names.size}`);
  }
  return [...names].sort();
}
