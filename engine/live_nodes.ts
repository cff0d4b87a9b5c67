/**
 * The part of a graph that some of its values need.
 */
import type { Graph, Node } from "../model/mod.ts";

/** Nodes that the `used` values depend on, in order; grows `used` by every value that these nodes read. */
export function liveNodes(graph: Graph, used: Set<string>): Node[] {
  const live: Node[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((output) => used.has(output))) continue;
    live.push(node);
    for (const input of node.inputs) if (input !== "") used.add(input);
  }
  return live.reverse();
}
