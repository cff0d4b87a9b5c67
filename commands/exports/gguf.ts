/**
 * The form `gguf`: files for llama.cpp, and for what builds on it.
 *
 *     model-F32.gguf    numbers as they are
 *     model-F16.gguf    matrices in half precision, half the size
 *
 * Each holds the network and its tokenizer.
 */
import { join } from "node:path";
import { messageOf, StageError, writePartsSynced } from "../../base/mod.ts";
import {
  type ElementType,
  ggufArchitecture,
  GgufFile,
  type GgufKeys,
  ggufNetworkKeys,
  ggufParts,
  type GgufTensor,
  ggufTensors,
} from "../../model/gguf/mod.ts";
import { specialIds } from "../../tokenizers/mod.ts";
import {
  type LlamaVocabulary,
  llamaVocabulary,
  sentencePieceModelOf,
} from "../../tokenizers/sentencepiece/mod.ts";
import type { ExportedModel, ExportFormat, WrittenForm } from "./export_format.ts";
import { ggufLimits } from "./gguf_limits.ts";
import { measureEffects } from "./gguf_effects.ts";
import { fail } from "./read_back.ts";
import { endsOfTexts } from "./tokenizer_files.ts";

/** How to use the files, in Markdown. A file, for its lines are programs of others. */
const useFile = "gguf_use.md";

export const gguf: ExportFormat = {
  name: "gguf",
  description: "files for llama.cpp in 32 and 16 bits; what it computes otherwise is measured",
  async write(model, folder): Promise<WrittenForm> {
    checkNetwork(model);
    const vocabulary = llamaVocabulary(sentencePieceModelOf(model.tokenizer));
    let tensors = 0;
    for (const type of ["F32", "F16"] as const) {
      const path = join(folder, `model-${type}.gguf`);
      const keys = keysOf(model, vocabulary, type);
      const written = ggufTensors(model.config, model.tensors, type);
      writePartsSynced(path, ggufParts(keys, written));
      checkFile(path, keys, written, folder);
      tensors = written.length;
    }
    const windows = await model.testText();
    const effects = await measureEffects(model, windows, vocabulary.lostIds, folder);
    return {
      tags: ["gguf", "llama.cpp"],
      use: [Deno.readTextFileSync(new URL(`./${useFile}`, import.meta.url)).trim()],
      limits: [...ggufLimits(model.config, model.tokenizer, effects), endsOfTexts(model)],
      checked:
        `Read back after writing: ${tensors} tensors equal those of the model bit for bit in 32 bits, and ` +
        "rounded to the nearest in 16, and so do all keys.",
    };
  },
};

function checkNetwork({ config, facts }: ExportedModel): void {
  try {
    ggufArchitecture(config);
  } catch (cause) {
    throw new StageError(`Cannot export ${facts.target} as gguf: ${messageOf(cause)}`, { cause });
  }
}

/** All keys of a file: what it is, the network, the tokenizer. */
function keysOf(
  { config, facts }: ExportedModel,
  vocabulary: LlamaVocabulary,
  type: ElementType,
): GgufKeys {
  const string = (value: string) => ({ type: "string", value }) as const;
  const uint32 = (value: number) => ({ type: "uint32", value }) as const;
  const bool = (value: boolean) => ({ type: "bool", value }) as const;
  const { charsmap } = vocabulary;
  return {
    ...ggufNetworkKeys(config, type),
    "general.name": string([facts.target, facts.source].filter(Boolean).join(" ")),
    "general.description": string(
      `Variant ${facts.variant} of DEPT (arXiv 2410.05021), recipe ${facts.recipe.name}, key ${facts.key}`,
    ),
    "tokenizer.ggml.model": string("t5"), // unigram
    "tokenizer.ggml.pre": string("default"),
    "tokenizer.ggml.tokens": { type: "array", of: "string", value: vocabulary.tokens },
    "tokenizer.ggml.scores": { type: "array", of: "float32", value: vocabulary.scores },
    "tokenizer.ggml.token_type": { type: "array", of: "int32", value: vocabulary.kinds },
    ...(charsmap.length === 0 ? {} : {
      "tokenizer.ggml.precompiled_charsmap": { type: "array", of: "uint8", value: charsmap },
    }),
    // The type's own ids are those of T5, and it would put </s> after a prompt.
    "tokenizer.ggml.unknown_token_id": uint32(specialIds.unknown),
    "tokenizer.ggml.bos_token_id": uint32(specialIds.begin),
    "tokenizer.ggml.eos_token_id": uint32(specialIds.end),
    "tokenizer.ggml.padding_token_id": uint32(specialIds.pad),
    "tokenizer.ggml.add_bos_token": bool(false),
    "tokenizer.ggml.add_eos_token": bool(false),
    "tokenizer.ggml.add_space_prefix": bool(vocabulary.addsSpacePrefix),
    "tokenizer.ggml.remove_extra_whitespaces": bool(vocabulary.removesExtraWhitespaces),
  };
}

/** Reads a file again. @throws StageError where a key or a bit is not what was to be written */
export function checkFile(
  path: string,
  keys: GgufKeys,
  tensors: readonly GgufTensor[],
  folder: string,
): void {
  using file = GgufFile.open(path);
  const text = (value: unknown) =>
    JSON.stringify(value, (_, item) => ArrayBuffer.isView(item) ? `${item}` : item);
  for (const key of new Set([...Object.keys(keys), ...file.keys.keys()])) {
    const [ours, theirs] = [keys[key], file.keys.get(key)].map(text);
    if (ours !== theirs) fail(folder, `${key} ${ours}`.slice(0, 200), `${theirs}`.slice(0, 200));
  }
  const [expected, found] = [tensors.length, file.tensors.size];
  if (expected !== found) fail(folder, `${expected} tensors`, `${found}`);
  for (const { name, shape, data, type } of tensors) {
    const tensor = file.tensors.get(name);
    const [ours, theirs] = [`${type} [${shape}]`, tensor && `${tensor.type} [${tensor.shape}]`];
    if (ours !== theirs) fail(folder, `tensor "${name}", ${ours}`, `${theirs ?? "none"}`);
    let at = 0;
    for (const piece of file.elements(name)) {
      const part = data.subarray(at, at + piece.length);
      const isSame = type === "F32"
        ? (a: number, i: number) => Object.is(a, part[i])
        : (a: number, i: number) => Object.is(a, Math.f16round(part[i]));
      const wrong = piece.findIndex((value, i) => !isSame(value, i));
      if (wrong >= 0) fail(folder, `${part[wrong]} in tensor "${name}"`, `${piece[wrong]}`);
      at += piece.length;
    }
  }
}
