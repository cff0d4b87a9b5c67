/**
 * What positions do in an exported graph, whose lengths are known only when it runs: the causal mask, ALiBi's penalties, padding
 * that is hidden, and rotary positions.
 */
import {
  alibiSlopes,
  float32,
  hiddenScore,
  type ModelConfig,
  rotaryPairs,
} from "../../../model/mod.ts";
import type { OnnxBuilder } from "../builder.ts";
import { castTo } from "./activations.ts";

/** Values that hold the places of keys, (K): 0 … K − 1, and of queries, (T, 1): P … K − 1. */
interface Places {
  readonly keys: string;
  readonly queries: string;
}

/** @param of The input of ids [B, T], and one of earlier keys [B, H, P, S] */
export function distances(
  builder: OnnxBuilder,
  of: { readonly ids: string; readonly pastKeys: string },
): Places {
  const scalar = (value: string) => builder.emit("Squeeze", [value]);
  const lengthOf = (value: string, axis: number) =>
    scalar(builder.emit("Shape", [value], { attributes: { start: axis, end: axis + 1 } }));
  const before = lengthOf(of.pastKeys, 2); // P
  const end = builder.emit("Add", [before, lengthOf(of.ids, 1)]); // K
  const [zero, one] = [0, 1].map((value) => scalar(builder.integers([value])));
  const queries = builder.emit("Range", [before, end, one]);
  return {
    keys: builder.emit("Range", [zero, end, one]),
    queries: builder.emit("Unsqueeze", [queries, builder.integers([1])]),
  };
}

/**
 * What attention adds to its scores, (B, H or 1, T, K). Padding on the left needs no more, because ALiBi and rotary positions go by
 * distances.
 */
export function attentionBias(
  builder: OnnxBuilder,
  { nHeads, positions }: ModelConfig,
  { keys, queries }: Places,
): string {
  const hidden = builder.scalar(hiddenScore);
  let seen = builder.scalar(0);
  if (positions === "alibi") {
    const slopes = builder.fresh("slopes");
    builder.initializer(slopes, float32([nHeads, 1, 1]), alibiSlopes(nHeads));
    const distance = castTo(builder, builder.emit("Sub", [keys, queries]), "float32"); // (T, K)
    seen = builder.emit("Mul", [slopes, distance]); // (H, T, K)
  }
  const isAhead = builder.emit("Greater", [keys, queries]);
  const causal = builder.emit("Where", [isAhead, hidden, seen]); // (H, T, K) or (T, K)
  const isPadding = builder.emit("Equal", ["attention_mask", builder.integers([0])]);
  const padding = builder.emit("Where", [isPadding, hidden, builder.scalar(0)]); // (B, K)
  const everyQuery = builder.emit("Unsqueeze", [padding, builder.integers([1, 2])]);
  return builder.emit("Add", [everyQuery, causal]);
}

/** Values that hold cosines and sines of each query's angles, (T, R/2); and how a head's channels are split. */
export interface Rotation {
  readonly cos: string;
  readonly sin: string;
  readonly split: readonly number[];
}

/** Angles in double precision: in single they would be off by 1e-4 from position 2,000 on. */
export function rotation(
  builder: OnnxBuilder,
  config: Required<ModelConfig>,
  { queries }: Places,
): Rotation {
  const pairs = rotaryPairs(config);
  const rates = builder.fresh("rates");
  const values = Float64Array.from({ length: pairs }, (_, k) => config.rotaryBase ** (-k / pairs));
  builder.initializers.push({
    name: rates,
    elementType: "float64",
    shape: [1, pairs],
    bytes: new Uint8Array(values.buffer),
  });
  const angles = builder.emit("Mul", [castTo(builder, queries, "float64"), rates]);
  const [cos, sin] = ["Cos", "Sin"].map((op) =>
    castTo(builder, builder.emit(op, [angles]), "float32")
  );
  const rest = config.dModel / config.nHeads - 2 * pairs;
  return { cos, sin, split: rest === 0 ? [pairs, pairs] : [pairs, pairs, rest] };
}

/** Queries or keys [B, H, T, S] turned; as they are without a rotation. See `model/rotary.ts`. */
export function turned(builder: OnnxBuilder, x: string, rotation: Rotation | undefined): string {
  if (rotation === undefined) return x;
  const { cos, sin, split } = rotation;
  const parts = split.map((_, i) => builder.fresh(`part${i}`));
  builder.emit("Split", [x, builder.integers(split)], { attributes: { axis: 3 }, outputs: parts });
  const [first, second, ...others] = parts;
  const times = (part: string, table: string) => builder.emit("Mul", [part, table]); // (B, H, T, R/2)
  const both = [
    builder.emit("Sub", [times(first, cos), times(second, sin)]),
    builder.emit("Add", [times(second, cos), times(first, sin)]),
  ];
  return builder.emit("Concat", [...both, ...others], { attributes: { axis: 3 } });
}
