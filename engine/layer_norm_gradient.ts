/**
 * The gradient of a layer norm as operators that every engine has, for engines without a kernel of their own.
 */
import {
  float32,
  type Graph,
  layerNormalizationGradient,
  matMul,
  mul,
  type Node,
  reduceSum,
  reshape,
  sub,
} from "../model/mod.ts";
import { Expansion } from "./expansion.ts";

/** The graph without LayerNormalizationGradient. */
export function expandLayerNorms(graph: Graph): Graph {
  if (!graph.nodes.some(isGradient)) return graph;
  const expansion = new Expansion(graph);
  return expansion.expand((node) => {
    if (isGradient(node)) write(node, expansion);
    return isGradient(node);
  });
}

function isGradient({ operator }: Node): boolean {
  return operator === layerNormalizationGradient;
}

function write(
  { inputs: [dY, x, scale, mean, inverse], outputs: [dX, dScale, dBias] }: Node,
  to: Expansion,
): void {
  const { shape } = to.type(x);
  const width = shape[shape.length - 1];
  const axes = shape.slice(0, -1).map((_, axis) => axis); // of rows
  const normalised = to.apply(mul, [to.apply(sub, [x, mean]), inverse]); // (..., C)
  const weighted = to.apply(mul, [dY, normalised]); // (..., C)
  // Row means as products with scale / C: they read a tensor once and make no temporary of its size.
  const shares = to.apply(mul, [scale, to.constant([1 / width], float32([]))]);
  const column = to.apply(reshape, [shares], { shape: [width, 1] });
  const meanOfGradient = to.apply(matMul, [dY, column]); // (..., 1)
  const meanOfWeighted = to.apply(matMul, [weighted, column]); // (..., 1)
  const direct = to.apply(mul, [dY, scale]);
  const along = to.apply(mul, [normalised, meanOfWeighted]);
  const centred = to.apply(sub, [to.apply(sub, [direct, along]), meanOfGradient]);
  to.apply(mul, [centred, inverse], {}, dX);
  to.apply(reduceSum, [weighted], { axes, keepdims: 0 }, dScale);
  to.apply(reduceSum, [dY], { axes, keepdims: 0 }, dBias);
}
