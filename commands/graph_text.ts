/**
 * A graph as text, as Mermaid and as dot.
 */

export interface GraphNode {
  readonly id: string;
  /** Names of the nodes that it needs, sorted. */
  readonly needs: readonly string[];
  readonly state: "fresh" | "run" | "waiting";
  /** Text after the name: how many instances a stage has. */
  readonly note?: string;
}

/** Nodes, each after those that it needs. */
export type Graph = readonly GraphNode[];

/** How nodes of each state look. */
export const stateColours = {
  fresh: { fill: "#dcefdc", stroke: "#4a7f4a" },
  run: { fill: "#fbe3c4", stroke: "#a8681a" },
  waiting: { fill: "#eeeeee", stroke: "#888888" },
} as const;

/** The text in the box of a node. */
export function label({ id, note = "" }: GraphNode): string {
  return `${id} ${note}`.trimEnd();
}

/** `run      walk/a/left  ← words/a`. */
export function asText(graph: Graph): string {
  const width = Math.max(...graph.map(({ id }) => id.length));
  return graph.map((node) => {
    const from = node.needs.length === 0 ? "" : `  ← ${node.needs.join(", ")}`;
    return `${node.state.padEnd(8)} ${label(node).padEnd(width)}${from}`.trimEnd();
  }).join("\n");
}

export function asMermaid(graph: Graph): string {
  // Ids of Mermaid must be plain words.
  const numbers = new Map(graph.map(({ id }, i) => [id, `n${i}`]));
  const nodes = graph.map((node) => `  ${numbers.get(node.id)}["${label(node)}"]:::${node.state}`);
  const edges = graph.flatMap(({ id, needs }) =>
    needs.map((needed) => `  ${numbers.get(needed)} --> ${numbers.get(id)}`)
  );
  return [
    "flowchart LR",
    ...nodes,
    ...edges,
    ...Object.entries(stateColours)
      .map(([state, { fill, stroke }]) => `  classDef ${state} fill:${fill},stroke:${stroke}`),
  ].join("\n");
}

export function asDot(graph: Graph): string {
  const quoted = (text: string) => JSON.stringify(text);
  const nodes = graph.map((node) =>
    `  ${quoted(node.id)} [label=${quoted(label(node))}, fillcolor=${
      quoted(stateColours[node.state].fill)
    }];`
  );
  const edges = graph.flatMap(({ id, needs }) =>
    needs.map((needed) => `  ${quoted(needed)} -> ${quoted(id)};`)
  );
  return [
    "digraph pipeline {",
    "  rankdir=LR;",
    '  node [shape=box, style="rounded,filled", fontname="sans-serif", fontsize=11];',
    ...nodes,
    ...edges,
    "}",
  ].join("\n");
}
