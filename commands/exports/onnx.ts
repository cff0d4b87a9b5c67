/**
 * The form `onnx`: a folder that transformers.js opens, with a graph that ONNX Runtime runs in any language.
 *
 *     onnx/model.onnx                        the network with its cache of keys and values
 *     onnx/model.onnx_data, …                its tensors, above 2 GiB
 *     config.json, generation_config.json    what the cache is called and how long it is, for transformers.js and Optimum
 *     tokenizer.json, tokenizer_config.json, special_tokens_map.json
 *
 * A folder apart from the form `hf`: `config.json` names a class that has such a cache, and not always one that computes the
 * network, which is the graph's own business here.
 */
import { join } from "node:path";
import { type Json, writePartsSynced } from "../../base/mod.ts";
import { type ModelConfig, validateConfig } from "../../model/mod.ts";
import {
  exportedGraph,
  storedModel,
  type StoredModelOptions,
} from "../../engine/onnxruntime/exported/mod.ts";
import type { AnyModel, ExportFormat, WrittenForm } from "./export_format.ts";
import { generationConfig } from "./hf.ts";
import { writeJson } from "./hf_files.ts";
import { readBackOnnx } from "./onnx_read_back.ts";
import {
  endPiece,
  endsOfTexts,
  idFields,
  saveTokenizerFiles,
  tokenizerLimits,
} from "./tokenizer_files.ts";

/** The graph's name, and the folder in which transformers.js looks for it. */
const graphFile = "model.onnx";
const graphFolder = "onnx";
/** How to use the folder, in Markdown. A file, for its lines are programs of others. */
const useFile = "onnx_use.md";

export const onnx: ExportFormat = {
  name: "onnx",
  description: "a graph with key-value cache for transformers.js, and for ONNX Runtime anywhere",
  write: (model, folder) => writeOnnx(model, folder),
  writeForeign: (model, folder) => writeOnnx(model, folder),
};

/** @param stored When tensors stand in files of their own: for tests, which have no 2 GiB to write. */
export async function writeOnnx(
  model: AnyModel,
  folder: string,
  stored: StoredModelOptions = {},
): Promise<WrittenForm> {
  const { config, tensors } = model;
  Deno.mkdirSync(join(folder, graphFolder));
  const files = storedModel(exportedGraph(config, tensors), graphFile, stored);
  for (const { name, parts } of files) writePartsSynced(join(folder, graphFolder, name), parts);
  writeJson(folder, "config.json", {
    ...namesOf(config),
    ...idFields(model),
    vocab_size: config.vocabSize,
    tie_word_embeddings: validateConfig(config).tiedEmbeddings,
    torch_dtype: "float32",
    use_cache: true,
    "transformers.js_config": {
      dtype: "fp32", // in a browser it would ask for a quantised file
      ...(files.length === 1
        ? {}
        : { use_external_data_format: { [graphFile]: files.length - 1 } }),
    },
  });
  writeJson(folder, "generation_config.json", generationConfig(model));
  saveTokenizerFiles(model, folder);
  const checked = await readBackOnnx(model, folder, join(folder, graphFolder, graphFile));
  const { limits, ...form } = described(model, files.length > 1);
  return { ...form, limits: [...limits, endsOfTexts(model), ...tokenizerLimits(model)], checked };
}

/**
 * Sizes under the names of a class whose cache transformers.js knows: GPT-2 where the graph asks for positions, GPT-NeoX for rotary
 * ones, else MPT.
 *
 * Source: transformers.js, `src/configs.js`, `getNormalizedConfig`.
 */
function namesOf(given: ModelConfig): Record<string, Json> {
  const config = validateConfig(given);
  const { nLayers, nHeads, dModel, expansion, seqLen, bias, layerNormEps } = config;
  const inside = expansion * dModel;
  const activation = config.gelu === "exact" ? "gelu" : "gelu_new";
  if (config.positions === "learned") {
    return {
      ...{ model_type: "gpt2", architectures: ["GPT2LMHeadModel"] },
      ...{ n_layer: nLayers, n_head: nHeads, n_embd: dModel, n_inner: inside },
      ...{ n_positions: seqLen, n_ctx: seqLen, layer_norm_epsilon: layerNormEps },
      activation_function: activation,
    };
  }
  if (config.positions === "rotary") {
    return {
      ...{ model_type: "gpt_neox", architectures: ["GPTNeoXForCausalLM"] },
      ...{ num_hidden_layers: nLayers, num_attention_heads: nHeads, hidden_size: dModel },
      ...{ intermediate_size: inside, max_position_embeddings: seqLen },
      ...{ rotary_pct: config.rotaryFraction, rotary_emb_base: config.rotaryBase },
      ...{ hidden_act: activation, layer_norm_eps: layerNormEps, attention_bias: bias },
      use_parallel_residual: config.parallelResidual,
    };
  }
  return {
    ...{ model_type: "mpt", architectures: ["MptForCausalLM"] },
    ...{ n_layers: nLayers, n_heads: nHeads, d_model: dModel, expansion_ratio: expansion },
    ...{ max_seq_len: seqLen, layer_norm_epsilon: layerNormEps, no_bias: !bias },
    attn_config: { alibi: true, alibi_bias_max: 8 },
  };
}

/** The lines of the card; `{{end}}` stands for the piece that a document begins after. */
function useLines(): string {
  return Deno.readTextFileSync(new URL(`./${useFile}`, import.meta.url)).trim();
}

function described(model: AnyModel, isExternal: boolean): Omit<WrittenForm, "checked"> {
  const { seqLen, positions } = model.config;
  return {
    library: "transformers.js",
    tags: ["onnx"],
    use: [useLines().replaceAll("{{end}}", endPiece(model))],
    limits: [
      ...(positions === "learned"
        ? [`Positions end after ${seqLen} tokens, prompt and answer together.`]
        : [`Trained on ${seqLen} tokens at a time; longer texts work.`]),
      "Numbers of 32 bits only: no file of 16 or 8 bits is here, and `config.json` says so.",
      "`config.json` names a class for the names and sizes of its cache. The network is the graph's, so do not put weights for " +
      "Python's transformers into this folder.",
      ...(isExternal
        ? [
          "Above 2 GiB the tensors are in `model.onnx_data` and its neighbours; a browser may refuse as much.",
        ]
        : []),
    ],
  };
}
