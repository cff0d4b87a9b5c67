/**
 * How much memory the values of a graph take while it runs.
 */
import type { Graph, Node } from "./operator.ts";
import { sizeOf } from "./shapes.ts";
import { attention, attentionGradient } from "./ops/attention.ts";
import { layerNormalizationGradient } from "./ops/layer_normalization.ts";

/**
 * The most bytes that values made by nodes hold at any one time, when nodes run in order and a value goes with its last use.
 * Inputs, parameters and constants are not counted, nor memory that an engine needs inside of a node, but for attention and norms: most
 * engines keep its probabilities as long as its last output, and make a gradient of them, and take four steps for the gradient of a norm.
 * Outputs and gradients stay to the end.
 */
export function peakLiveBytes(graph: Graph): number {
  const lastUse = new Map<string, number>();
  graph.nodes.forEach(({ inputs }, at) => {
    for (const input of inputs) lastUse.set(input, at);
  });
  for (const kept of [...Object.values(graph.outputs), ...Object.values(graph.gradients)]) {
    lastUse.set(kept, graph.nodes.length);
  }
  const bytesOf = (value: string) => 4 * sizeOf(graph.types[value].shape);
  /** Bytes that go after a node. */
  const ending = new Map<number, number>();
  let [live, peak] = [0, 0];
  graph.nodes.forEach((node, at) => {
    const hold = (bytes: number, until: string) => {
      live += bytes;
      const end = lastUse.get(until) ?? at;
      ending.set(end, (ending.get(end) ?? 0) + bytes);
    };
    for (const output of node.outputs) hold(bytesOf(output), output);
    const inside = 4 * scoresOf(node, graph);
    if (node.operator === attention) hold(inside, node.outputs[1]);
    const passing = node.operator === attentionGradient ? inside : 4 * normsOf(node, graph);
    peak = Math.max(peak, live + passing);
    live -= ending.get(at) ?? 0;
  });
  return peak;
}

/** Bytes of a tensor that the gradient of a norm passes; 0 for another node. */
function normsOf({ operator, inputs: [dY] }: Node, { types }: Graph): number {
  return operator === layerNormalizationGradient ? 4 * sizeOf(types[dY].shape) : 0;
}

/** Scores of an attention; 0 for another node. */
function scoresOf({ operator, inputs: [q, k] }: Node, { types }: Graph): number {
  if (operator !== attention && operator !== attentionGradient) return 0;
  const keys = types[k].shape;
  return sizeOf(types[q].shape.slice(0, -1)) * keys[keys.length - 2];
}
