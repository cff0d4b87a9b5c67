/**
 * How operators of ours become ONNX nodes where the two differ: an entry by operator name. Other operators are copied.
 */
import {
  alibiSlopes,
  fastGeluCube,
  fastGeluScale,
  float32,
  type Node,
  sizeOf,
} from "../../model/mod.ts";
import { headGradient, headGradientOperator, linearCrossEntropy } from "./head.ts";
import type { Rewrite, RewriteContext } from "./rewrite.ts";

const rewrites: Readonly<Record<string, Rewrite>> = {
  AlibiBias: alibiBias,
  CrossEntropy: crossEntropy,
  CrossEntropyGradient: crossEntropyGradient,
  DropoutMask: dropoutMask,
  EmbeddingGradient: embeddingGradient,
  FastGeluGradient: fastGeluGradient,
  GeluGradient: geluGradient,
  LinearCrossEntropy: linearCrossEntropy,
  [headGradientOperator.name]: headGradient,
};

/** Emits one node of ours. @throws Error naming operator and scope for an operator of `dept` without a rewriting. */
export function emitNode(node: Node, context: RewriteContext): void {
  const { builder } = context;
  builder.enter(node.scope);
  const { name: op, domain, constantInputs = [] } = node.operator;
  const rewrite = context.target.rewrites[op] ?? (domain === "dept" ? rewrites[op] : undefined);
  if (rewrite !== undefined) return rewrite(node, context);
  if (domain === "dept") {
    const known = Object.keys(rewrites).join(", ");
    throw new Error(
      `Cannot compile ${op} in ${node.scope}: expected one of ${known} in domain dept`,
    );
  }
  const attributes = Object.fromEntries(
    Object.entries(node.attributes).filter(([name]) => !constantInputs.includes(name)),
  );
  const constants = constantInputs.map((name) =>
    builder.integers(node.attributes[name] as readonly number[])
  );
  builder.emit(op, [...node.inputs, ...constants], { domain, attributes, outputs: node.outputs });
}

/** Distances of positions, which all heads share, times each head's slope. A position ahead gets so large a distance that its
 * weight is zero. */
function alibiBias({ outputs, attributes }: Node, { builder }: RewriteContext): void {
  const { heads, length: T } = attributes as { heads: number; length: number };
  const slopes = builder.fresh("slopes");
  builder.initializer(slopes, float32([heads, 1, 1]), alibiSlopes(heads));
  const distances = new Float32Array(T * T).fill(-(2 ** 40)); // times the least slope, 2⁻⁸, still −4·10⁹
  for (let i = 0; i < T; i++) {
    for (let j = 0; j <= i; j++) distances[i * T + j] = j - i;
  }
  const distance = builder.fresh("distances");
  builder.initializer(distance, float32([T, T]), distances);
  builder.emit("Mul", [slopes, distance], { outputs });
}

/** nll from the logarithm of softmax, which stays exact where a probability underflows. */
function crossEntropy(
  { inputs: [logits, targets], outputs: [nll, probabilities] }: Node,
  { builder, graph, isUsed }: RewriteContext,
): void {
  const [rows] = graph.types[logits].shape;
  const column = builder.reshape(targets, [rows, 1]);
  const logs = builder.emit("LogSoftmax", [logits], { attributes: { axis: -1 } }); // (N, V)
  const chosen = builder.emit("GatherElements", [logs, column], { attributes: { axis: 1 } }); // (N, 1)
  builder.emit("Neg", [builder.reshape(chosen, [rows])], { outputs: [nll] });
  if (isUsed(probabilities)) builder.emit("Exp", [logs], { outputs: [probabilities] });
}

/** One scale a row, then one replaced element a row: positions are distinct, so scattering is deterministic. */
function crossEntropyGradient(
  { inputs: [probabilities, targets, dNll], outputs }: Node,
  { builder, graph }: RewriteContext,
): void {
  const [rows] = graph.types[probabilities].shape;
  const column = builder.reshape(targets, [rows, 1]);
  const perRow = builder.reshape(dNll, [rows, 1]);
  const scaled = builder.emit("Mul", [probabilities, perRow]); // (N, V)
  const chosen = builder.emit("GatherElements", [scaled, column], { attributes: { axis: 1 } });
  const replaced = builder.emit("Sub", [chosen, perRow]); // (N, 1)
  builder.emit("ScatterElements", [scaled, column, replaced], { attributes: { axis: 1 }, outputs });
}

