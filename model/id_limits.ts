/**
 * Which ids a graph may be fed: hosts check them, as devices read outside a table without a word.
 */
import type { Graph } from "./operator.ts";

/** Number of classes or rows that an input's ids choose from, and the value that has them. */
export interface IdLimit {
  readonly limit: number;
  readonly table: string;
}

/**
 * For every int32 input that a Gather or CrossEntropy reads, directly or reshaped: its ids are in [0, limit).
 * The smallest limit where there are several.
 */
export function idLimits(graph: Graph): Record<string, IdLimit> {
  const sources = new Map<string, string>();
  for (const [name, type] of Object.entries(graph.inputs)) {
    if (type.dtype === "int32") sources.set(name, name);
  }
  const limits: Record<string, IdLimit> = {};
  for (const { op, inputs, outputs } of graph.nodes) {
    if (op === "Reshape" && sources.has(inputs[0])) {
      sources.set(outputs[0], sources.get(inputs[0])!);
    }
    const axis = op === "Gather" ? 0 : op === "CrossEntropy" ? 1 : undefined;
    const source = axis === undefined ? undefined : sources.get(inputs[1]);
    if (axis === undefined || source === undefined) continue;
    const limit = graph.types[inputs[0]].shape[axis];
    if (limits[source] === undefined || limit < limits[source].limit) {
      limits[source] = { limit, table: inputs[0] };
    }
  }
  return limits;
}
