/**
 * Reverse-mode differentiation of a static graph.
 *
 * Source: Griewank and Walther 2008, "Evaluating derivatives", §3.2 (incremental reverse mode).
 */
import { GraphBuilder } from "./graph_builder.ts";
import type { Graph, Node } from "./operator.ts";
import { float32, formatShape } from "./shapes.ts";
import { add } from "./ops/elementwise.ts";

/**
 * The graph with the gradient of a scalar output for each of the parameters (all, unless named), in `gradients`.
 *
 * Nodes are visited from the last to the first. A value that is used more than once gets its contributions added in the
 * order in which they arise, that of its last use first; so the gradient of a tied embedding is the head's plus the table's
 * own. Nodes that neither an output nor a gradient needs are left out.
 *
 * @throws RangeError when the output is missing or not a scalar, when a parameter is unknown or does not reach the output,
 *   and when an operator on the way has no gradient.
 */
export function differentiate(
  graph: Graph,
  lossOutput = "loss",
  parameters: readonly string[] = Object.keys(graph.parameters),
): Graph {
  const loss = graph.outputs[lossOutput];
  if (loss === undefined) {
    throw new RangeError(
      `Cannot differentiate output "${lossOutput}": expected one of ${
        Object.keys(graph.outputs).join(", ")
      }`,
    );
  }
  if (graph.types[loss].shape.length !== 0) {
    throw new RangeError(
      `Cannot differentiate output "${lossOutput}": expected a scalar, found shape ${
        formatShape(graph.types[loss].shape)
      }`,
    );
  }
  const builder = GraphBuilder.extending(graph);
  const depends = valuesThatDependOn(graph, parameters);
  const contributions = new Map<string, string[]>();
  const contribute = (value: string, gradient: string) => {
    const known = contributions.get(value);
    if (known === undefined) contributions.set(value, [gradient]);
    else known.push(gradient);
  };
  const gradientOf = (value: string) => {
    const parts = contributions.get(value);
    return parts?.reduce((sum, part) => builder.apply(add, [sum, part]));
  };

  contribute(loss, builder.constant([1], float32([])));
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((output) => depends.has(output) && contributions.has(output))) continue;
    builder.within(gradientScope(node.scope), () => {
      const outputGradients = node.outputs.map(gradientOf);
      const wanted = node.inputs.map((input) => depends.has(input));
      gradientOfNode(node, outputGradients, builder, wanted).forEach((gradient, i) => {
        if (gradient !== undefined && wanted[i]) contribute(node.inputs[i], gradient);
      });
    });
  }

  const gradients: Record<string, string> = {};
  for (const name of parameters) {
    const gradient = builder.within(gradientScope(name), () => gradientOf(name));
    if (gradient === undefined) {
      throw new RangeError(
        `Cannot differentiate output "${lossOutput}" with respect to ${name}: expected a parameter that it uses`,
      );
    }
    gradients[name] = gradient;
  }
  return builder.build(graph.outputs, gradients);
}

function gradientScope(scope: string): string {
  return scope === "" ? "gradient" : `${scope}.gradient`;
}

function gradientOfNode(
  node: Node,
  outputGradients: readonly (string | undefined)[],
  builder: GraphBuilder,
  wanted: readonly boolean[],
): readonly (string | undefined)[] {
  const { gradient } = node.operator;
  if (gradient === undefined) {
    throw new RangeError(
      `Cannot differentiate ${node.operator.name} in ${node.scope}: expected an operator that has a gradient`,
    );
  }
  try {
    return gradient(node, outputGradients, builder, wanted);
  } catch (error) {
    if (!(error instanceof RangeError) || !error.message.startsWith("expected")) throw error;
    throw new RangeError(
      `Cannot differentiate ${node.operator.name} in ${node.scope}: ${error.message}`,
      {
        cause: error,
      },
    );
  }
}

/** The parameters and every value made from them. @throws RangeError for an unknown parameter. */
function valuesThatDependOn(graph: Graph, parameters: readonly string[]): Set<string> {
  for (const name of parameters) {
    if (!Object.hasOwn(graph.parameters, name)) {
      throw new RangeError(
        `Cannot differentiate with respect to ${name}: no parameter has that name`,
      );
    }
  }
  const depends = new Set(parameters);
  for (const node of graph.nodes) {
    if (!node.inputs.some((input) => depends.has(input))) continue;
    for (const output of node.outputs) depends.add(output);
  }
  return depends;
}
