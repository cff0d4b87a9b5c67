/**
 * Dropout in a graph, and the words that its masks are drawn from.
 *
 * Words are inputs of the graph: the host draws them, a step at a time, and turns dropout off in the same graph.
 */
import { Random, type Seed } from "../base/mod.ts";
import type { GraphBuilder } from "./graph_builder.ts";
import type { Graph } from "./operator.ts";
import { float32, int32, type Shape, sizeOf } from "./shapes.ts";
import { dropoutMask } from "./ops/dropout_mask.ts";
import { mul } from "./ops/elementwise.ts";
import { reshape } from "./ops/reshape.ts";

/** Writes the nodes that drop elements of a value; returns the value that is left, of the same shape. */
export interface Drop {
  (value: string): string;
  /** Writes a mask of this shape, for an operator that drops elements of what it makes inside. */
  readonly mask: (shape: Shape) => string;
}

/** What is left of a value, which is all where there is no dropout. */
export function dropped(value: string, drop?: Drop): string {
  return drop === undefined ? value : drop(value);
}

/**
 * Dropout for a graph under construction, with words of its own at each place where it is called. It declares
 *
 * in   dropout.limit        int32 [1]
 *      dropout.scale        [1]
 *      dropout.<n>.rows     int32, a word for each row of the n-th value
 *      dropout.<n>.columns  int32, a word for each element of its last axis
 */
export function declareDropout(builder: GraphBuilder): Drop {
  const limit = builder.input("dropout.limit", int32([1]));
  const scale = builder.input("dropout.scale", float32([1]));
  let count = 0;
  const mask = (shape: Shape) => {
    const width = shape[shape.length - 1];
    const rows = builder.input(`dropout.${count}.rows`, int32([sizeOf(shape) / width]));
    const columns = builder.input(`dropout.${count}.columns`, int32([width]));
    count++;
    const drawn = builder.apply(dropoutMask, [rows, columns, limit, scale]); // (N, width)
    return builder.apply(reshape, [drawn], { shape });
  };
  const drop = (value: string) => builder.apply(mul, [value, mask(builder.type(value).shape)]);
  return Object.assign(drop, { mask });
}

/**
 * What the inputs of `declareDropout` are fed in a step; nothing for a graph without dropout.
 * @param rate Share of elements that is dropped, from 0 below 1. What is left is multiplied by 1 / (1 − rate).
 */
export function dropoutFeeds(
  graph: Graph,
  rate: number,
  seed: Seed,
): Record<string, Int32Array | Float32Array> {
  const random = new Random(seed);
  const limit = Math.min(Math.round((rate - 0.5) * 2 ** 32), 2 ** 31 - 1);
  // An odd word has an inverse: its products with all odd words are all odd numbers, each once.
  return feedsOf(graph, limit, 1 / (1 - rate), () => random.uint32() | 1);
}

/** The same to drop nothing: values stay as they are, bit for bit. */
export function noDropoutFeeds(graph: Graph): Record<string, Int32Array | Float32Array> {
  return feedsOf(graph, -(2 ** 31), 1, () => 0);
}

function feedsOf(
  { inputs }: Graph,
  limit: number,
  scale: number,
  word: () => number,
): Record<string, Int32Array | Float32Array> {
  if (!("dropout.limit" in inputs)) return {};
  const sites = Object.entries(inputs).filter(([name]) => /^dropout\.\d+\./.test(name));
  return {
    "dropout.limit": Int32Array.of(limit),
    "dropout.scale": Float32Array.of(scale),
    ...Object.fromEntries(sites.map(([name, { shape }]) => [
      name,
      Int32Array.from({ length: sizeOf(shape) }, word),
    ])),
  };
}
