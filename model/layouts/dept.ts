/**
 * `DeptForCausalLM`: our own class for Python's transformers, for networks that no class of that library computes. Its code
 * travels with the weights (`modeling_dept.py`), and a user has to say that it may run. Parameters keep our names.
 */
import { networkDefaults, parameterShapes, validateConfig } from "../config.ts";
import { ConfigFields } from "./config_fields.ts";
import type { Layout } from "./layout.ts";

const architecture = "DeptForCausalLM";

const positionKinds = { alibi: "alibi", learned: "learned", rotary: "rotary" } as const;

export const dept: Layout = {
  modelType: "dept",
  architecture,
  classifier: "DeptForSequenceClassification",
  prefix: "",
  ignored: [],
  misfit: () => undefined,
  configJson(config) {
    const { dModel, nLayers, nHeads, expansion, seqLen, vocabSize, ...options } = validateConfig(
      config,
    );
    return {
      hidden_size: dModel,
      num_hidden_layers: nLayers,
      num_attention_heads: nHeads,
      intermediate_size: expansion * dModel,
      max_position_embeddings: seqLen,
      vocab_size: vocabSize,
      positions: options.positions,
      rotary_fraction: options.rotaryFraction,
      rotary_base: options.rotaryBase,
      parallel_residual: options.parallelResidual,
      gelu: options.gelu,
      bias: options.bias,
      layer_norm_eps: options.layerNormEps,
      tie_word_embeddings: options.tiedEmbeddings,
    };
  },
  readConfig(json) {
    const fields = new ConfigFields(json, architecture);
    const dModel = fields.count("hidden_size");
    return validateConfig({
      nLayers: fields.count("num_hidden_layers"),
      dModel,
      nHeads: fields.count("num_attention_heads"),
      expansion: fields.count("intermediate_size") / dModel,
      seqLen: fields.count("max_position_embeddings"),
      vocabSize: fields.count("vocab_size"),
      positions: fields.choice("positions", positionKinds, ""),
      rotaryFraction: fields.positive("rotary_fraction", networkDefaults.rotaryFraction),
      rotaryBase: fields.positive("rotary_base", networkDefaults.rotaryBase),
      parallelResidual: fields.flag("parallel_residual", networkDefaults.parallelResidual),
      gelu: fields.choice("gelu", { exact: "exact", tanh: "tanh" }, networkDefaults.gelu),
      bias: fields.flag("bias", true),
      layerNormEps: fields.positive("layer_norm_eps", networkDefaults.layerNormEps),
      tiedEmbeddings: fields.flag("tie_word_embeddings", networkDefaults.tiedEmbeddings),
    });
  },
  places: (config) =>
    Object.entries(parameterShapes(config)).map(([name, shape]) => ({
      theirs: name,
      ours: name,
      shape,
      form: "same",
    })),
};
