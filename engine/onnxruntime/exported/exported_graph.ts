/**
 * The network as one ONNX graph for other programs: any batch, any length, with keys and values of earlier tokens.
 *
 * Only operators of ONNX itself (opset 18), so that every runtime has them. Names of inputs and outputs are those of Optimum
 * (`TextDecoderOnnxConfig`), which transformers.js reads too.
 */
import { headTable, type ModelConfig, type Shape, validateConfig } from "../../../model/mod.ts";
import { OnnxBuilder } from "../builder.ts";
import type { OnnxGraph, OnnxTensor, OpenValue } from "../onnx_proto.ts";
import { type Activation, exactGelu, tableGelu, tanhGelu } from "./activations.ts";
import { attentionBias, distances, type Rotation, rotation, turned } from "./exported_positions.ts";

/** Parameters by the names of `parameterShapes`. */
export type Weights = Readonly<
  Record<string, { readonly shape: Shape; readonly data: Float32Array }>
>;

export interface ExportedGraphOptions {
  /** GELU as the configuration says, or what llama.cpp computes in its place. */
  readonly gelu?: "own" | "llama.cpp";
}

/** Names of a layer's keys and values: of earlier tokens (`past`), and of these with the next (`present`). */
export function exportedCacheNames(layer: number) {
  return {
    key: { past: `past_key_values.${layer}.key`, present: `present.${layer}.key` },
    value: { past: `past_key_values.${layer}.value`, present: `present.${layer}.value` },
  };
}

const [batch, sequence, past] = ["batch_size", "sequence_length", "past_sequence_length"];
const all = `${past} + ${sequence}`;

/**
 * B sequences that go on by T tokens after P earlier ones; K = P + T.
 *
 * in   input_ids                int64 [B, T]
 *      attention_mask           int64 [B, K], 0 for padding
 *      position_ids             int64 [B, T], with learned positions only
 *      past_key_values.<l>.key  [B, H, P, S], and `.value`; P may be 0
 * out  logits                   [B, T, V]
 *      present.<l>.key          [B, H, K, S], and `.value`
 */
export function exportedGraph(
  given: ModelConfig,
  weights: Weights,
  { gelu = "own" }: ExportedGraphOptions = {},
): OnnxGraph<OpenValue> {
  const config = validateConfig(given);
  const { nLayers, nHeads: H, dModel: C, vocabSize: V, positions } = config;
  const own = config.gelu === "exact" ? exactGelu : tanhGelu;
  const write = new NetworkWriter(config, weights, gelu === "own" ? own : tableGelu);
  const { builder } = write;
  const cache = Array.from({ length: nLayers }, (_, layer) => exportedCacheNames(layer));

  builder.enter("body.attn");
  const places = distances(builder, { ids: "input_ids", pastKeys: cache[0].key.past });
  const bias = attentionBias(builder, config, places); // (B, H or 1, T, K)
  const turn = positions === "rotary" ? rotation(builder, config, places) : undefined;
  const size = builder.emit("Shape", ["input_ids"]); // (2): B, T
  let x = write.embedded(); // (N, C), N = B·T
  cache.forEach((names, layer) => {
    x = write.block(`body.block.${layer}`, x, { bias, turn, size, names });
  });
  const hidden = write.norm("body.norm_final", x);
  builder.enter("head");
  const flat = builder.emit("Gemm", [hidden, headTable(config)], { attributes: { transB: 1 } }); // (N, V)
  write.shaped(flat, size, [V], "logits");

  const ids = (name: string, length: string) => value(name, "int64", [batch, length]);
  const entries = cache.flatMap(({ key, value }) => [key, value]);
  return {
    inputs: [
      ids("input_ids", sequence),
      ids("attention_mask", all),
      ...positions === "learned" ? [ids("position_ids", sequence)] : [],
      ...entries.map(({ past: name }) => value(name, "float32", [batch, H, past, C / H])),
    ],
    outputs: [
      value("logits", "float32", [batch, sequence, V]),
      ...entries.map(({ present: name }) => value(name, "float32", [batch, H, all, C / H])),
    ],
    initializers: [...builder.initializers, ...tensorsOf(weights)],
    nodes: builder.nodes,
  };
}

function value(
  name: string,
  elementType: OpenValue["elementType"],
  shape: OpenValue["shape"],
): OpenValue {
  return { name, elementType, shape };
}

/** The parameters where they lie in memory. */
function tensorsOf(weights: Weights): OnnxTensor[] {
  return Object.entries(weights).map(([name, { shape, data }]) => ({
    name,
    elementType: "float32",
    shape,
    bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  }));
}

