/**
 * Rewritings for a device (provider webgpu): operators that have no kernel there, and sums over repeated ids, which the device
 * would add in any order.
 */
import { type Node, sizeOf } from "../../../model/mod.ts";
import type { OnnxBuilder } from "../builder.ts";
import type { RewriteContext, Target } from "../rewrite.ts";
import { embeddingGradient } from "../rewrites.ts";

export const device: Target = {
  rewrites: {
    CrossEntropy: crossEntropy,
    CrossEntropyGradient: crossEntropyGradient,
    EmbeddingGradient: distinctEmbeddingGradient,
    FusedMatMul: fusedMatMul,
  },
  readsRowsInPlace: false,
  headPieceSize: 32 * 2 ** 20, // 128 MiB, which any WebGPU device lets a kernel bind
};

/** A scale, transpositions, a product. */
function fusedMatMul(node: Node, context: RewriteContext): void {
  const { builder } = context;
  const factors = factorsOf(node, node.inputs, context, (value) => builder.scalar(value));
  builder.emit("MatMul", factors, { outputs: node.outputs });
}

/** The factors of a plain product that equals a FusedMatMul of `values`: its inputs, or the same in half precision. */
export function factorsOf(
  { inputs: [left, right], attributes }: Node,
  [a, b]: readonly string[],
  { builder, graph }: RewriteContext,
  scalar: (value: number) => string,
): readonly [string, string] {
  const turned = (value: string, rank: number) => {
    const axes = Array.from({ length: rank }, (_, axis) => axis);
    const perm = [...axes.slice(0, -2), rank - 1, rank - 2];
    return builder.emit("Transpose", [value], { attributes: { perm } });
  };
  const alpha = (attributes.alpha ?? 1) as number;
  const scaled = alpha === 1 ? a : builder.emit("Mul", [a, scalar(alpha)]);
  return [
    attributes.transA === 1 ? turned(scaled, graph.types[left].shape.length) : scaled,
    attributes.transB === 1 ? turned(b, graph.types[right].shape.length) : b,
  ];
}

/** log Σ exp over the last axis, kept as length 1. */
function logSumExp(x: string, builder: OnnxBuilder): string {
  const over = { attributes: { keepdims: 1 } };
  const axes = builder.integers([-1]);
  const largest = builder.emit("ReduceMax", [x, axes], over);
  const exps = builder.emit("Exp", [builder.emit("Sub", [x, largest])]);
  const log = builder.emit("Log", [builder.emit("ReduceSum", [exps, axes], over)]);
  return builder.emit("Add", [largest, log]);
}

/** 1 where the class is the target's, (N, V). Task heads have few classes. */
function isTarget(
  targets: string,
  [rows, classes]: readonly number[],
  builder: OnnxBuilder,
): string {
  const column = builder.reshape(targets, [rows, 1]);
  const every = builder.ids(Array.from({ length: classes }, (_, one) => one));
  return builder.emit("Cast", [builder.emit("Equal", [column, every])], { attributes: { to: 1 } });
}

function crossEntropy(
  { inputs: [logits, targets], outputs: [nll, probabilities] }: Node,
  { builder, graph, isUsed }: RewriteContext,
): void {
  const { shape } = graph.types[logits];
  const logs = builder.emit("Sub", [logits, logSumExp(logits, builder)]); // (N, V)
  const chosen = builder.emit("Mul", [logs, isTarget(targets, shape, builder)]);
  const sum = builder.emit("ReduceSum", [chosen, builder.integers([-1])], {
    attributes: { keepdims: 0 },
  });
  builder.emit("Neg", [sum], { outputs: [nll] });
  if (!isUsed(probabilities)) return;
  builder.emit("Softmax", [logits], { attributes: { axis: -1 }, outputs: [probabilities] });
}

function crossEntropyGradient(
  { inputs: [probabilities, targets, dNll], outputs }: Node,
  { builder, graph }: RewriteContext,
): void {
  const { shape } = graph.types[probabilities];
  const away = builder.emit("Sub", [probabilities, isTarget(targets, shape, builder)]);
  builder.emit("Mul", [away, builder.reshape(dNll, [shape[0], 1])], { outputs });
}

/**
 * Rows of the same id are added by a product with the 0/1 matrix of the step's distinct ids, in a fixed order; distinct rows
 * are then scattered, each to a place of its own. The host says which ids are distinct.
 */
function distinctEmbeddingGradient(node: Node, context: RewriteContext): void {
  const { inputs: [ids, dY], outputs, attributes } = node;
  const rows = attributes.rows as number;
  const table = context.distinctIds(ids, rows);
  if (table === undefined) return embeddingGradient(node, context);
  const { builder, graph } = context;
  const count = sizeOf(graph.types[ids].shape);
  const width = sizeOf(graph.types[dY].shape) / count;
  const slots = builder.reshape(table.slots, [1, count]);
  const every = builder.ids(Array.from({ length: table.size }, (_, slot) => slot));
  const isSlot = builder.emit("Equal", [slots, builder.reshape(every, [table.size, 1])]); // (U, N)
  const chosen = builder.emit("Cast", [isSlot], { attributes: { to: 1 } });
  const sums = builder.emit("Gemm", [chosen, builder.reshape(dY, [count, width])]); // (U, C)
  const zeros = builder.emit("Expand", [builder.scalar(0), builder.integers([rows, width])]);
  builder.emit("ScatterND", [zeros, table.rows, sums], { outputs });
}
