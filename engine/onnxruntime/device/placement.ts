/**
 * Finds the nodes of a network's graphs that a device does not run. The runtime names them in its log when it opens a session
 * that may fall back to the processor. The log goes to the process's stderr, so this runs in a process of its own.
 */
import type { Graph } from "../../../model/mod.ts";
import type { Precision } from "../../engine.ts";
import type { GraphToPlace, OpenedGraph } from "../../placement.ts";
import { adamWGraph, additionGraph, copyGraph, squaresGraph } from "./graphs.ts";
import { halfDevice } from "./half.ts";
import { device } from "./rewrites.ts";
import { expandAttention } from "../../attention_blocks.ts";
import { expandLayerNorms } from "../../layer_norm_gradient.ts";
import { expandHeads } from "../head.ts";
import { lower } from "../lowering.ts";
import { withLossScale } from "./loss_scale.ts";
import type { OnnxGraph } from "../onnx_proto.ts";
import { Session } from "../session.ts";

/** See `PlacementModule`. */
export async function logPlacements(graphs: readonly GraphToPlace[]): Promise<OpenedGraph[]> {
  const opened: OpenedGraph[] = [];
  const log = async (name: string, graph: OnnxGraph) => {
    await logPlacement(graph);
    opened.push({ name, operators: countOperators(graph) });
  };
  const training = graphs.find(isTraining);
  for (const one of graphs) {
    await log(one.name, deviceGraph(one.graph, one.precision));
    if (one !== training) continue;
    for (const [name, graph] of Object.entries(optimizerGraphs(one.graph))) await log(name, graph);
  }
  return opened;
}

function isTraining({ graph }: Pick<GraphToPlace, "graph">): boolean {
  return Object.keys(graph.gradients).length > 0;
}

/** A graph as programs on the device run it; a training graph with all gradients. */
function deviceGraph(graph: Graph, precision: Precision): OnnxGraph {
  const isHalf = precision === "fp16";
  const scaled = isHalf && isTraining({ graph }) ? withLossScale(graph) : graph;
  const expanded = expandHeads(expandAttention(expandLayerNorms(scaled), isHalf));
  const values = [...Object.values(graph.outputs), ...Object.values(expanded.gradients)];
  return lower(expanded, values, isHalf ? halfDevice : device).onnx;
}

/** The other graphs of a training step on the device, by purpose. */
function optimizerGraphs({ parameters }: Graph): Record<string, OnnxGraph> {
  const shapes = Object.fromEntries(
    Object.entries(parameters).map(([name, { shape }]) => [name, shape]),
  );
  const adamW = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 };
  return {
    "sum of micro-batches": additionGraph(shapes),
    "gradient norms": squaresGraph(shapes),
    "AdamW": adamWGraph(shapes, adamW),
    "copies to and from the host": copyGraph(shapes),
  };
}

/** How often a graph has each operator, by name. */
function countOperators({ nodes }: OnnxGraph): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const op of nodes.map((node) => node.op).sort()) counts[op] = (counts[op] ?? 0) + 1;
  return counts;
}

/** Opens a session whose log on stderr has one record of where its nodes run, for `fallbacksInLog`. */
async function logPlacement(graph: OnnxGraph): Promise<void> {
  const device = { hostOutputs: new Set<string>(), isExclusive: false, isLogged: true };
  const session = await Session.open(graph, { threads: 1, purpose: "placement", device });
  await session.release();
}
