/**
 * Runs a graph node by node in float64.
 */
import type { Graph, Node, Tensor } from "../../model/mod.ts";
import { liveNodes } from "../live_nodes.ts";

/** Data of inputs and parameters by name; numbers in float64. */
export type Values = Readonly<Record<string, Float64Array | Int32Array>>;

/** The nodes that some values need, in order, and the inputs and parameters that these read. */
export interface Schedule {
  readonly wanted: readonly string[];
  readonly nodes: readonly Node[];
  readonly leaves: readonly string[];
}

/** The schedule that computes the wanted values. */
export function scheduleFor(graph: Graph, wanted: readonly string[]): Schedule {
  const needed = new Set(wanted);
  const nodes = liveNodes(graph, needed);
  const leaves = [...Object.keys(graph.inputs), ...Object.keys(graph.parameters)];
  return { wanted, nodes, leaves: leaves.filter((name) => needed.has(name)) };
}

/** Runs a schedule and returns the wanted values by value name. Data of other values is dropped after its last use. */
export function interpret(
  graph: Graph,
  { wanted, nodes, leaves }: Schedule,
  values: Values,
): Map<string, Float64Array | Int32Array> {
  const tensors = new Map<string, Tensor>();
  for (const name of leaves) {
    tensors.set(name, { shape: graph.types[name].shape, data: values[name] });
  }
  for (const [name, { type, data }] of Object.entries(graph.constants)) {
    const isIds = data instanceof Int32Array;
    tensors.set(name, { shape: type.shape, data: isIds ? data : Float64Array.from(data) });
  }
  const lastUse = new Map<string, number>();
  nodes.forEach((node, i) => {
    for (const value of [...node.inputs, ...node.outputs]) lastUse.set(value, i);
  });
  for (const value of wanted) lastUse.set(value, Infinity);

  nodes.forEach((node, i) => {
    const types = node.outputs.map((output) => graph.types[output]);
    const inputs = node.inputs.map((input) => tensors.get(input)!);
    const data = node.operator.evaluate(inputs, types, node.attributes);
    node.outputs.forEach((output, o) => {
      tensors.set(output, { shape: types[o].shape, data: data[o] });
    });
    for (const value of [...node.inputs, ...node.outputs]) {
      if (lastUse.get(value) === i) tensors.delete(value);
    }
  });
  return new Map(wanted.map((value) => [value, tensors.get(value)!.data]));
}
