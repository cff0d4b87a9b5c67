/**
 * `GPTNeoXForCausalLM` of Python's transformers, which Pythia is: rotary positions, biases, any width inside the MLP, a head of
 * its own unless the file says otherwise.
 *
 * Source: huggingface/transformers, `modeling_gpt_neox.py` and `configuration_gpt_neox.py`. The rows of its `query_key_value` are
 * those of head 0 (all its q, k, v), then of head 1, …; ours are all q, all k, all v.
 */
import { type ModelConfig, validateConfig } from "../config.ts";
import { ConfigFields } from "./config_fields.ts";
import { type Layout, type TensorPlace, untiedHead } from "./layout.ts";

const architecture = "GPTNeoXForCausalLM";

/** What that library's names of functions compute. */
const activations = {
  gelu: "exact",
  gelu_new: "tanh",
  gelu_pytorch_tanh: "tanh",
  gelu_fast: "tanh",
} as const;

export const gptNeox: Layout = {
  modelType: "gpt_neox",
  architecture,
  classifier: "GPTNeoXForSequenceClassification",
  prefix: "gpt_neox.",
  head: "embed_out.weight",
  // Old files hold masks and the angles of rotary positions.
  ignored: [/^gpt_neox\.layers\.\d+\.attention\.(bias|masked_bias|rotary_emb\.inv_freq)$/],
  misfit({ positions, bias }) {
    if (positions !== "rotary") {
      return { why: "GPT-NeoX has rotary positions only", change: { positions: "rotary" } };
    }
    if (!bias) return { why: "GPT-NeoX has biases", change: { bias: true } };
    return undefined;
  },
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
      hidden_act: options.gelu === "exact" ? "gelu" : "gelu_new",
      layer_norm_eps: options.layerNormEps,
      rotary_pct: options.rotaryFraction,
      rotary_emb_base: options.rotaryBase,
      use_parallel_residual: options.parallelResidual,
      attention_bias: true,
      attention_dropout: 0,
      hidden_dropout: 0,
      tie_word_embeddings: options.tiedEmbeddings,
    };
  },
  readConfig(json) {
    const fields = new ConfigFields(json, architecture);
    fields.expect("attention_bias", [true], true);
    fields.expect("rope_scaling", [null], null);
    const rope = fields.inside("rope_parameters"); // of newer files, before the two fields of older ones
    rope.expect("rope_type", ["default"], "default");
    const dModel = fields.count("hidden_size");
    return validateConfig({
      nLayers: fields.count("num_hidden_layers"),
      dModel,
      nHeads: fields.count("num_attention_heads"),
      expansion: fields.count("intermediate_size") / dModel,
      seqLen: fields.count("max_position_embeddings", 2048),
      vocabSize: fields.count("vocab_size"),
      positions: "rotary",
      bias: true,
      rotaryFraction: rope.positive("partial_rotary_factor", fields.positive("rotary_pct", 0.25)),
      rotaryBase: rope.positive("rope_theta", fields.positive("rotary_emb_base", 10_000)),
      parallelResidual: fields.flag("use_parallel_residual", true),
      gelu: fields.choice("hidden_act", activations, "gelu"),
      layerNormEps: fields.positive("layer_norm_eps", 1e-5),
      tiedEmbeddings: fields.flag("tie_word_embeddings", false),
    });
  },
  places,
};

function places(config: ModelConfig): TensorPlace[] {
  const { dModel: C, nLayers, nHeads, expansion, vocabSize: V, tiedEmbeddings } = validateConfig(
    config,
  );
  const F = expansion * C;
  const place = (
    theirs: string,
    ours: string,
    shape: readonly number[],
    form: "same" | "heads" = "same",
  ): TensorPlace => {
    const names = { theirs: `gpt_neox.${theirs}`, ours };
    return form === "heads" ? { ...names, shape, form, heads: nHeads } : { ...names, shape, form };
  };
  const pair = (
    theirs: string,
    ours: string,
    weight: readonly number[],
    form: "same" | "heads" = "same",
  ) => [
    place(`${theirs}.weight`, `${ours}.weight`, weight, form),
    place(`${theirs}.bias`, `${ours}.bias`, [weight[0]], form),
  ];
  return [
    place("embed_in.weight", "embedding.token.weight", [V, C]),
    ...(tiedEmbeddings ? [] : [untiedHead("embed_out.weight", [V, C])]),
    ...Array.from({ length: nLayers }, (_, layer) => {
      const [theirs, ours] = [`layers.${layer}`, `body.block.${layer}`];
      return [
        pair(`${theirs}.input_layernorm`, `${ours}.norm_1`, [C]),
        pair(`${theirs}.attention.query_key_value`, `${ours}.attn.qkv`, [3 * C, C], "heads"),
        pair(`${theirs}.attention.dense`, `${ours}.attn.out`, [C, C]),
        pair(`${theirs}.post_attention_layernorm`, `${ours}.norm_2`, [C]),
        pair(`${theirs}.mlp.dense_h_to_4h`, `${ours}.mlp.up`, [F, C]),
        pair(`${theirs}.mlp.dense_4h_to_h`, `${ours}.mlp.down`, [C, F]),
      ].flat();
    }).flat(),
    ...pair("final_layer_norm", "body.norm_final", [C]),
  ];
}
