/**
 * Half-precision graphs on the provider cpu, which has no such kernels: it computes in single precision and would leave out
 * the roundings between. Two nodes that do nothing, after every value that must be rounded, keep it in half precision.
 */
import {
  elementTypes,
  type OnnxGraph,
  type OnnxNode,
  rawBytes,
} from "../../engine/onnxruntime/onnx_proto.ts";
import { Session, type SessionOptions } from "../../engine/onnxruntime/session.ts";

const products = ["Gemm", "MatMul"];
const axis = "first axis";

/** Opens a device's session on the processor. */
export function openOnProcessor(
  graph: OnnxGraph,
  { threads, purpose }: SessionOptions,
): Promise<Session> {
  return Session.open(roundedOnProcessor(graph), { threads, purpose });
}

function roundedOnProcessor(graph: OnnxGraph): OnnxGraph {
  const halves = new Set<string>();
  const nodes = graph.nodes.flatMap((node): readonly OnnxNode[] => {
    const isCast = node.op === "Cast";
    const isHalf = isCast
      ? node.attributes.to === elementTypes.float16
      : node.inputs.some((input) => halves.has(input));
    if (!isHalf) return [node];
    for (const output of node.outputs) halves.add(output);
    return isCast || products.includes(node.op) ? keptInHalf(node) : [node];
  });
  if (halves.size === 0) return graph;
  const bytes = rawBytes([0], "int64");
  const constant = { name: axis, elementType: "int64", shape: [1], bytes } as const;
  return { ...graph, nodes, initializers: [...graph.initializers, constant] };
}

function keptInHalf(node: OnnxNode): readonly OnnxNode[] {
  const { name, outputs: [output] } = node;
  const [made, turned] = [`${output}~made`, `${output}~turned`];
  const step = (op: string, input: string, to: string): OnnxNode => {
    const outputs = [to];
    return {
      name: `${name}~${op}`,
      op,
      domain: "",
      inputs: [input, axis],
      outputs,
      attributes: {},
    };
  };
  return [
    { ...node, outputs: [made] },
    step("Unsqueeze", made, turned),
    step("Squeeze", turned, output),
  ];
}
