/**
 * The part of a graph that some of its values need.
 */

/** Nodes that the `used` values depend on, in order; grows `used` by every value that these nodes read. */
export function liveNodes<
  Node extends { readonly inputs: readonly string[]; readonly outputs: readonly string[] },
>({ nodes }: { readonly nodes: readonly Node[] }, used: Set<string>): Node[] {
  const live: Node[] = [];
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((output) => used.has(output))) continue;
    live.push(node);
    for (const input of node.inputs) if (input !== "") used.add(input);
  }
  return live.reverse();
}
