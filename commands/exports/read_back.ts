/**
 * Reads what was written, as a program that knows nothing of the model would, and compares it with the model.
 */
import { join } from "node:path";
import { messageOf, StageError } from "../../base/mod.ts";
import {
  cacheNames,
  incrementalBias,
  incrementalGraph,
  type ModelConfig,
  rotaryAngles,
} from "../../model/mod.ts";
import { type ConfigJson, fromLayout, layouts } from "../../model/layouts/mod.ts";
import { openTokenizer } from "../../tokenizers/mod.ts";
import { decodeSafetensors, type Tensors, writeTensors } from "../../training/mod.ts";
import type { AnyModel } from "./export_format.ts";
import { specialOf } from "./tokenizer_files.ts";

/** A text whose logits are compared: several scripts, digits, code, a character that no vocabulary has. */
export const fixedText =
  "Once upon a time, in 1984: il était une fois; 从前有座山。 let x = [3, 14]; \u{1f600}\n\tnext line";

/** Most tokens of it that are compared. */
const maxTokens = 64;

export interface ReadModel {
  readonly config: ModelConfig;
  readonly tensors: Tensors;
}

/**
 * Compares weights, ids and logits of a folder in the form `hf` with the model's own. Returns what was found, as a sentence.
 * @throws StageError when anything differs, in a single bit
 */
export async function readBack(model: AnyModel, folder: string): Promise<string> {
  const read = readModel(folder);
  checkWeights(model, read, folder);
  const ids = await checkIds(model, folder);
  const expected = await logitsOf(model, model, ids);
  const found = await logitsOf(model, read, ids);
  const at = expected.findIndex((value, i) => !Object.is(value, found[i]));
  if (at >= 0) {
    const place = `token ${Math.floor(at / model.config.vocabSize)}, piece ${
      at % model.config.vocabSize
    }`;
    fail(folder, `logit ${expected[at]} for ${place}`, `${found[at]}`);
  }
  return `Read back after writing: ${
    Object.keys(read.tensors).length
  } tensors, and the logits of ${ids.length} tokens, ` +
    `equal those of the model bit for bit (engine ${model.engine.name}).`;
}

/**
 * The network that `config.json` and `model.safetensors` of a folder describe, by our names.
 * @param others Names of tensors that are no part of it
 * @throws StageError
 */
export function readModel(folder: string, others: readonly string[] = []): ReadModel {
  const weights = join(folder, "model.safetensors");
  const found = Object.fromEntries(
    Object.entries(decodeSafetensors(Deno.readFileSync(weights), weights))
      .filter(([name]) => !others.includes(name)),
  );
  try {
    const json: ConfigJson = JSON.parse(Deno.readTextFileSync(join(folder, "config.json")));
    const layout = layouts.get(String(json.model_type));
    if (layout === undefined) {
      throw new RangeError(
        `expected model_type to be one of ${
          [...layouts.keys()].join(", ")
        }, found ${json.model_type}`,
      );
    }
    const config = layout.readConfig(json);
    return { config, tensors: fromLayout(layout, config, found) };
  } catch (cause) {
    throw new StageError(`Cannot read the model in "${folder}": ${messageOf(cause)}`, { cause });
  }
}

/** @throws StageError where a tensor is missing, is too much, or has another bit */
export function checkWeights(
  { tensors }: Pick<ReadModel, "tensors">,
  read: Pick<ReadModel, "tensors">,
  folder: string,
): void {
  const names = new Set([...Object.keys(tensors), ...Object.keys(read.tensors)]);
  for (const name of names) {
    const [ours, theirs] = [tensors[name], read.tensors[name]];
    if (ours === undefined || theirs === undefined) {
      fail(folder, `${ours ? "a" : "no"} parameter "${name}"`, theirs ? "one" : "none");
    }
    const [a, b] = [ours, theirs].map(({ data }) =>
      new Uint32Array(data.buffer, data.byteOffset, data.length)
    );
    if (a.length !== b.length || a.some((bits, i) => bits !== b[i])) {
      fail(folder, `the model's numbers as "${name}"`, "others");
    }
  }
}

/** Encodes the fixed text with both tokenizers. Returns its first ids, after the end symbol of what came before. */
export async function checkIds(
  { config, tokenizer }: AnyModel,
  folder: string,
): Promise<Int32Array> {
  using read = await openTokenizer(folder);
  const [ours, theirs] = [tokenizer, read].map((one) => one.encode(fixedText));
  if (ours.length !== theirs.length || ours.some((id, i) => id !== theirs[i])) {
    fail(folder, `ids ${ours.slice(0, 20)} for a text`, `${theirs.slice(0, 20)}`);
  }
  const ids = Int32Array.of(specialOf(tokenizer).end, ...ours);
  return ids.slice(0, Math.min(maxTokens, config.seqLen));
}

/** Logits [T, V] of a text. */
export async function logitsOf(
  { engine, engineOptions }: AnyModel,
  { config, tensors }: ReadModel,
  tokens: Int32Array,
): Promise<Float32Array> {
  // One slot for earlier tokens, which stays empty: the bias hides it.
  const shape = { length: tokens.length, capacity: 1 };
  const graph = incrementalGraph(config, shape);
  const program = await engine.compile(graph, engineOptions);
  try {
    await writeTensors(program, tensors);
    const past = Array.from({ length: config.nLayers }, (_, layer) => cacheNames(layer))
      .flatMap(({ keys, values }) => [keys.past, values.past]);
    const { cos, sin } = rotaryAngles(config, tokens.length);
    const { logits } = await program.run({
      ...Object.fromEntries(past.map((name) => [name, new Float32Array(config.dModel)])),
      tokens,
      bias: incrementalBias(config, shape, 0),
      ...(config.positions === "learned" ? { positions: tokens.map((_, i) => i) } : {}),
      ...(config.positions === "rotary" ? { "rotation.cos": cos, "rotation.sin": sin } : {}),
    }, ["logits"]);
    return logits;
  } finally {
    await program.dispose();
  }
}

export function fail(folder: string, expected: string, found: string): never {
  throw new StageError(
    `Cannot export to "${folder}": expected to read back ${expected}, found ${found}; nothing was exported`,
  );
}
