/**
 * The decoder-only transformer of the paper: pre-norm, fused qkv, exact GELU, tied head without bias. Options of the configuration
 * make it a network of others: GPT-2, GPT-NeoX.
 *
 * Source: DEPT App. A.1; MosaicML llm-foundry, `MPTForCausalLM`; Radford et al. 2018 for the block, Press and Wolf 2017 for
 * the tied head.
 */
import { headTable, type ModelConfig, networkDefaults, parameterShapes } from "./config.ts";
import { type Drop, dropped } from "./dropout.ts";
import { GraphBuilder } from "./graph_builder.ts";
import type { Graph } from "./operator.ts";
import { rotaryAngles, rotaryPairs, rotate, type Rotation } from "./rotary.ts";
import { float32, int32, sizeOf } from "./shapes.ts";
import { alibiBias } from "./ops/alibi_bias.ts";
import { attention as attend } from "./ops/attention.ts";
import { crossEntropy } from "./ops/cross_entropy.ts";
import { add, mul } from "./ops/elementwise.ts";
import { fastGelu } from "./ops/fast_gelu.ts";
import { gather } from "./ops/gather.ts";
import { gelu } from "./ops/gelu.ts";
import { gemm } from "./ops/gemm.ts";
import { layerNormalization } from "./ops/layer_normalization.ts";
import { slice, split, transpose } from "./ops/layout.ts";
import { linearCrossEntropy } from "./ops/linear_cross_entropy.ts";
import { reduceSum, scalar } from "./ops/reduce.ts";
import { reshape } from "./ops/reshape.ts";

interface SequenceOptions {
  /** Positions of a sequence, default and at most `config.seqLen`; more are fine with ALiBi. */
  readonly sequenceLength?: number;
}

/**
 * The language-model loss.
 *
 * in   tokens   int32 [B, T]
 *      targets  int32 [B, T], the token that position t predicts: the host shifts
 *      weights  [B, T], the factor of each prediction, 0 for none
 * out  loss     scalar Σ weights·nll; callers normalise the weights, so that the losses of micro-batches add up
 *      nll      [B, T], in nats
 *
 * @throws RangeError for a configuration or a length that does not fit.
 */
export function languageModelGraph(
  config: ModelConfig,
  batchSize: number,
  { sequenceLength = config.seqLen }: SequenceOptions = {},
): Graph {
  const builder = new GraphBuilder();
  declareParameters(builder, config);
  const shape = [batchSize, sequenceLength];
  const tokens = builder.input("tokens", int32(shape));
  const hidden = hiddenStates(builder, config, tokens); // (N, C)
  return builder.build(languageModelLoss(builder, config, hidden, shape));
}

/** Declares the parameters of a configuration, in their order. */
export function declareParameters(builder: GraphBuilder, config: ModelConfig): void {
  for (const [name, shape] of Object.entries(parameterShapes(config))) {
    builder.parameter(name, shape);
  }
}

/**
 * Token ids [B, T] to the states after the final norm, [N, C].
 * @param drop Goes over the embedded tokens, each block's attention weights, and what attention and MLP add to the residual
 *   stream (dropout of Radford et al. 2018, §4.1).
 * @throws RangeError when the table of learned positions is shorter than the sequences.
 */
export function hiddenStates(
  builder: GraphBuilder,
  config: ModelConfig,
  tokens: string,
  drop?: Drop,
): string {
  const [batchSize, length] = builder.type(tokens).shape;
  const bias = builder.within(
    "body.attn",
    () =>
      config.positions === "alibi"
        ? builder.apply(alibiBias, [], { heads: config.nHeads, length }) // (H, T, T)
        : scalar(builder, 0),
  );
  const rotation = config.positions === "rotary"
    ? builder.within("body.attn", () => constantRotation(builder, config, length))
    : undefined;
  let x = builder.within("embedding", () => dropped(embed(builder, config, tokens), drop)); // (N, C)
  for (let layer = 0; layer < config.nLayers; layer++) {
    x = block(builder, config, `body.block.${layer}`, x, {
      bias,
      isCausal: true,
      rotation,
      shape: [batchSize, length],
      drop,
    });
  }
  return norm(builder, config, "body.norm_final", x);
}

