/**
 * The network under the names that llama.cpp has: those of MPT, which takes biases, any width inside the MLP and either kind of
 * positions; with rotary positions those of GPT-NeoX, which has a bias everywhere and a head of its own.
 *
 * Source: llama.cpp, `src/models/mpt.cpp`, `src/models/gptneox.cpp`, `src/llama-arch.cpp` (names of keys and tensors).
 */
import { headTable, type ModelConfig, parameterShapes, validateConfig } from "../config.ts";
import { biasMax } from "../positions.ts";
import { rotaryPairs } from "../rotary.ts";
import { type Shape, sizeOf } from "../shapes.ts";
import { alignment, type ElementType, type GgufKeys } from "./gguf.ts";
import type { GgufTensor } from "./gguf_writer.ts";

type Weights = Readonly<Record<string, { readonly shape: Shape; readonly data: Float32Array }>>;

const parts: Readonly<Record<string, string>> = {
  "embedding.token": "token_embd",
  "embedding.position": "position_embd",
  "embedding.output": "output",
  "body.norm_final": "output_norm",
  "norm_1": "attn_norm",
  "attn.qkv": "attn_qkv",
  "attn.out": "attn_output",
  "norm_2": "ffn_norm",
  "mlp.up": "ffn_up",
  "mlp.down": "ffn_down",
};

/** `body.block.3.attn.qkv.weight` → `blk.3.attn_qkv.weight`. @throws RangeError for a parameter that networks do not have */
export function ggufName(parameter: string): string {
  const [, layer, part, kind] = /^(?:body\.block\.(\d+)\.)?(.+)\.(weight|bias)$/.exec(parameter) ??
    [];
  if (part === undefined || !Object.hasOwn(parts, part)) {
    throw new RangeError(`Cannot name parameter "${parameter}" in GGUF: expected one of a network`);
  }
  return `${layer === undefined ? "" : `blk.${layer}.`}${parts[part]}.${kind}`;
}

/** @throws RangeError for a network that llama.cpp cannot compute */
export function ggufArchitecture(config: ModelConfig): "mpt" | "gptneox" {
  const { positions, parallelResidual } = validateConfig(config);
  if (positions === "rotary") return "gptneox";
  if (!parallelResidual) return "mpt";
  throw new RangeError(
    `Cannot write a network for llama.cpp: expected parallelResidual with rotary positions only, found ${positions}`,
  );
}

/**
 * The tensors of a file in the order of `parameterShapes`. A tied head has none of its own with MPT.
 * @param type Of matrices; vectors are always in single precision, which llama.cpp asks for.
 */
export function ggufTensors(
  config: ModelConfig,
  weights: Weights,
  type: ElementType,
): readonly GgufTensor[] {
  const tensor = (name: string, { shape, data }: Weights[string]): GgufTensor => ({
    name: ggufName(name),
    shape,
    data,
    type: shape.length > 1 ? type : "F32",
  });
  const isNeox = ggufArchitecture(config) === "gptneox";
  const shapes = parameterShapes(
    isNeox ? { ...config, bias: true, tiedEmbeddings: false } : config,
  );
  return Object.entries(shapes).map(([name, shape]) => {
    const stands = name === "embedding.output.weight" ? headTable(config) : name;
    const zeros = () => ({ shape, data: new Float32Array(sizeOf(shape)) }); // a bias that ours has not
    return tensor(name, weights[stands] ?? zeros());
  });
}

/** The keys that say what network the tensors are of. */
export function ggufNetworkKeys(given: ModelConfig, type: ElementType): GgufKeys {
  const config = validateConfig(given);
  const { positions, dModel } = config;
  const architecture = ggufArchitecture(config);
  const uint32 = (value: number) => ({ type: "uint32", value }) as const;
  const float32 = (value: number) => ({ type: "float32", value: Math.fround(value) }) as const;
  const own: GgufKeys = architecture === "mpt"
    ? { "attention.max_alibi_bias": float32(positions === "alibi" ? biasMax : 0) }
    : {
      "rope.dimension_count": uint32(2 * rotaryPairs(config)),
      "rope.freq_base": float32(config.rotaryBase),
      "use_parallel_residual": { type: "bool", value: config.parallelResidual },
    };
  const keys: GgufKeys = {
    "context_length": uint32(config.seqLen),
    "embedding_length": uint32(dModel),
    "block_count": uint32(config.nLayers),
    "feed_forward_length": uint32(config.expansion * dModel),
    "attention.head_count": uint32(config.nHeads),
    "attention.layer_norm_epsilon": float32(config.layerNormEps),
    ...own,
  };
  return {
    "general.architecture": { type: "string", value: architecture },
    "general.file_type": uint32(type === "F32" ? 0 : 1),
    "general.alignment": uint32(alignment),
    ...Object.fromEntries(
      Object.entries(keys).map(([key, value]) => [`${architecture}.${key}`, value]),
    ),
  };
}
