/**
 * Attention by the kernels of `attention.cu`, which keep no scores in memory.
 */
import {
  attention,
  attentionGradient,
  type Graph,
  type OperatorName,
  sizeOf,
} from "../../../model/mod.ts";
import type { PlannedNode, Rule } from "../command.ts";
import type { Grid } from "../driver.ts";
import { fewAxes, stepsOf } from "./axes.ts";

/** The widest head of the kernels. */
const mostWidth = 128;
/** Queries, or keys, of a block. */
const blockRows = 32;

/** Whether the kernels can take every attention of a graph; else it is taken apart. */
export function hasAttentionKernels({ nodes, types }: Graph): boolean {
  return nodes.every(({ operator, inputs: [q] }) =>
    (operator !== attention && operator !== attentionGradient) ||
    types[q].shape.at(-1)! <= mostWidth
  );
}

export const attentionRules = {
  Attention: (node) => {
    const { inputs: [q, k, v, bias, mask = ""], outputs } = node;
    const { structure, alpha, over, queries } = attended(node, mask);
    const list = [...outputs, q, k, v, bias, mask, structure, alpha];
    return [{ kernel: "attention", grid: over(queries), arguments: list }];
  },
  AttentionGradient: (node) => {
    const { inputs: [q, k, v, bias, context, logs, dContext, mask = ""], outputs } = node;
    const [dQ, dK, dV] = outputs;
    const { structure, alpha, over, queries, keys } = attended(node, mask);
    const means = node.scratch(node.shape(logs));
    const known = [q, k, v, bias, logs, means, dContext, mask, structure, alpha];
    const rows = sizeOf(node.shape(logs));
    return [
      {
        kernel: "attention_means",
        grid: { blocks: [rows, 1, 1], threads: 32 },
        arguments: [means, context, dContext, node.shape(q).at(-1)!],
      },
      { kernel: "attention_query_gradient", grid: over(queries), arguments: [dQ, ...known] },
      { kernel: "attention_key_gradient", grid: over(keys), arguments: [dK, dV, ...known] },
    ];
  },
} satisfies Partial<Record<OperatorName, Rule>>;

/** The structure `Attended` of the kernels, and grids with a block for some rows of each stack. */
function attended({ inputs: [q, k, , bias], attributes, shape }: PlannedNode, mask: string) {
  const stack = shape(q).slice(0, -2);
  const [queries, width] = shape(q).slice(-2);
  const keys = shape(k).at(-2)!;
  const steps = stepsOf(shape(bias), [...stack, queries, keys]);
  const { extents, steps: [ofBias] } = fewAxes(stack, [steps.slice(0, -2)], 3);
  const structure = [queries, keys, width, attributes.causal === 1 ? 1 : 0, mask === "" ? 0 : 1]
    .concat(extents, ofBias, steps.slice(-2));
  const over = (rows: number): Grid => ({
    blocks: [Math.ceil(rows / blockRows), sizeOf(stack), 1],
    threads: 256,
  });
  return { structure, alpha: (attributes.alpha ?? 1) as number, over, queries, keys };
}
