/**
 * The head of a language model with its loss, class by class in pieces: what a step keeps of the logits is one array of
 * their size, the probabilities relative to each piece, and that array becomes the logits' gradient in place. The table's
 * gradient needs no sum over pieces, as each piece has rows of its own, which go straight to where the caller wants them.
 *
 * Where a piece has the scores x and softmax(x) = s, its log Σ exp is max x − log max s: two reductions that only read.
 */
import {
  add,
  embeddingGradient,
  type Graph,
  linearCrossEntropyGradient,
  mul,
  neg,
  type Node,
  type Operator,
  reshape,
  type TensorType,
} from "../../model/mod.ts";
import type { OnnxBuilder } from "./builder.ts";
import type { Piece, RewriteContext } from "./rewrite.ts";

const mostPieces = 32;

/** Emits a matrix product of two values, (rows, n) and (n, columns) after transposition, plus an optional addend. Returns its name. */
export type Product = (
  context: RewriteContext,
  inputs: readonly [a: string, b: string, addend?: string],
  options: {
    /** n, the terms of each sum. */
    readonly terms: number;
    readonly transA?: boolean;
    readonly transB?: boolean;
    readonly output?: string;
  },
) => string;

const gemm: Product = ({ builder }, inputs, { transA, transB, output }) =>
  builder.emit("Gemm", inputs as readonly string[], {
    attributes: { ...(transA ? { transA: 1 } : {}), ...(transB ? { transB: 1 } : {}) },
    outputs: output === undefined ? undefined : [output],
  });

/** How the classes of a head with `rows` predictions are cut into pieces of so many logits; any machine gives the same pieces. */
export function classPieces(rows: number, classes: number, pieceSize: number): readonly Piece[] {
  const count = Math.min(mostPieces, classes, Math.ceil(rows * classes / pieceSize));
  const width = Math.ceil(classes / count);
  return Array.from({ length: Math.ceil(classes / width) }, (_, i) => ({
    from: i * width,
    to: Math.min(classes, (i + 1) * width),
  }));
}

/** The gradient that `expandHeads` leaves: (hidden, table, targets, logSumExp, dNll) → dHidden, dTable without the targets' part. */
export const headGradientOperator: Operator = {
  ...linearCrossEntropyGradient,
  name: "HeadGradient",
};

/**
 * The graph with the part of the targets taken out of each head's table gradient: −dNll[n]·hidden[n] goes to row
 * targets[n], which is an EmbeddingGradient like that of the tokens and is added where those are.
 */
export function expandHeads(graph: Graph): Graph {
  if (!graph.nodes.some(({ operator }) => operator.name === "LinearCrossEntropyGradient")) {
    return graph;
  }
  const types: Record<string, TensorType> = { ...graph.types };
  const nodes = graph.nodes.flatMap((node) =>
    node.operator.name === "LinearCrossEntropyGradient" ? expandHead(node, types) : [node]
  );
  return { ...graph, nodes, types };
}

function expandHead(node: Node, types: Record<string, TensorType>): Node[] {
  const { inputs: [hidden, table, targets, , dNll], outputs: [dHidden, dTable], scope } = node;
  const [rows] = types[hidden].shape;
  const make = (name: string, type: TensorType) => {
    types[`${dTable}~${name}`] = type;
    return `${dTable}~${name}`;
  };
  const step = (operator: Operator, inputs: string[], output: string, attributes = {}): Node => ({
    operator,
    inputs,
    outputs: [output],
    attributes,
    scope,
  });
  const others = make("others", types[dTable]);
  const column = make("column", { dtype: "float32", shape: [rows, 1] });
  const weighted = make("weighted", types[hidden]);
  const ofTargets = make("rows", types[hidden]);
  const scattered = make("targets", types[dTable]);
  return [
    { ...node, operator: headGradientOperator, outputs: [dHidden, others] },
    step(reshape, [dNll], column, { shape: [rows, 1] }),
    step(mul, [hidden, column], weighted), // (N, C)
    step(neg, [weighted], ofTargets),
    step(embeddingGradient, [targets, ofTargets], scattered, {
      rows: types[table].shape[0],
    }),
    step(add, [others, scattered], dTable),
  ];
}

