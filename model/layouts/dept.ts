/**
 * `DeptForCausalLM`: our own class for Python's transformers, for networks that no class of that library computes. Its code
 * travels with the weights (`modeling_dept.py`), and a user has to say that it may run. Parameters keep our names.
 */
import { parameterShapes, validateConfig } from "../config.ts";
import { normEpsilon } from "../transformer.ts";
import { ConfigFields } from "./config_fields.ts";
import type { Layout } from "./layout.ts";

const architecture = "DeptForCausalLM";

export const dept: Layout = {
  modelType: "dept",
  architecture,
  prefix: "",
  ignored: [],
  misfit: () => undefined,
  configJson: ({ dModel, nLayers, nHeads, expansion, seqLen, vocabSize, positions, bias }) => ({
    hidden_size: dModel,
    num_hidden_layers: nLayers,
    num_attention_heads: nHeads,
    intermediate_size: expansion * dModel,
    max_position_embeddings: seqLen,
    vocab_size: vocabSize,
    positions,
    bias,
    layer_norm_eps: normEpsilon,
    tie_word_embeddings: true,
  }),
  readConfig(json) {
    const fields = new ConfigFields(json, architecture);
    fields.expect("layer_norm_eps", [normEpsilon], normEpsilon);
    fields.expect("tie_word_embeddings", [true], true);
    fields.expect("positions", ["alibi", "learned"], null);
    const dModel = fields.count("hidden_size");
    return validateConfig({
      nLayers: fields.count("num_hidden_layers"),
      dModel,
      nHeads: fields.count("num_attention_heads"),
      expansion: fields.count("intermediate_size") / dModel,
      seqLen: fields.count("max_position_embeddings"),
      vocabSize: fields.count("vocab_size"),
      positions: json.positions === "learned" ? "learned" : "alibi",
      bias: fields.flag("bias", true),
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
