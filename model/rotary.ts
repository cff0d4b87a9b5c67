/**
 * Rotary positions: channels of queries and keys in pairs, each pair turned by an angle that grows with the position. A score then
 * depends on the distance of two positions.
 *
 * Source: Su et al. 2021, "RoFormer", §3.2.2. Differs: channel k of the first R is paired with channel k + R/2, not with its
 * neighbour, as in the code of GPT-NeoX, whose weights are made for it.
 */
import { type ModelConfig, validateConfig } from "./config.ts";
import type { GraphBuilder } from "./graph_builder.ts";
import { concat, split } from "./ops/layout.ts";
import { add, mul, sub } from "./ops/elementwise.ts";

/** Values of a graph: cosines and sines of each position's angles, [T, R/2]. */
export interface Rotation {
  readonly cos: string;
  readonly sin: string;
}

/** Pairs of channels that are turned in each head, R/2. */
export function rotaryPairs(config: ModelConfig): number {
  const { dModel, nHeads, rotaryFraction } = validateConfig(config);
  return Math.floor(dModel / nHeads * rotaryFraction) / 2;
}

/** [length, R/2] each, for positions from `from` on: the angle of pair k at position p is p·base^(−2k/R). */
export function rotaryAngles(
  config: ModelConfig,
  length: number,
  from = 0,
): { readonly cos: Float32Array; readonly sin: Float32Array } {
  const pairs = rotaryPairs(config);
  const { rotaryBase } = validateConfig(config);
  const angle = (i: number) =>
    (from + Math.floor(i / pairs)) * rotaryBase ** (-(i % pairs) / pairs);
  const size = { length: length * pairs };
  return {
    cos: Float32Array.from(size, (_, i) => Math.cos(angle(i))),
    sin: Float32Array.from(size, (_, i) => Math.sin(angle(i))),
  };
}

/** Turns queries or keys [..., T, S]. Channels from R on stay as they are. */
export function rotate(builder: GraphBuilder, x: string, { cos, sin }: Rotation): string {
  const { shape } = builder.type(x);
  const axis = shape.length - 1;
  const [, pairs] = builder.type(cos).shape;
  const rest = shape[axis] - 2 * pairs;
  const lengths = rest === 0 ? [pairs, pairs] : [pairs, pairs, rest];
  const [first, second, ...others] = builder.applyAll(split, [x], { axis, split: lengths });
  const times = (part: string, table: string) => builder.apply(mul, [part, table]); // (..., T, R/2)
  const turned = [
    builder.apply(sub, [times(first, cos), times(second, sin)]),
    builder.apply(add, [times(second, cos), times(first, sin)]),
  ];
  return builder.apply(concat, [...turned, ...others], { axis });
}
