/**
 * The network for reading a text piece by piece: the keys and values of earlier tokens come in, those of the next tokens go
 * out.
 *
 * Source: Shazeer 2019, "Fast transformer decoding", §2.3 (incremental attention).
 */
import { headTable, type ModelConfig } from "./config.ts";
import { GraphBuilder } from "./graph_builder.ts";
import type { Graph } from "./operator.ts";
import { alibiSlopes, hiddenScore } from "./positions.ts";
import { rotaryPairs, type Rotation } from "./rotary.ts";
import { float32, int32 } from "./shapes.ts";
import { add } from "./ops/elementwise.ts";
import { gather } from "./ops/gather.ts";
import { gemm } from "./ops/gemm.ts";
import { concat } from "./ops/layout.ts";
import { block, declareParameters, norm } from "./transformer.ts";

interface IncrementalOptions {
  /** Tokens that are read at once, c. */
  readonly length: number;
  /** Earlier tokens that can be looked back at, P. */
  readonly capacity: number;
}

/** Names of a layer's inputs (`past`) and outputs (`next`). */
export function cacheNames(layer: number) {
  return {
    keys: { past: `past.${layer}.keys`, next: `next.${layer}.keys` },
    values: { past: `past.${layer}.values`, next: `next.${layer}.values` },
  };
}

/**
 * One sequence's next tokens.
 *
 * in   tokens          int32 [c]
 *      positions       int32 [c], with learned positions only
 *      rotation.cos    [c, R/2], and `.sin`, with rotary positions only: see `rotaryAngles`
 *      bias            [H, c, P + c], what attention adds to its scores: see `incrementalBias`
 *      past.<l>.keys   [H, P, S], and `.values`: slots that the bias hides may hold anything
 * out  logits          [c, V]
 *      next.<l>.keys   [H, c, S], and `.values`: the tokens' own; keys are turned to their positions already
 */
export function incrementalGraph(config: ModelConfig, options: IncrementalOptions): Graph {
  const { nLayers, dModel: C, nHeads: H, positions } = config;
  const { length, capacity } = options;
  const S = C / H;
  const builder = new GraphBuilder();
  declareParameters(builder, config);
  const tokens = builder.input("tokens", int32([length]));
  const bias = builder.input("bias", float32([H, length, capacity + length]));
  const outputs: Record<string, string> = {};
  let x = builder.within("embedding", () => {
    const rows = builder.apply(gather, ["embedding.token.weight", tokens], { axis: 0 }); // (c, C)
    if (positions !== "learned") return rows;
    const places = builder.input("positions", int32([length]));
    const placed = builder.apply(gather, ["embedding.position.weight", places], { axis: 0 });
    return builder.apply(add, [rows, placed]);
  });
  const rotation = positions === "rotary" ? declareRotation(builder, config, length) : undefined;
  for (let layer = 0; layer < nLayers; layer++) {
    const names = cacheNames(layer);
    const past = [names.keys.past, names.values.past].map((name) =>
      builder.input(name, float32([H, capacity, S]))
    );
    const extend = (keys: string, values: string): [string, string] => {
      outputs[names.keys.next] = keys;
      outputs[names.values.next] = values;
      const after = (earlier: string, own: string) =>
        builder.apply(concat, [earlier, own], { axis: 1 }); // (H, P + c, S)
      return [after(past[0], keys), after(past[1], values)];
    };
    x = block(builder, config, `body.block.${layer}`, x, {
      bias,
      rotation,
      shape: [length],
      extend,
    });
  }
  const hidden = norm(builder, config, "body.norm_final", x);
  const logits = builder.within(
    "head",
    () => builder.apply(gemm, [hidden, headTable(config)], { transB: 1 }), // (c, V)
  );
  return builder.build({ logits, ...outputs });
}

function declareRotation(builder: GraphBuilder, config: ModelConfig, length: number): Rotation {
  const type = float32([length, rotaryPairs(config)]);
  return { cos: builder.input("rotation.cos", type), sin: builder.input("rotation.sin", type) };
}

/**
 * [H, c, P + c]: for tokens at positions `past`, `past` + 1, … after `past` earlier ones in the first slots. As in training: a
 * penalty of slope·distance with ALiBi, nothing with other positions, and a score that hides later positions and empty slots.
 */
export function incrementalBias(
  { nHeads, positions }: ModelConfig,
  { length, capacity }: IncrementalOptions,
  past: number,
): Float32Array {
  const slopes = positions === "alibi" ? alibiSlopes(nHeads) : new Array<number>(nHeads).fill(0);
  const width = capacity + length;
  const bias = new Float32Array(nHeads * length * width).fill(hiddenScore);
  slopes.forEach((slope, head) => {
    for (let i = 0; i < length; i++) {
      const row = bias.subarray((head * length + i) * width, (head * length + i + 1) * width);
      for (let j = 0; j < past; j++) row[j] = slope * (j - (past + i));
      for (let j = 0; j <= i; j++) row[capacity + j] = slope * (j - i);
    }
  });
  return bias;
}
