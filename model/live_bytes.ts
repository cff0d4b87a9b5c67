/**
 * How much memory the values of a graph take while it runs.
 */
import type { Graph } from "./operator.ts";
import { sizeOf } from "./shapes.ts";

/**
 * The most bytes that values made by nodes hold at any one time, when nodes run in order and a value goes with its last use.
 * Inputs, parameters and constants are not counted, nor memory that an engine needs inside of a node. Outputs and gradients stay to the end.
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
  const ending = new Map<number, string[]>();
  let [live, peak] = [0, 0];
  graph.nodes.forEach(({ outputs }, at) => {
    for (const output of outputs) {
      live += bytesOf(output);
      const end = lastUse.get(output) ?? at;
      ending.set(end, [...ending.get(end) ?? [], output]);
    }
    peak = Math.max(peak, live);
    for (const value of ending.get(at) ?? []) live -= bytesOf(value);
    ending.delete(at);
  });
  return peak;
}
