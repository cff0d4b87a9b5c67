/**
 * Measures the output of each module of a network: nodes are added to a graph and change none of its results.
 *
 * A module is an embedding lookup, a norm, a linear layer, or a block (the states after its MLP), named after its parameters
 * without `body.`: `block.3.attn.qkv`, `norm_final`, `block.3`.
 */
import { GraphBuilder } from "./graph_builder.ts";
import type { Graph, Node } from "./operator.ts";
import { sizeOf } from "./shapes.ts";
import { mul, sqrt } from "./ops/elementwise.ts";
import { reduceMean, reduceSum } from "./ops/reduce.ts";
import { reshape } from "./ops/reshape.ts";

/** Output names of a module's numbers. */
export const activationMean = "activation.mean.";
export const activationNorm = "activation.norm.";

/**
 * The graph of a language model with two more outputs a module, scalars: `activation.mean.<module>`, the mean of all its
 * numbers, and `activation.norm.<module>`, the L2 norm of a position's vector, as a mean over positions.
 */
export function withActivationNorms(graph: Graph): Graph {
  const builder = GraphBuilder.extending(graph);
  const outputs: Record<string, string> = { ...graph.outputs };
  for (const node of graph.nodes) {
    const module = moduleOf(node);
    if (module === undefined) continue;
    const [value] = node.outputs;
    const { shape } = graph.types[value];
    const width = shape[shape.length - 1];
    builder.within(`monitors.${module}`, () => {
      const rows = builder.apply(reshape, [value], { shape: [sizeOf(shape) / width, width] });
      const squares = builder.apply(mul, [rows, rows]); // (N, C)
      const sums = builder.apply(reduceSum, [squares], { axes: [1], keepdims: 0 }); // (N)
      const norms = builder.apply(sqrt, [sums]);
      const mean = (of: string, axes: readonly number[]) =>
        builder.apply(reduceMean, [of], { axes, keepdims: 0 });
      outputs[activationMean + module] = mean(rows, [0, 1]);
      outputs[activationNorm + module] = mean(norms, [0]);
    });
  }
  return builder.build(outputs, graph.gradients);
}

/** The module whose output a node makes; undefined for a node inside of one. */
function moduleOf({ operator, inputs, scope }: Node): string | undefined {
  switch (operator.name) {
    case "Gather":
      return withoutWeight(inputs[0]);
    case "LayerNormalization":
    case "Gemm":
      return withoutWeight(inputs[1]);
    case "Add": // the residual connection after an MLP
      return /^body\.(block\.\d+)\.mlp$/.exec(scope)?.[1];
    default:
      return undefined;
  }
}

function withoutWeight(parameter: string): string | undefined {
  return /^(?:body\.)?(.+)\.weight$/.exec(parameter)?.[1];
}