export function linearCrossEntropy(
  { inputs: [hidden, table, targets], outputs: [nll, logSumExp] }: Node,
  context: RewriteContext,
  product = gemm,
): void {
  const { builder, graph } = context;
  const [rows, width] = graph.types[hidden].shape;
  const [classes] = graph.types[table].shape;
  const shares: string[] = [];
  const logSums: string[] = [];
  const largest = (value: string) =>
    builder.emit("ReduceMax", [value, builder.integers([1])], { attributes: { keepdims: 1 } });
  for (const piece of classPieces(rows, classes, context.target.headPieceSize)) {
    const part = context.rowsOf(table, piece);
    const logits = product(context, [hidden, part], { terms: width, transB: true });
    const share = builder.emit("Softmax", [logits], { attributes: { axis: -1 } });
    shares.push(share);
    logSums.push(
      builder.emit("Sub", [largest(logits), builder.emit("Log", [largest(share)])]),
    );
  }
  const logs = logSums.length === 1 ? logSums[0] : builder.emit("ReduceLogSumExp", [
    builder.emit("Concat", logSums, { attributes: { axis: 1 } }), // (N, pieces)
    builder.integers([1]),
  ], { attributes: { keepdims: 1 } });
  builder.reshape(logs, [rows], logSumExp);
  const own = builder.emit("Mul", [hidden, targetRows(table, targets, builder)]); // (N, C)
  const score = builder.emit("ReduceSum", [own, builder.integers([1])], {
    attributes: { keepdims: 0 },
  });
  builder.emit("Sub", [logSumExp, score], { outputs: [nll] });
  context.heads.set(logSumExp, { shares, logSums });
}

/** dHidden, and the table's gradient without the targets' part: a value for each piece. */
export function headGradient(
  { inputs: [hidden, table, targets, logSumExp, dNll], outputs: [dHidden, dTable] }: Node,
  context: RewriteContext,
  product = gemm,
): void {
  const { builder, graph } = context;
  const [rows] = graph.types[hidden].shape;
  const state = context.heads.get(logSumExp);
  const column = builder.reshape(dNll, [rows, 1]);
  const logs = builder.reshape(logSumExp, [rows, 1]);
  const pieces = classPieces(rows, graph.types[table].shape[0], context.target.headPieceSize);
  const own = builder.emit("Mul", [targetRows(table, targets, builder), column]);
  let sum = builder.emit("Neg", [own]); // (N, C)
  const parts = pieces.map((piece, i) => {
    const part = context.rowsOf(table, piece);
    const dLogits = state === undefined
      ? weightedProbabilities(hidden, part, logs, column, builder)
      : builder.emit("Mul", [
        state.shares[i],
        pieceWeight(state.logSums[i], logs, column, builder),
      ]);
    const output = i === pieces.length - 1 ? dHidden : undefined;
    sum = product(context, [dLogits, part, sum], { terms: piece.to - piece.from, output });
    return product(context, [dLogits, hidden], { terms: rows, transA: true });
  });
  context.definePieces(dTable, pieces, parts);
}

function targetRows(table: string, targets: string, builder: OnnxBuilder): string {
  return builder.emit("Gather", [table, targets], { attributes: { axis: 0 } });
}

/** dNll·exp(logSum − logs), the factor of a probability within a piece. (N, 1) */
function pieceWeight(logSum: string, logs: string, dNll: string, builder: OnnxBuilder): string {
  const share = builder.emit("Exp", [builder.emit("Sub", [logSum, logs])]);
  return builder.emit("Mul", [share, dNll]);
}

/** dNll·exp(logits − logs), for a graph without the head's forward pass. */
function weightedProbabilities(
  hidden: string,
  part: string,
  logs: string,
  dNll: string,
  builder: OnnxBuilder,
): string {
  const logits = builder.emit("Gemm", [hidden, part], { attributes: { transB: 1 } });
  const probabilities = builder.emit("Exp", [builder.emit("Sub", [logits, logs])]);
  return builder.emit("Mul", [probabilities, dNll]);
}
