/**
 * Models as other programs publish them: a folder with `config.json`, safetensors and a tokenizer, of random weights.
 */
import { join } from "node:path";
import type { Json } from "../../base/mod.ts";
import type { ModelConfig } from "../../model/mod.ts";
import { layouts, type LayoutTensors, toLayout } from "../../model/layouts/mod.ts";
import type { Tensors } from "../../training/mod.ts";
import { randomNetwork } from "./random_network.ts";

export type NumberType = "F32" | "F16" | "BF16";

const size = { nLayers: 2, dModel: 24, nHeads: 3, expansion: 4, seqLen: 48 } as const;
const larger = { nLayers: 3, dModel: 64, nHeads: 4, expansion: 4, seqLen: 48 } as const;
const vocabSize = 264; // seven more than the tokenizer has pieces

/** A small and a larger network of each kind, as `config.json` describes them. */
export const externalNetworks: Readonly<
  Record<string, { readonly type: string; readonly config: ModelConfig }>
> = Object.fromEntries([size, larger].flatMap((size, i) => {
  const kinds: Record<string, { type: string; config: ModelConfig }> = {
    "GPT-2": {
      type: "gpt2",
      config: { ...size, vocabSize, positions: "learned", bias: true, gelu: "tanh" },
    },
    MPT: { type: "mpt", config: { ...size, vocabSize, positions: "alibi", bias: false } },
    "GPT-NeoX": {
      type: "gpt_neox",
      config: {
        ...size,
        vocabSize,
        positions: "rotary",
        rotaryFraction: i === 0 ? 0.25 : 0.5,
        bias: true,
        parallelResidual: i === 0,
        tiedEmbeddings: false,
      },
    },
  };
  return Object.entries(kinds).map(([name, kind]) => [`${name} of width ${size.dModel}`, kind]);
}));

/** Writes a model of random weights and returns them by our names. */
export function writeExternalModel(
  folder: string,
  { type, config }: { readonly type: string; readonly config: ModelConfig },
  { numbers = "F32", parts = 1, tokenizerJson }: {
    readonly numbers?: NumberType;
    readonly parts?: number;
    /** In the place of a tokenizer with a byte a piece. */
    readonly tokenizerJson?: string;
  } = {},
): Tensors {
  const layout = layouts.get(type)!;
  const tensors = randomNetwork(config);
  const theirs = toLayout(layout, config, tensors);
  writeJson(folder, "config.json", {
    model_type: type,
    architectures: [layout.architecture],
    ...layout.configJson(config),
    eos_token_id: 256,
  });
  writeByteTokenizer(folder);
  if (tokenizerJson !== undefined) {
    Deno.writeTextFileSync(join(folder, "tokenizer.json"), tokenizerJson);
  }
  if (parts === 1) {
    Deno.writeFileSync(join(folder, "model.safetensors"), safetensorsOf(theirs, numbers));
    return tensors;
  }
  const names = Object.keys(theirs);
  const map: Record<string, string> = {};
  for (let part = 0; part < parts; part++) {
    const own = names.filter((_, i) => i % parts === part);
    const file = `model-${part + 1}-of-${parts}.safetensors`;
    const held = Object.fromEntries(own.map((name) => [name, theirs[name]]));
    Deno.writeFileSync(join(folder, file), safetensorsOf(held, numbers));
    for (const name of own) map[name] = file;
  }
  writeJson(folder, "model.safetensors.index.json", { metadata: {}, weight_map: map });
  return tensors;
}

/** A safetensors file as that library writes it: metadata, tensors in any order, numbers of a type. */
export function safetensorsOf(
  tensors: LayoutTensors,
  numbers: NumberType = "F32",
): Uint8Array<ArrayBuffer> {
  const header: Record<string, unknown> = { __metadata__: { format: "pt" } };
  const datas = Object.values(tensors).map(({ data }) => encoded(data, numbers));
  let end = 0;
  Object.entries(tensors).forEach(([name, { shape }], i) => {
    const start = end;
    end += datas[i].length;
    header[name] = { dtype: numbers, shape, data_offsets: [start, end] };
  });
  const text = new TextEncoder().encode(JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  let at = 8 + text.length;
  for (const data of datas) {
    bytes.set(data, at);
    at += data.length;
  }
  return bytes;
}

function encoded(data: Float32Array, numbers: NumberType): Uint8Array {
  switch (numbers) {
    case "F32":
      return new Uint8Array(data.slice().buffer);
    case "F16":
      return new Uint8Array(Float16Array.from(data).buffer);
    case "BF16": // cut off, where others round
      return new Uint8Array(
        Uint16Array.from(new Uint32Array(data.slice().buffer), (bits) => bits >>> 16).buffer,
      );
    default:
      return numbers satisfies never;
  }
}

/** A BPE tokenizer on bytes without merges, as of GPT-2: byte b has id b, `<|endoftext|>` has 256. */
export function writeByteTokenizer(folder: string): void {
  const vocab = Object.fromEntries(byteLetters().map((letter, byte) => [letter, byte]));
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true };
  writeJson(folder, "tokenizer.json", {
    version: "1.0",
    added_tokens: [{
      id: 256,
      content: "<|endoftext|>",
      special: true,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
    }],
    normalizer: null,
    pre_tokenizer: { ...byteLevel, use_regex: true },
    post_processor: null,
    decoder: byteLevel,
    model: { type: "BPE", vocab, merges: [] },
  });
  writeJson(folder, "tokenizer_config.json", { eos_token: "<|endoftext|>" });
}

/** The letter that stands for each byte. Source: GPT-2, `bytes_to_unicode`. */
function byteLetters(): string[] {
  const isShown = (byte: number) =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  let next = 256;
  return Array.from(
    { length: 256 },
    (_, byte) => String.fromCodePoint(isShown(byte) ? byte : next++),
  );
}

export function writeJson(folder: string, name: string, content: Json): void {
  Deno.writeTextFileSync(join(folder, name), JSON.stringify(content));
}
