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
import { type LlamaBpe, llamaBpe } from "../../tokenizers/mod.ts";
import { llamaVocabulary, sentencePieceModelOf } from "../../tokenizers/sentencepiece/mod.ts";
import type { AnyModel, ExportFormat, ForeignModel, WrittenForm } from "./export_format.ts";
import { bpeLimits, ggufLimits, unigramLimits } from "./gguf_limits.ts";
import { bpeKeys, string, unigramKeys } from "./gguf_tokenizer.ts";
import { measureEffects } from "./gguf_effects.ts";
import { fail } from "./read_back.ts";
import { endPiece, endsOfTexts, specialOf } from "./tokenizer_files.ts";

/** How to use the files, in Markdown. A file, for its lines are programs of others. */
const useFile = "gguf_use.md";

export const gguf: ExportFormat = {
  name: "gguf",
  description: "files for llama.cpp in 32 and 16 bits; what it computes otherwise is measured",
  async write(model, folder) {
    const vocabulary = llamaVocabulary(sentencePieceModelOf(model.tokenizer));
    return await writeGguf(model, folder, {
      keys: unigramKeys(vocabulary),
      lostIds: vocabulary.lostIds,
      limits: unigramLimits(model.tokenizer),
    });
  },
  async writeForeign(model, folder) {
    const bpe = bpeOf(model);
    return await writeGguf(model, folder, {
      keys: bpeKeys(bpe, specialOf(model.tokenizer)),
      lostIds: [],
      limits: bpeLimits(bpe),
    });
  },
};

interface TokenizerPart {
  readonly keys: GgufKeys;
  /** Ids that llama.cpp encodes no text to. */
  readonly lostIds: readonly number[];
  /** What llama.cpp does otherwise with text, for the card. */
  readonly limits: readonly string[];
}

async function writeGguf(
  model: AnyModel,
  folder: string,
  tokenizer: TokenizerPart,
): Promise<WrittenForm> {
  checkNetwork(model);
  let tensors = 0;
  for (const type of ["F32", "F16"] as const) {
    const path = join(folder, `model-${type}.gguf`);
    const keys = { ...networkKeys(model, type), ...tokenizer.keys };
    const written = ggufTensors(model.config, model.tensors, type);
    writePartsSynced(path, ggufParts(keys, written));
    checkFile(path, keys, written, folder);
    tensors = written.length;
  }
  const windows = await model.testText();
  const effects = await measureEffects(model, windows, tokenizer.lostIds, folder);
  const use = Deno.readTextFileSync(new URL(`./${useFile}`, import.meta.url)).trim();
  return {
    tags: ["gguf", "llama.cpp"],
    use: [use.replaceAll("{{end}}", endPiece(model))],
    limits: [
      ...ggufLimits(model.config, effects, tokenizer.lostIds.length > 0),
      ...tokenizer.limits,
      endsOfTexts(model),
    ],
    checked:
      `Read back after writing: ${tensors} tensors equal those of the model bit for bit in 32 bits, and ` +
      "rounded to the nearest in 16, and so do all keys.",
  };
}

function checkNetwork({ config, facts }: AnyModel): void {
  try {
    ggufArchitecture(config);
  } catch (cause) {
    throw new StageError(`Cannot export ${facts.target} as gguf: ${messageOf(cause)}`, { cause });
  }
}

/** The tokenizer of others for llama.cpp. @throws StageError where it would give other ids */
function bpeOf({ config, facts, tokenizer, tokenizerFiles }: ForeignModel): LlamaBpe {
  const file = tokenizerFiles["tokenizer.json"];
  const fail = (why: string, cause?: unknown): never => {
    throw new StageError(
      `Cannot export ${facts.target} as gguf: llama.cpp would not read text as its tokenizer does: ${why}`,
      { cause },
    );
  };
  if (file === undefined) {
    return fail("expected a tokenizer.json, found another file of a tokenizer");
  }
  const text = typeof file === "string" ? file : new TextDecoder().decode(file);
  const made = ((): LlamaBpe => {
    try {
      return llamaBpe(JSON.parse(text), config.vocabSize);
    } catch (error) {
      return fail(messageOf(error), error);
    }
  })();
  for (const [id, token] of made.tokens.entries()) {
    // The library gives ids of its own to added pieces that stand apart from the others.
    const piece = tokenizer.piece(id);
    if (piece !== "" && piece !== token) fail(`expected "${piece}" as ${id}, found "${token}"`);
  }
  return made;
}

/** What a file is, and its network. */
function networkKeys({ config, facts }: AnyModel, type: ElementType): GgufKeys {
  return {
    ...ggufNetworkKeys(config, type),
    "general.name": string([facts.target, facts.source].filter(Boolean).join(" ")),
    "general.description": string(
      `${
        facts.imported === undefined
          ? `Variant ${facts.variant} of DEPT (arXiv 2410.05021)`
          : `Imported from ${facts.imported}`
      }, recipe ${facts.recipe.name}, key ${facts.key}`,
    ),
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
