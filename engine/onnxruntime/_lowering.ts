/**
 * Lowers a graph of ours to an ONNX graph that computes chosen values and nothing else.
 */
import type { Graph, Node } from "../../model/mod.ts";
import { OnnxBuilder } from "./_builder.ts";
import type { OnnxGraph, OnnxValue } from "./_onnx_proto.ts";
import { emitNode } from "./_rewrites.ts";

export interface Lowered {
  readonly onnx: OnnxGraph;
  /** Inputs and parameters that the values depend on: what the session has to be fed. */
  readonly inputs: readonly OnnxValue[];
  readonly parameters: readonly OnnxValue[];
  /** What the session calls each value. */
  readonly outputs: ReadonlyMap<string, OnnxValue>;
}

export function lower(graph: Graph, values: readonly string[]): Lowered {
  const used = new Set(values);
  const nodes = liveNodes(graph, used);
  const builder = new OnnxBuilder();
  const isUsed = (value: string) => used.has(value);
  for (const [name, { type, data }] of Object.entries(graph.constants)) {
    if (isUsed(name)) builder.initializer(name, type, data);
  }
  for (const node of nodes) emitNode(node, builder, { graph, isUsed });

  const computed = new Set(nodes.flatMap((node) => node.outputs));
  const outputs = new Map<string, OnnxValue>();
  builder.enter("outputs");
  for (const value of new Set(values)) {
    // The runtime does not hand out its inputs and constants as outputs, so these pass through a node.
    const name = computed.has(value) ? value : builder.emit("Identity", [value]);
    outputs.set(value, onnxValue(graph, value, name));
  }
  const fed = (types: Graph["inputs"]) =>
    Object.keys(types).filter(isUsed).map((name) => onnxValue(graph, name));
  const inputs = fed(graph.inputs);
  const parameters = fed(graph.parameters);
  const { nodes: onnxNodes, initializers } = builder;
  return {
    onnx: {
      inputs: [...inputs, ...parameters],
      outputs: [...outputs.values()],
      initializers,
      nodes: onnxNodes,
    },
    inputs,
    parameters,
    outputs,
  };
}

/** Nodes that `used` values depend on, in order; grows `used` by every value that these nodes read. */
function liveNodes(graph: Graph, used: Set<string>): Node[] {
  const live: Node[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((output) => used.has(output))) continue;
    live.push(node);
    for (const input of node.inputs) if (input !== "") used.add(input);
  }
  return live.reverse();
}

function onnxValue(graph: Graph, value: string, name = value): OnnxValue {
  const { dtype, shape } = graph.types[value];
  return { name, elementType: dtype, shape };
}
