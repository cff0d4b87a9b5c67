/**
 * Attention by kernels that keep no scores in memory: those of `attention.cu`, or of `attention_bf16.cu`, whose products are on tensor
 * cores.
 */
import {
  attention,
  attentionGradient,
  type Graph,
  type OperatorName,
  sizeOf,
} from "../../../model/mod.ts";
import type { Precision } from "../../engine.ts";
import type { PlannedNode, Rule } from "../command.ts";
import type { Grid } from "../driver.ts";
import { fewAxes, stepsOf } from "./axes.ts";

/** The widest head of the kernels. */
const mostWidth = 128;
/** Whether the kernels can take every attention of a graph; else it is taken apart. */
export function hasAttentionKernels({ nodes, types }: Graph): boolean {
  return nodes.every(({ operator, inputs: [q] }) =>
    (operator !== attention && operator !== attentionGradient) ||
    types[q].shape.at(-1)! <= mostWidth
  );
}

/** Kernels, and how many queries or keys a block of each takes, with how many threads. */
interface Kernels {
  readonly forward: { readonly kernel: string; readonly rows: number; readonly threads: number };
  readonly gradient: { readonly rows: number; readonly threads: number };
  readonly ofQueries: string;
  readonly ofKeys: string;
}

/** @param width Of a head. */
function kernelsFor(precision: Precision, width: number): Kernels {
  if (precision !== "bf16") {
    return {
      forward: { kernel: "attention", rows: 32, threads: 256 },
      gradient: { rows: 32, threads: 256 },
      ofQueries: "attention_query_gradient",
      ofKeys: "attention_key_gradient",
    };
  }
  const most = width > 64 ? mostWidth : 64;
  const rows = width > 64 ? 32 : 64;
  return {
    forward: { kernel: `attention_bf16_${most}`, rows: 64, threads: 128 },
    gradient: { rows, threads: 2 * rows },
    ofQueries: `attention_bf16_query_gradient_${most}`,
    ofKeys: `attention_bf16_key_gradient_${most}`,
  };
}

export function attentionRulesFor(precision: Precision) {
  return {
    Attention: (node) => {
      const { inputs: [q, k, v, , mask = ""], outputs } = node;
      const { structure, bias, alpha, stacks, queries, width } = attended(node, mask);
      const { forward: { kernel, rows, threads } } = kernelsFor(precision, width);
      const list = [...outputs, q, k, v, bias, mask, structure, alpha];
      return [{ kernel, grid: overStacks(queries, rows, stacks, threads), arguments: list }];
    },
    AttentionGradient: (node) => {
      const { inputs: [q, k, v, , context, logs, dContext, mask = ""], outputs } = node;
      const [dQ, dK, dV] = outputs;
      const { structure, bias, alpha, stacks, queries, keys, width } = attended(node, mask);
      const { gradient: { rows, threads }, ofQueries, ofKeys } = kernelsFor(precision, width);
      const means = node.scratch(node.shape(logs));
      const known = [q, k, v, bias, logs, means, dContext, mask, structure, alpha];
      const over = (count: number) => overStacks(count, rows, stacks, threads);
      return [
        {
          kernel: "attention_means",
          grid: { blocks: [stacks * queries, 1, 1], threads: 32 },
          arguments: [means, context, dContext, width],
        },
        { kernel: ofQueries, grid: over(queries), arguments: [dQ, ...known] },
        { kernel: ofKeys, grid: over(keys), arguments: [dK, dV, ...known] },
      ];
    },
  } satisfies Partial<Record<OperatorName, Rule>>;
}

/** The structure `Attended` of the kernels, what they take for the bias, and extents. */
function attended(node: PlannedNode, mask: string) {
  const { inputs: [q, k, , given], attributes, shape } = node;
  const slopes = node.slopesOf(given);
  const bias = slopes ?? given;
  const stack = shape(q).slice(0, -2);
  const [queries, width] = shape(q).slice(-2);
  const keys = shape(k).at(-2)!;
  const biases = slopes === undefined ? shape(bias) : [...shape(slopes), 1, 1];
  const steps = stepsOf(biases, [...stack, queries, keys]);
  const { extents, steps: [ofBias] } = fewAxes(stack, [steps.slice(0, -2)], 3);
  const flags = [attributes.causal === 1, mask !== "", slopes !== undefined].map(Number);
  const structure = [queries, keys, width].concat(flags, extents, ofBias, steps.slice(-2));
  const alpha = (attributes.alpha ?? 1) as number;
  return { structure, bias, alpha, stacks: sizeOf(stack), queries, keys, width };
}

/** A block for some rows of each stack. */
function overStacks(count: number, rows: number, stacks: number, threads: number): Grid {
  return { blocks: [Math.ceil(count / rows), stacks, 1], threads };
}
