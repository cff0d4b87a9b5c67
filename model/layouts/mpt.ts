/**
 * `MptForCausalLM` of Python's transformers: ALiBi, no biases, four times the width inside the MLP.
 *
 * Source: huggingface/transformers, `modeling_mpt.py` and `configuration_mpt.py`. Every `Linear` there is made without a bias and
 * the norms' biases are set to nothing, whatever `no_bias` says; the MLP has `4 * hidden_size`, whatever `expansion_ratio` says.
 */
import { type ModelConfig, validateConfig } from "../config.ts";
import { ConfigFields } from "./config_fields.ts";
import { type Layout, type TensorPlace, untiedHead } from "./layout.ts";

const architecture = "MptForCausalLM";
/** The width inside the MLP as a multiple of the model's. */
const expansion = 4;

export const mpt: Layout = {
  modelType: "mpt",
  architecture,
  classifier: "MptForSequenceClassification",
  prefix: "transformer.",
  head: "lm_head.weight",
  ignored: [],
  misfit(config) {
    const { positions, bias, parallelResidual, gelu } = validateConfig(config);
    if (positions !== "alibi") {
      return { why: "MPT of transformers has ALiBi only", change: { positions: "alibi" } };
    }
    if (bias) {
      return {
        why: "MPT of transformers drops all biases without an error",
        change: { bias: false },
      };
    }
    if (config.expansion !== expansion) {
      return {
        why:
          `MPT of transformers has an MLP of ${expansion} times the width, whatever its file says`,
        change: { expansion },
      };
    }
    if (parallelResidual) {
      return { why: "MPT has no parallel residual", change: { parallelResidual: false } };
    }
    if (gelu !== "exact") return { why: "MPT has the exact GELU", change: { gelu: "exact" } };
    return undefined;
  },
  configJson(config) {
    const { dModel, nLayers, nHeads, seqLen, vocabSize, layerNormEps, tiedEmbeddings } =
      validateConfig(config);
    return {
      d_model: dModel,
      n_layers: nLayers,
      n_heads: nHeads,
      expansion_ratio: expansion,
      max_seq_len: seqLen,
      vocab_size: vocabSize,
      layer_norm_epsilon: layerNormEps,
      learned_pos_emb: false,
      no_bias: true,
      attn_config: {
        attn_type: "multihead_attention",
        attn_pdrop: 0,
        attn_impl: "torch",
        clip_qkv: null,
        softmax_scale: null,
        prefix_lm: false,
        qk_ln: false,
        attn_uses_sequence_id: false,
        alibi: true,
        alibi_bias_max: 8,
      },
      emb_pdrop: 0,
      resid_pdrop: 0,
      tie_word_embeddings: tiedEmbeddings,
    };
  },
  readConfig(json) {
    const fields = new ConfigFields(json, architecture);
    fields.expect("no_bias", [true], true);
    fields.expect("expansion_ratio", [expansion], expansion);
    fields.expect("logit_scale", [null, 1], null);
    fields.expect("norm_type", ["low_precision_layernorm", "layernorm"], "layernorm");
    const attention = fields.inside("attn_config");
    attention.expect("alibi", [true], true);
    attention.expect("alibi_bias_max", [8], 8);
    attention.expect("attn_type", ["multihead_attention"], "multihead_attention");
    attention.expect("clip_qkv", [null], null);
    attention.expect("kv_n_heads", [null], null);
    attention.expect("prefix_lm", [false], false);
    attention.expect("qk_ln", [false], false);
    attention.expect("rope", [false], false);
    attention.expect("softmax_scale", [null], null);
    return validateConfig({
      nLayers: fields.count("n_layers"),
      dModel: fields.count("d_model"),
      nHeads: fields.count("n_heads"),
      expansion,
      seqLen: fields.count("max_seq_len"),
      vocabSize: fields.count("vocab_size"),
      positions: "alibi",
      bias: false,
      layerNormEps: fields.positive("layer_norm_epsilon", 1e-5),
      tiedEmbeddings: fields.flag("tie_word_embeddings", true),
    });
  },
  places,
};

function places(config: ModelConfig): TensorPlace[] {
  const { dModel: C, nLayers, vocabSize: V, tiedEmbeddings } = validateConfig(config);
  const same = (theirs: string, ours: string, shape: readonly number[]): TensorPlace => ({
    theirs: `transformer.${theirs}.weight`,
    ours: `${ours}.weight`,
    shape,
    form: "same",
  });
  return [
    same("wte", "embedding.token", [V, C]),
    ...(tiedEmbeddings ? [] : [untiedHead("lm_head.weight", [V, C])]),
    ...Array.from({ length: nLayers }, (_, layer) => {
      const [theirs, ours] = [`blocks.${layer}`, `body.block.${layer}`];
      return [
        same(`${theirs}.norm_1`, `${ours}.norm_1`, [C]),
        same(`${theirs}.attn.Wqkv`, `${ours}.attn.qkv`, [3 * C, C]),
        same(`${theirs}.attn.out_proj`, `${ours}.attn.out`, [C, C]),
        same(`${theirs}.norm_2`, `${ours}.norm_2`, [C]),
        same(`${theirs}.ffn.up_proj`, `${ours}.mlp.up`, [expansion * C, C]),
        same(`${theirs}.ffn.down_proj`, `${ours}.mlp.down`, [C, expansion * C]),
      ];
    }).flat(),
    same("norm_f", "body.norm_final", [C]),
  ];
}