interface Attending {
  readonly bias: string;
  readonly turn: Rotation | undefined;
  /** The value that holds B and T. */
  readonly size: string;
  readonly names: ReturnType<typeof exportedCacheNames>;
}

/** Emits the parts of the network. Between them are rows [N, C], as in `model/transformer.ts`. */
class NetworkWriter {
  readonly builder = new OnnxBuilder();
  readonly #config: Required<ModelConfig>;
  readonly #weights: Weights;
  readonly #activation: Activation;

  constructor(config: Required<ModelConfig>, weights: Weights, activation: Activation) {
    this.#config = config;
    this.#weights = weights;
    this.#activation = activation;
  }

  /** Rows of the tables, [N, C]. */
  embedded(): string {
    const { builder } = this;
    builder.enter("embedding");
    const rowsOf = (table: string, ids: string) =>
      builder.emit("Gather", [table, ids], { attributes: { axis: 0 } }); // (B, T, C)
    const tokens = rowsOf("embedding.token.weight", "input_ids");
    const placed = this.#config.positions === "learned"
      ? builder.emit("Add", [tokens, rowsOf("embedding.position.weight", "position_ids")])
      : tokens;
    return builder.reshape(placed, [-1, this.#config.dModel]);
  }

  block(name: string, x: string, attending: Attending): string {
    const { builder } = this;
    const attended = this.#attention(`${name}.attn`, this.norm(`${name}.norm_1`, x), attending);
    const middle = builder.emit("Add", [x, attended]);
    const normed = this.norm(`${name}.norm_2`, this.#config.parallelResidual ? x : middle);
    builder.enter(`${name}.mlp`);
    const up = this.#linear(`${name}.mlp.up`, normed); // (N, F)
    const down = this.#linear(`${name}.mlp.down`, this.#activation(builder, up));
    return builder.emit("Add", [middle, down]);
  }

  norm(name: string, x: string): string {
    this.builder.enter(name);
    return this.builder.emit("LayerNormalization", [x, ...this.#parameters(name)], {
      attributes: { axis: -1, epsilon: this.#config.layerNormEps },
    });
  }

  /** Rows [N, …] as [B, T, ...rest]. */
  shaped(rows: string, size: string, rest: readonly number[], output?: string): string {
    const shape = this.builder.emit("Concat", [size, this.builder.integers(rest)], {
      attributes: { axis: 0 },
    });
    const outputs = output === undefined ? undefined : [output];
    return this.builder.emit("Reshape", [rows, shape], { outputs });
  }

  #attention(name: string, x: string, { bias, turn, size, names }: Attending): string {
    const { builder } = this;
    const { nHeads: H, dModel: C } = this.#config;
    const S = C / H;
    builder.enter(name);
    const qkv = this.shaped(this.#linear(`${name}.qkv`, x), size, [3, H, S]); // all q, all k, all v
    const stacked = builder.emit("Transpose", [qkv], { attributes: { perm: [2, 0, 3, 1, 4] } }); // (3, B, H, T, S)
    const parts = ["q", "k", "v"].map((part) => builder.fresh(part));
    builder.emit("Split", [stacked], { attributes: { axis: 0, num_outputs: 3 }, outputs: parts });
    const [q, k, v] = parts.map((part) => builder.emit("Squeeze", [part, builder.integers([0])]) // (B, H, T, S)
    );
    const after = ({ past, present }: { past: string; present: string }, own: string) =>
      builder.emit("Concat", [past, own], { attributes: { axis: 2 }, outputs: [present] }); // (B, H, K, S)
    const [keys, values] = [after(names.key, turned(builder, k, turn)), after(names.value, v)];
    const scaled = builder.emit("Mul", [turned(builder, q, turn), builder.scalar(S ** -0.5)]);
    const columns = builder.emit("Transpose", [keys], { attributes: { perm: [0, 1, 3, 2] } });
    const scores = builder.emit("Add", [builder.emit("MatMul", [scaled, columns]), bias]); // (B, H, T, K)
    const shares = builder.emit("Softmax", [scores], { attributes: { axis: -1 } });
    const context = builder.emit("MatMul", [shares, values]); // (B, H, T, S)
    const together = builder.emit("Transpose", [context], { attributes: { perm: [0, 2, 1, 3] } });
    return this.#linear(`${name}.out`, builder.reshape(together, [-1, C]));
  }

  #linear(name: string, x: string): string {
    return this.builder.emit("Gemm", [x, ...this.#parameters(name)], { attributes: { transB: 1 } });
  }

  /** Weight, and bias where the network has them. */
  #parameters(name: string): readonly string[] {
    return [`${name}.weight`, `${name}.bias`].filter((it) => Object.hasOwn(this.#weights, it));
  }
}
