/**
 * `GPT2LMHeadModel` of Python's transformers: learned positions, biases, any width inside the MLP.
 *
 * Source: huggingface/transformers, `modeling_gpt2.py`. Its `Conv1D` computes x·W + b with W [in, out]: the transpose of ours. A
 * network without biases has zeros there, and `no_bias`, which that library passes over, tells our reader so.
 */
import { type ModelConfig, validateConfig } from "../config.ts";
import { ConfigFields } from "./config_fields.ts";
import { type Layout, type TensorPlace, untiedHead } from "./layout.ts";

const architecture = "GPT2LMHeadModel";

/** What that library's names of functions compute. */
const activations = { gelu: "exact", gelu_new: "tanh", gelu_pytorch_tanh: "tanh" } as const;

export const gpt2: Layout = {
  modelType: "gpt2",
  architecture,
  classifier: "GPT2ForSequenceClassification",
  prefix: "transformer.",
  head: "lm_head.weight",
  ignored: [/^transformer\.h\.\d+\.attn\.(masked_)?bias$/],
  misfit(config) {
    const { positions, parallelResidual } = validateConfig(config);
    if (positions !== "learned") {
      return { why: "GPT-2 has learned positions only", change: { positions: "learned" } };
    }
    if (parallelResidual) {
      return { why: "GPT-2 has no parallel residual", change: { parallelResidual: false } };
    }
    return undefined;
  },
  configJson(config) {
    const { dModel, nLayers, nHeads, expansion, seqLen, vocabSize, ...options } = validateConfig(
      config,
    );
    return {
      n_embd: dModel,
      n_layer: nLayers,
      n_head: nHeads,
      n_inner: expansion * dModel,
      n_positions: seqLen,
      n_ctx: seqLen,
      vocab_size: vocabSize,
      activation_function: options.gelu === "exact" ? "gelu" : "gelu_new",
      layer_norm_epsilon: options.layerNormEps,
      scale_attn_weights: true,
      scale_attn_by_inverse_layer_idx: false,
      reorder_and_upcast_attn: false,
      resid_pdrop: 0,
      embd_pdrop: 0,
      attn_pdrop: 0,
      tie_word_embeddings: options.tiedEmbeddings,
      ...(options.bias ? {} : { no_bias: true }),
    };
  },
  readConfig(json) {
    const fields = new ConfigFields(json, architecture);
    fields.expect("scale_attn_weights", [true], true);
    fields.expect("scale_attn_by_inverse_layer_idx", [false], false);
    fields.expect("reorder_and_upcast_attn", [false], false);
    fields.expect("add_cross_attention", [false], false);
    const dModel = fields.count("n_embd");
    return validateConfig({
      nLayers: fields.count("n_layer"),
      dModel,
      nHeads: fields.count("n_head"),
      expansion: fields.count("n_inner", 4 * dModel) / dModel,
      seqLen: fields.count("n_positions", 1024),
      vocabSize: fields.count("vocab_size"),
      positions: "learned",
      bias: !fields.flag("no_bias", false),
      gelu: fields.choice("activation_function", activations, "gelu_new"),
      layerNormEps: fields.positive("layer_norm_epsilon", 1e-5),
      tiedEmbeddings: fields.flag("tie_word_embeddings", true),
    });
  },
  places,
};

function places(config: ModelConfig): TensorPlace[] {
  const { dModel: C, nLayers, expansion, vocabSize: V, seqLen: T, bias, tiedEmbeddings } =
    validateConfig(config);
  const F = expansion * C;
  const place = (
    theirs: string,
    ours: string,
    shape: readonly number[],
    form: "same" | "transposed" = "same",
  ): TensorPlace => ({ theirs: `transformer.${theirs}`, ours, shape, form });
  const withBias = (theirs: string, ours: string, weight: TensorPlace, width: number) => [
    weight,
    bias
      ? place(`${theirs}.bias`, `${ours}.bias`, [width])
      : { theirs: `transformer.${theirs}.bias`, shape: [width], form: "zeros" as const },
  ];
  const norm = (theirs: string, ours: string) =>
    withBias(theirs, ours, place(`${theirs}.weight`, `${ours}.weight`, [C]), C);
  const linear = (theirs: string, ours: string, from: number, to: number) => {
    const weight = place(`${theirs}.weight`, `${ours}.weight`, [from, to], "transposed");
    return withBias(theirs, ours, weight, to);
  };
  return [
    place("wte.weight", "embedding.token.weight", [V, C]),
    place("wpe.weight", "embedding.position.weight", [T, C]),
    ...(tiedEmbeddings ? [] : [untiedHead("lm_head.weight", [V, C])]),
    ...Array.from({ length: nLayers }, (_, layer) => {
      const [theirs, ours] = [`h.${layer}`, `body.block.${layer}`];
      return [
        norm(`${theirs}.ln_1`, `${ours}.norm_1`),
        linear(`${theirs}.attn.c_attn`, `${ours}.attn.qkv`, C, 3 * C),
        linear(`${theirs}.attn.c_proj`, `${ours}.attn.out`, C, C),
        norm(`${theirs}.ln_2`, `${ours}.norm_2`),
        linear(`${theirs}.mlp.c_fc`, `${ours}.mlp.up`, C, F),
        linear(`${theirs}.mlp.c_proj`, `${ours}.mlp.down`, F, C),
      ].flat();
    }).flat(),
    ...norm("ln_f", "body.norm_final"),
  ];
}
