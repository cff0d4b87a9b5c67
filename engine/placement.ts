/** The nodes of a graph that a device leaves to the processor, as ONNX Runtime's log names them. */
import type { Graph } from "../model/mod.ts";
import type { Precision } from "./engine.ts";

/** A graph to be opened on a device. */
export interface GraphToPlace {
  readonly name: string;
  readonly graph: Graph;
  readonly precision: Precision;
}

/** A graph that was opened, and how often it has each operator. */
export interface OpenedGraph {
  readonly name: string;
  readonly operators: Readonly<Record<string, number>>;
}

/** What the module at `placement` of an engine's row exports; it loads ONNX Runtime. */
export interface PlacementModule {
  /**
   * Opens graphs as the engine runs them, with the processor to fall back to; after the first training graph also the graphs of
   * the optimizer. Each one writes to stderr, among much else, one record of where its nodes run, in the order of the result.
   */
  logPlacements(graphs: readonly GraphToPlace[]): Promise<readonly OpenedGraph[]>;
}

/** The operators that the processor runs, and how often, of each graph that `logPlacements` opened, in that order. */
export function fallbacksInLog(log: string): Record<string, number>[] {
  const found: Record<string, number>[] = [];
  let isProcessor = false;
  for (const line of log.split("\n")) {
    if (!line.includes("VerifyEachNodeIsAssignedToAnEp")) continue;
    const text = line.slice(line.indexOf("]", line.indexOf("VerifyEachNode")) + 1).trim();
    const [, provider, count] = /placed on \[(\w+)\]\. Number of nodes: (\d+)/.exec(text) ?? [];
    const [, op] = /^(\w+) \(/.exec(text) ?? [];
    if (text === "Node placements") found.push({});
    else if (provider !== undefined) {
      isProcessor = provider === "CPUExecutionProvider";
      // Where one provider has all nodes, the log names none.
      if (isProcessor && text.startsWith("All")) found.at(-1)!["every operator"] = Number(count);
    } else if (isProcessor && op !== undefined) {
      found.at(-1)![op] = (found.at(-1)![op] ?? 0) + 1;
    }
  }
  return found;
}