/** Integers wrap around in every kernel's Mul, as 32-bit words do. */
function dropoutMask(
  { inputs: [rows, columns, limit, scale], outputs }: Node,
  { builder, graph }: RewriteContext,
): void {
  const column = builder.reshape(rows, [...graph.types[rows].shape, 1]);
  const products = builder.emit("Mul", [column, columns]); // int32 (N, M)
  const isKept = builder.emit("GreaterOrEqual", [products, limit]);
  const ones = builder.emit("Cast", [isKept], { attributes: { to: 1 } });
  builder.emit("Mul", [ones, scale], { outputs });
}

/**
 * For a gradient that is no summand of a parameter's gradient (there the host adds the rows): a product with the 0/1 matrix
 * of ids. It costs rows × ids, but adds in a fixed order.
 */
export function embeddingGradient(
  { inputs: [ids, dY], outputs, attributes }: Node,
  { builder, graph }: RewriteContext,
): void {
  const rows = attributes.rows as number;
  const count = sizeOf(graph.types[ids].shape);
  const width = sizeOf(graph.types[dY].shape) / count;
  const column = builder.reshape(ids, [count, 1]);
  const table = builder.ids(Array.from({ length: rows }, (_, row) => row));
  const isRow = builder.emit("Equal", [column, table]); // (N, rows)
  const chosen = builder.emit("Cast", [isRow], { attributes: { to: 1 } });
  builder.emit("Gemm", [chosen, builder.reshape(dY, [count, width])], {
    attributes: { transA: 1 },
    outputs,
  });
}

/**
 * dX = dY·(½·(1 + erf(r)) + r·exp(−r² − ½·ln π)) with r = x/√2, since x·φ(x) = r·exp(−r²)/√π: the constant inside the
 * exponent saves a pass over the widest tensor of a block.
 */
function geluGradient({ inputs: [dY, x], outputs }: Node, { builder }: RewriteContext): void {
  const root = builder.emit("Mul", [x, builder.scalar(Math.SQRT1_2)]);
  const twiceArea = builder.emit("Add", [builder.emit("Erf", [root]), builder.scalar(1)]);
  const area = builder.emit("Mul", [twiceArea, builder.scalar(0.5)]); // Φ(x)
  const square = builder.emit("Mul", [root, root]);
  const exponent = builder.emit("Sub", [builder.scalar(-0.5 * Math.log(Math.PI)), square]);
  const bell = builder.emit("Mul", [root, builder.emit("Exp", [exponent])]); // x·φ(x)
  builder.emit("Mul", [dY, builder.emit("Add", [area, bell])], { outputs });
}

/** dX = dY·½·(1 + t + x·u′·(1 − t²)) with t = tanh(u), u = x·(s + c·x²), u′ = s + 3·c·x². */
function fastGeluGradient({ inputs: [dY, x], outputs }: Node, { builder }: RewriteContext): void {
  const [s, c] = [fastGeluScale, fastGeluScale * fastGeluCube];
  const times = (a: string, b: string) => builder.emit("Mul", [a, b]);
  const plus = (a: string, b: string) => builder.emit("Add", [a, b]);
  const square = times(x, x);
  const factor = plus(times(square, builder.scalar(c)), builder.scalar(s));
  const t = builder.emit("Tanh", [times(x, factor)]);
  const slope = plus(times(square, builder.scalar(3 * c)), builder.scalar(s)); // u′
  const bell = times(times(x, slope), builder.emit("Sub", [builder.scalar(1), times(t, t)]));
  const twice = plus(plus(t, builder.scalar(1)), bell);
  builder.emit("Mul", [times(dY, builder.scalar(0.5)), twice], { outputs });
}