function constantRotation(builder: GraphBuilder, config: ModelConfig, length: number): Rotation {
  const { cos, sin } = rotaryAngles(config, length);
  const type = float32([length, rotaryPairs(config)]);
  return { cos: builder.constant(cos, type), sin: builder.constant(sin, type) };
}

/** Declares targets and weights of shape [B, T] and returns the outputs `loss` and `nll`. */
export function languageModelLoss(
  builder: GraphBuilder,
  config: ModelConfig,
  hidden: string,
  shape: readonly number[],
): { loss: string; nll: string } {
  const targets = builder.input("targets", int32(shape));
  const weights = builder.input("weights", float32(shape));
  const flat = builder.within("head", () => {
    const ids = builder.apply(reshape, [targets], { shape: [builder.type(hidden).shape[0]] });
    return builder.apply(linearCrossEntropy, [hidden, headTable(config), ids]); // (N)
  });
  return builder.within("loss", () => {
    const nll = builder.apply(reshape, [flat], { shape });
    return { loss: weightedSum(builder, nll, weights), nll };
  });
}

/** nll [N] of ids of any shape with N elements. */
export function idCrossEntropy(builder: GraphBuilder, logits: string, targets: string): string {
  const rows = builder.type(logits).shape[0];
  const flat = builder.type(targets).shape.length === 1
    ? targets
    : builder.apply(reshape, [targets], { shape: [rows] });
  return builder.applyAll(crossEntropy, [logits, flat])[0];
}

/** Σ weights·values, a scalar. */
export function weightedSum(builder: GraphBuilder, values: string, weights: string): string {
  const weighted = builder.apply(mul, [values, weights]);
  const axes = builder.type(weighted).shape.map((_, axis) => axis);
  return builder.apply(reduceSum, [weighted], { axes, keepdims: 0 });
}

function embed(builder: GraphBuilder, config: ModelConfig, tokens: string): string {
  const [batchSize, length] = builder.type(tokens).shape;
  const { dModel, seqLen } = config;
  const flat = [batchSize * length, dModel];
  const ids = builder.apply(reshape, [tokens], { shape: [batchSize * length] });
  const rows = builder.apply(gather, ["embedding.token.weight", ids], { axis: 0 }); // (N, C)
  if (config.positions !== "learned") return rows;
  if (length > seqLen) {
    throw new RangeError(
      `Cannot build a model: expected sequences of at most seqLen = ${seqLen} tokens with learned positions, found ${length}`,
    );
  }
  const table = length === seqLen
    ? "embedding.position.weight"
    : builder.apply(slice, ["embedding.position.weight"], {
      axes: [0],
      starts: [0],
      ends: [length],
    });
  const stacked = builder.apply(reshape, [rows], { shape: [batchSize, length, dModel] });
  const placed = builder.apply(add, [stacked, table]); // (B, T, C)
  return builder.apply(reshape, [placed], { shape: flat });
}

/** A layer norm by the name of its parameters, on rows [N, C]. */
export function norm(builder: GraphBuilder, config: ModelConfig, name: string, x: string): string {
  const inputs = [x, `${name}.weight`, ...(config.bias ? [`${name}.bias`] : [])];
  const { layerNormEps: epsilon = networkDefaults.layerNormEps } = config;
  return builder.within(
    name,
    () => builder.apply(layerNormalization, inputs, { axis: -1, epsilon }),
  );
}

/** x·Wᵀ (+ bias), by the name of its parameters. */
function linear(
  builder: GraphBuilder,
  config: ModelConfig,
  name: string,
  x: string,
): string {
  const inputs = [x, `${name}.weight`, ...(config.bias ? [`${name}.bias`] : [])];
  return builder.apply(gemm, inputs, { transB: 1 });
}

