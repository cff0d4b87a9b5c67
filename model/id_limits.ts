/**
 * Which ids a graph may be fed: hosts check them, as devices read outside a table without an error.
 */
import type { Graph } from "./operator.ts";

/** Number of classes or rows that an input's ids choose from, and the value that has them. */
export interface IdLimit {
  readonly limit: number;
  readonly table: string;
}

/** Operators whose ids choose along an axis of a table: which inputs these are. */
const choices: Readonly<Record<string, { ids: number; table: number; axis: number }>> = {
  CrossEntropy: { ids: 1, table: 0, axis: 1 },
  Gather: { ids: 1, table: 0, axis: 0 },
  LinearCrossEntropy: { ids: 2, table: 1, axis: 0 },
};

/**
 * For every int32 input that a Gather, CrossEntropy or LinearCrossEntropy reads, directly or reshaped: its ids are in [0, limit).
 * The smallest limit where there are several.
 */
export function idLimits(graph: Graph): Record<string, IdLimit> {
  const sources = idSources(graph);
  const limits: Record<string, IdLimit> = {};
  for (const { operator: { name: op }, inputs } of graph.nodes) {
    const choice = choices[op];
    const source = choice === undefined ? undefined : sources.get(inputs[choice.ids]);
    if (source === undefined) continue;
    const table = inputs[choice.table];
    const limit = graph.types[table].shape[choice.axis];
    if (limits[source] === undefined || limit < limits[source].limit) {
      limits[source] = { limit, table };
    }
  }
  return limits;
}

/** For each value that holds the ids of an input as they are fed: that input. */
export function idSources(graph: Graph): Map<string, string> {
  const ids = Object.keys(graph.inputs).filter((name) => graph.inputs[name].dtype === "int32");
  const sources = new Map(ids.map((name) => [name, name]));
  for (const { operator: { name: op }, inputs, outputs } of graph.nodes) {
    const source = op === "Reshape" ? sources.get(inputs[0]) : undefined;
    if (source !== undefined) sources.set(outputs[0], source);
  }
  return sources;
}