interface Attending {
  /** Lengths [..., T] whose product is N: sequences, where there are several, and their positions. */
  readonly shape: readonly number[];
  /** What is added to scores: it broadcasts to [..., H, T, keys]. */
  readonly bias: string;
  /** Whether a position sees none after it; else the bias alone hides. */
  readonly isCausal?: boolean;
  /** Turns queries and keys of these positions, where positions are rotary. */
  readonly rotation?: Rotation;
  /** Keys and values [..., H, T, S] with those of earlier positions before them; as they are when absent. */
  readonly extend?: (keys: string, values: string) => readonly [string, string];
  readonly drop?: Drop;
}

/** A block on rows [N, C]: attention and MLP, each after a norm and added to what came in. */
export function block(
  builder: GraphBuilder,
  config: ModelConfig,
  name: string,
  x: string,
  attending: Attending,
): string {
  const normed = norm(builder, config, `${name}.norm_1`, x);
  const attended = attention(builder, config, name, normed, attending);
  const { drop } = attending;
  const middle = builder.within(
    `${name}.attn`,
    () => builder.apply(add, [x, dropped(attended, drop)]),
  );
  const read = config.parallelResidual ? x : middle;
  const mixed = mlp(builder, config, name, norm(builder, config, `${name}.norm_2`, read));
  return builder.within(`${name}.mlp`, () => builder.apply(add, [middle, dropped(mixed, drop)]));
}

function attention(
  builder: GraphBuilder,
  config: ModelConfig,
  block: string,
  x: string,
  { shape, bias, isCausal = false, rotation, extend = (keys, values) => [keys, values], drop }:
    Attending,
): string {
  const { dModel: C, nHeads: H } = config;
  const S = C / H;
  const sequences = shape.slice(0, -1);
  const T = shape[shape.length - 1];
  const first = sequences.map((_, axis) => axis);
  const at = sequences.length; // the axis of positions
  return builder.within(`${block}.attn`, () => {
    const qkv = linear(builder, config, `${block}.attn.qkv`, x); // (N, 3C): all q, all k, all v
    const apart = builder.apply(reshape, [qkv], { shape: [...shape, 3, H, S] });
    // One transposition for all three; the split that follows is along the first axis and so a plain copy.
    const perm = [at + 1, ...first, at + 2, at, at + 3];
    const stacked = builder.apply(transpose, [apart], { perm }); // (3, ..., H, T, S)
    const [plainQ, plainK, v] = builder.applyAll(split, [stacked], { axis: 0, split: [1, 1, 1] })
      .map((part) => builder.apply(reshape, [part], { shape: [...sequences, H, T, S] }));
    const [q, k] = rotation === undefined
      ? [plainQ, plainK]
      : [plainQ, plainK].map((part) => rotate(builder, part, rotation));
    const [keys, values] = extend(k, v);
    const alpha = 1 / Math.sqrt(S);
    const inputs = [q, keys, values, bias];
    if (drop !== undefined) {
      const seen = builder.type(keys).shape[at + 1];
      inputs.push(drop.mask([...sequences, H, T, seen]));
    }
    const context = builder.apply(attend, inputs, { alpha, causal: Number(isCausal) }); // (..., H, T, S)
    const together = builder.apply(transpose, [context], {
      perm: [...first, at + 1, at, at + 2],
    }); // (..., T, H, S)
    const flat = builder.apply(reshape, [together], { shape: [sizeOf(shape), C] });
    return linear(builder, config, `${block}.attn.out`, flat);
  });
}

/** The MLP of a block, on rows [N, C]. */
function mlp(builder: GraphBuilder, config: ModelConfig, block: string, x: string): string {
  return builder.within(`${block}.mlp`, () => {
    const up = linear(builder, config, `${block}.mlp.up`, x); // (N, F)
    const activation = config.gelu === "tanh" ? fastGelu : gelu;
    return linear(builder, config, `${block}.mlp.down`, builder.apply(activation, [up]));
  });
}
